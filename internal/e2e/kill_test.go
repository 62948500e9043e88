package e2e

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
)

// kills is how often each command is killed at a random moment.
const kills = 20

// killAt starts a command and kills it after d, and reports whether it was still running.
func killAt(t *testing.T, cmd *exec.Cmd, d time.Duration) bool {
	t.Helper()
	must(t, cmd.Start())
	timer := time.AfterFunc(d, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == -1
}

// timed runs a command to its end, to know how long that takes.
func timed(t *testing.T, cmd *exec.Cmd) time.Duration {
	t.Helper()
	start := time.Now()
	mustRun(t, cmd)
	return time.Since(start)
}

// TestKillRestore: a restore killed (-9) at any moment leaves caches that go commands accept, and the next
// restore completes them.
func TestKillRestore(t *testing.T) {
	root, home := filepath.Join(t.TempDir(), "store"), t.TempDir()
	shared.reset(t)
	mustRun(t, gocache(home, "save", root))
	shared.wipe(t)
	whole := timed(t, gocache(home, "restore", root))
	for hit, try := 0, 0; hit < kills; try++ {
		if try == 4*kills {
			t.Fatalf("only %d of %d runs were killed before their end", hit, try)
		}
		shared.wipe(t)
		d := rand.N(whole)
		if !killAt(t, gocache(home, "restore", root), d) {
			continue
		}
		hit++
		// What go commands add to the caches is no part of the snapshot, so either they or the comparison come first.
		used := hit%2 == 0
		if hit == kills/2 { // compiles what the kill left out, perhaps much of the standard library
			shared.mustBuild(t)
		} else if used {
			out, err := shared.goCommand(shared.proxy(), "list", "-deps", "-test", "./...")
			if err != nil {
				t.Fatalf("go list after a kill at %v: %v\n%s", d, err, out)
			}
		}
		if res := decodeResult(t, mustRun(t, gocache(home, "restore", root))); len(res.Losses) > 0 || !res.Exact {
			t.Fatalf("rerun after a kill at %v: %+v", d, res)
		}
		noLeftovers(t)
		if !used {
			shared.mustEqualTrees(t)
		}
		shared.mustBuildOffline(t)
	}
}

// TestKillSave: a save killed at any moment leaves the old snapshot or the new one, whole, and a rerun completes.
func TestKillSave(t *testing.T) {
	home := t.TempDir()
	shared.reset(t)
	whole := timed(t, gocache(home, "save", filepath.Join(t.TempDir(), "timing")))
	for hit, try := 0, 0; hit < kills; try++ {
		if try == 4*kills {
			t.Fatalf("only %d of %d runs were killed before their end", hit, try)
		}
		root := filepath.Join(t.TempDir(), fmt.Sprint("store", try))
		d := rand.N(whole)
		if !killAt(t, gocache(home, "save", root), d) {
			continue
		}
		hit++
		probe := filepath.Join(t.TempDir(), "probe")
		res := probeRestore(t, dirStore(t, root), probe)
		if len(res.Losses) > 0 {
			t.Fatalf("after a kill at %v: %+v", d, res.Losses)
		}
		if res.Matched != nil && (res.Build.Restored == 0 || res.Modules.Restored != 3) {
			t.Fatalf("after a kill at %v the new snapshot is not whole: %+v", d, res)
		}
		mustRun(t, gocache(home, "save", root))
		if res := probeRestore(t, dirStore(t, root), filepath.Join(t.TempDir(), "again")); res.Matched == nil || len(res.Losses) > 0 || res.Modules.Restored != 3 {
			t.Fatalf("after the rerun: %+v", res)
		}
	}
}

// probeRestore restores to another place.
func probeRestore(t *testing.T, st store.Store, to string) *restore.Result {
	t.Helper()
	o := shared.restoreOptions(t, st)
	o.ModDir, o.BuildDir = filepath.Join(to, "mod"), filepath.Join(to, "build")
	res, err := restore.Run(context.Background(), o)
	must(t, err)
	return res
}

// TestFaultPositions lets every single operation of a save fail, once without effect and
// once with its answer lost: the store then holds the old snapshot or the new one.
func TestFaultPositions(t *testing.T) {
	shared.reset(t)
	must(t, osfile.RemoveAll(shared.build)) // a few entries do: it is about the operations on the store
	for i := range 20 {
		addEntry(t, shared.build, i)
	}
	counting := &storetest.Faulty{Store: dirStore(t, filepath.Join(t.TempDir(), "count"))}
	shared.save(t, counting)
	total := counting.Calls()
	if total < 8 {
		t.Fatalf("only %d operations", total)
	}
	for n := int64(1); n <= total; n++ {
		for _, lost := range []bool{false, true} {
			st := dirStore(t, filepath.Join(t.TempDir(), "store"))
			faulty := &storetest.Faulty{Store: st, Before: storetest.FailAt(n, lost, store.ErrUnreachable)}
			_, err := save.Run(context.Background(), shared.saveOptions(t, faulty))
			probe := t.TempDir()
			res := shared.restore(t, st, func(o *restore.Options) {
				o.ModDir, o.BuildDir = filepath.Join(probe, "mod"), filepath.Join(probe, "build")
			})
			if len(res.Losses) > 0 || res.Matched != nil && res.Build.Restored == 0 {
				t.Errorf("operation %d, lost answer %v, error %v: %+v", n, lost, err, res)
			}
			if res := shared.save(t, st); len(res.Warnings) > 0 {
				t.Errorf("operation %d: rerun: %+v", n, res)
			}
		}
	}
}

// TestConcurrentSaves: of jobs that save the same key at once, none loses anything.
func TestConcurrentSaves(t *testing.T) {
	for name, st := range stores(t) {
		t.Run(name, func(t *testing.T) {
			shared.reset(t)
			const jobs = 6
			base := t.TempDir()
			var wg sync.WaitGroup
			for i := range jobs {
				build := filepath.Join(base, fmt.Sprint(i))
				addEntry(t, build, i)
				wg.Go(func() {
					o := shared.saveOptions(t, st)
					o.BuildDir = build
					if _, err := save.Run(context.Background(), o); err != nil {
						t.Errorf("job %d: %v", i, err)
					}
				})
			}
			wg.Wait()
			m := shared.manifest(t, st)
			if len(m.Actions) != jobs {
				t.Errorf("%d entries in the manifest, want one of each of %d jobs", len(m.Actions), jobs)
			}
			if len(m.Modules) != 3 {
				t.Errorf("%d modules", len(m.Modules))
			}
		})
	}
}

// addEntry puts one action entry, which only job i has, into a build cache.
func addEntry(t *testing.T, dir string, i int) {
	t.Helper()
	c := buildcache.Open(dir)
	must(t, c.Prepare(time.Now()))
	data := fmt.Appendf(nil, "output of job %d", i)
	o := buildcache.Output{ID: sha256.Sum256(data), Size: int64(len(data))}
	w, err := c.CreateOutput(o, time.Now())
	must(t, err)
	_, err = w.Write(data)
	must(t, errors.Join(err, w.Close()))
	must(t, c.PutAction(buildcache.Entry{Action: buildcache.ID{1, byte(i)}, Output: o.ID, Size: o.Size, Time: 1}, time.Now()))
}
