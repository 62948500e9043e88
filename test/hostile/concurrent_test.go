package hostile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/org/gocache-action/internal/lookup"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// TestConcurrentProcesses saves one key on S3 with 16 processes at once, each with entries of its
// own. The result has all of these entries and everything they refer to, and the trend has all the
// saves.
func TestConcurrentProcesses(t *testing.T) {
	const processes, entries = 16, 3
	srv := storetest.Gateway(t)
	srv.Bucket(t, "bucket")
	srv.Setenv(t)
	st, err := s3.New(context.Background(), s3.Options{Bucket: "bucket", Prefix: "p", Region: "us-east-1", Endpoint: srv.Endpoint, PathStyle: true})
	e2etest.Must(t, err)
	shared.Reset(t)
	base := t.TempDir()
	var cmds []*exec.Cmd
	for i := range processes {
		build := filepath.Join(base, fmt.Sprint("build", i))
		for n := range entries {
			e2etest.AddEntry(t, build, i*entries+n)
		}
		cmd := shared.Gocache(filepath.Join(base, fmt.Sprint("home", i)), "save", "unused")
		cmd.Env = append(cmd.Env, "GOCACHE="+build, fmt.Sprint("GITHUB_RUN_ID=", i), "GITHUB_ACTIONS=true")
		for a, arg := range cmd.Args {
			if arg == "--store" {
				cmd.Args[a+1] = "s3://bucket/p?region=us-east-1&path-style=true&endpoint=" + srv.Endpoint
			}
		}
		cmds = append(cmds, cmd)
	}
	var wg sync.WaitGroup
	for _, cmd := range cmds {
		wg.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	found := find(t, st)
	if len(found.Actions) != processes*entries || len(found.Modules) != 3 {
		t.Fatalf("%d entries and %d modules in the manifest, want %d and 3", len(found.Actions), len(found.Modules), processes*entries)
	}
	runs := map[string]bool{}
	for _, s := range found.Trend {
		runs[s.Run] = true
	}
	if len(found.Trend) != processes || len(runs) != processes {
		t.Errorf("the trend has %d saves by %d processes, want %d", len(found.Trend), len(runs), processes)
	}
	for _, p := range found.Packs {
		if _, err := st.Stat(context.Background(), p.Object); err != nil {
			t.Errorf("pack %s: %v", p.Object, err)
		}
	}
}

// find reads the manifest under the key that the command itself derives.
func find(t *testing.T, st store.Store) *snapshot.Manifest {
	t.Helper()
	out, err := exec.Command(shared.Binary, "plan", "--json", "--repo", "r", "--scope", e2etest.MainScope, "--name", "job", "--dir", shared.Proj, "restore",
		"--store", "file://"+filepath.ToSlash(t.TempDir())).Output()
	e2etest.Must(t, err)
	var plan struct{ Candidates []lookup.Candidate }
	e2etest.Must(t, json.Unmarshal(out, &plan))
	object := plan.Candidates[0].Object
	return e2etest.ReadManifest(t, st, object)
}

// atOnce runs jobs at the same time, each with a build cache that has an entry of its own.
func atOnce(t *testing.T, jobs int, run func(job int, build string)) {
	t.Helper()
	base := t.TempDir()
	var wg sync.WaitGroup
	for i := range jobs {
		build := filepath.Join(base, fmt.Sprint(i))
		e2etest.AddEntry(t, build, i)
		wg.Go(func() { run(i, build) })
	}
	wg.Wait()
}

// TestWithoutConditions: on a store without conditional writes, jobs that save at once also keep
// each other's entries.
func TestWithoutConditions(t *testing.T) {
	refuse := func(_ context.Context, c storetest.Call) (bool, error) {
		if (c.Cond != store.Condition{}) {
			return false, store.ErrNoConditions
		}
		return true, nil
	}
	st := &storetest.Faulty{Store: e2etest.DirStore(t, filepath.Join(t.TempDir(), "store")), Before: refuse}
	const jobs = 4
	atOnce(t, jobs, func(job int, build string) {
		res, err := save.Run(context.Background(), save.Options{Store: st, Repo: "r", Scope: e2etest.MainScope, Keys: e2etest.SomePlan(t), BuildDir: build})
		if err != nil || len(res.Warnings) != 1 {
			t.Errorf("job %d: %v, %+v", job, err, res)
		}
	})
	m := e2etest.ReadManifest(t, st, snapshot.ManifestObject("r", e2etest.MainScope, e2etest.SomePlan(t).Key.Exact()))
	if n := len(m.Actions); n != jobs {
		t.Errorf("%d entries, want one of each of %d jobs", n, jobs)
	}
	shared.Reset(t)
	if res := shared.Save(t, st); res.Modules.Uploaded != 3 {
		t.Errorf("modules: %+v", res.Modules)
	}
	// The URL says that the server ignores conditions.
	srv := storetest.Gateway(t)
	srv.Bucket(t, "bucket")
	srv.Setenv(t)
	s, err := s3.New(context.Background(), s3.Options{Bucket: "bucket", Endpoint: srv.Endpoint, PathStyle: true, NoConditions: true})
	e2etest.Must(t, err)
	if _, err := s.Put(context.Background(), "v2/x", nil, 0, store.Condition{IfAbsent: true}); !errors.Is(err, store.ErrNoConditions) {
		t.Errorf("conditional write: %v", err)
	}
}

// TestConcurrentSaves: when several jobs save the same key at once, no entry is lost.
func TestConcurrentSaves(t *testing.T) {
	for name, st := range e2etest.Stores(t) {
		t.Run(name, func(t *testing.T) {
			shared.Reset(t)
			const jobs = 6
			atOnce(t, jobs, func(job int, build string) {
				o := shared.SaveOptions(t, st)
				o.BuildDir = build
				if _, err := save.Run(context.Background(), o); err != nil {
					t.Errorf("job %d: %v", job, err)
				}
			})
			m := shared.Manifest(t, st)
			if len(m.Actions) != jobs {
				t.Errorf("%d entries in the manifest, want one of each of %d jobs", len(m.Actions), jobs)
			}
			if len(m.Modules) != 3 {
				t.Errorf("%d modules", len(m.Modules))
			}
		})
	}
}
