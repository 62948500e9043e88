package load

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/keys"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
)

// Jobs that work on one key of one server at once.
const (
	loadRestores = 64
	loadSaves    = 16
	loadModules  = 6
	loadEntries  = 200 // in the snapshot that is restored
	loadNew      = 10  // added by each save
	loadScope    = "refs/heads/main"
)

// TestLoad runs 64 restores and 16 saves on one key of one S3 server at once. None fails or misses
// anything, the snapshot has everything that any save added, and no save is refused more often than
// others succeed.
func TestLoad(t *testing.T) {
	srv := storetest.Gateway(t)
	srv.Bucket(t, "bucket")
	srv.Setenv(t)
	base := t.TempDir()
	var mods []loadModule
	for i := range loadModules {
		mods = append(mods, newLoadModule(i))
	}
	plan := loadPlan(t, mods)
	w := &loadWorld{srv: srv, base: base, plan: plan}
	seed := filepath.Join(base, "seed")
	loadFillModules(t, filepath.Join(seed, "mod"), mods)
	loadFillBuild(t, filepath.Join(seed, "build"), 0, loadEntries)
	if res, _ := w.save(t, "seed", filepath.Join(seed, "mod")); res.Build.Uploaded != loadEntries || res.Modules.Uploaded != loadModules {
		t.Fatalf("first save: %+v", res)
	}
	for i := range loadSaves {
		loadFillBuild(t, filepath.Join(base, fmt.Sprint("save", i), "build"), loadEntries+i*loadNew, loadNew)
	}

	var wg sync.WaitGroup
	var total loadRequests
	start := time.Now()
	for i := range loadSaves {
		wg.Go(func() {
			res, conflicts := w.save(t, fmt.Sprint("save", i), "")
			total.add("save", res.Requests, conflicts)
			if res.Build.Uploaded != loadNew || len(res.Warnings) > 0 {
				t.Errorf("save %d: %+v, warnings %q", i, res.Build, res.Warnings)
			}
			// Each refusal under a key means that another save has written it meanwhile.
			if conflicts > 2*(loadSaves-1) {
				t.Errorf("save %d was refused %d times by %d others", i, conflicts, loadSaves-1)
			}
		})
	}
	for i := range loadRestores {
		wg.Go(func() {
			res := w.restore(t, fmt.Sprint("restore", i))
			total.add("restore", res.Requests, 0)
			if res.Build.Restored < loadEntries || res.Modules.Restored != loadModules || len(res.Losses) > 0 {
				t.Errorf("restore %d: %+v, %+v, losses %v", i, res.Build, res.Modules, res.Losses)
			}
		})
	}
	wg.Wait()
	t.Logf("%d restores and %d saves in %.1f s: %v; %d conflicts, at most %d for one save", loadRestores, loadSaves, time.Since(start).Seconds(),
		total.kinds, total.conflicts, total.most)
	w.mustHaveAll(t, &total)
}

// mustHaveAll restores once more, and checks every output.
func (w *loadWorld) mustHaveAll(t *testing.T, total *loadRequests) {
	t.Helper()
	const want = loadEntries + loadSaves*loadNew
	if res := w.restore(t, "last"); res.Build.Restored != want || len(res.Losses) > 0 {
		t.Fatalf("at the end %+v, want %d entries; losses %v", res.Build, want, res.Losses)
	}
	inv, err := buildcache.Open(filepath.Join(w.base, "last", "build")).Scan(context.Background(), buildcache.ScanOptions{})
	if err != nil || len(inv.Entries) != want || len(inv.Broken) > 0 {
		t.Fatalf("%d entries, want %d; broken %v; %v", len(inv.Entries), want, inv.Broken, err)
	}
	for _, o := range inv.Outputs {
		f, err := buildcache.Open(filepath.Join(w.base, "last", "build")).OpenOutput(o)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(f)
		f.Close()
		if err != nil || digest.Of(data) != o.ID {
			t.Fatalf("output %s: %v", o.ID, err)
		}
	}
	// A save that is refused reads and writes again; everything else is requested once. So the
	// number of requests is known except for those of refused saves.
	if got, most := total.kinds["restore GET"], int64(loadRestores*(2+loadModules+1+loadSaves+2)); got == 0 || got > most {
		t.Errorf("%d reads of %d restores, want at most %d", got, loadRestores, most)
	}
	if puts := total.kinds["save PUT"]; puts < loadSaves*2 || puts > loadSaves*3+total.conflicts {
		t.Errorf("%d writes of %d saves with %d conflicts", puts, loadSaves, total.conflicts)
	}
}

// loadRequests counts requests by command and kind.
type loadRequests struct {
	mu        sync.Mutex
	kinds     map[string]int64
	conflicts int64
	most      int64 // conflicts of one save
}

func (r *loadRequests) add(who string, kinds map[string]int64, conflicts int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kinds == nil {
		r.kinds = map[string]int64{}
	}
	for k, n := range kinds {
		r.kinds[who+" "+k] += n
	}
	r.conflicts += conflicts
	r.most = max(r.most, conflicts)
}

// loadWorld is the server, and a directory with a subdirectory for the caches of each machine.
type loadWorld struct {
	srv  *storetest.Server
	base string
	plan keys.Plan
}

// open returns a store for one machine, with connections of its own.
func (w *loadWorld) open(t *testing.T) store.Store {
	st, err := s3.New(context.Background(), s3.Options{Bucket: "bucket", Prefix: "load", Region: "us-east-1", Endpoint: w.srv.Endpoint, PathStyle: true})
	if err != nil {
		t.Error(err)
	}
	return st
}

// save saves the build cache of a machine, and its modules if mods is not empty. It returns how
// often it was refused.
func (w *loadWorld) save(t *testing.T, machine, mods string) (*save.Result, int64) {
	var conflicts atomic.Int64
	st := &storetest.Faulty{Store: w.open(t), After: func(_ context.Context, c storetest.Call, err error) error {
		if c.Op == storetest.OpPut && errors.Is(err, store.ErrConflict) && strings.Contains(c.Name, "/snapshots/") {
			conflicts.Add(1)
		}
		return err
	}}
	res, err := save.Run(context.Background(), save.Options{
		Store: st, Repo: "r", Scope: loadScope, DefaultScope: loadScope, Keys: w.plan,
		BuildDir: filepath.Join(w.base, machine, "build"), ModDir: mods, Writer: snapshot.Writing{Run: machine},
	})
	if err != nil {
		t.Errorf("%s: %v", machine, err)
	}
	return res, conflicts.Load()
}

// restore restores both caches of a machine to empty directories.
func (w *loadWorld) restore(t *testing.T, machine string) *restore.Result {
	dir := filepath.Join(w.base, machine)
	res, err := restore.Run(context.Background(), restore.Options{
		Store: w.open(t), Repo: "r", Scope: loadScope, DefaultScope: loadScope, Keys: w.plan,
		ModDir: filepath.Join(dir, "mod"), BuildDir: filepath.Join(dir, "build"), ModWritable: true, VerifyOutputs: true,
	})
	if err != nil {
		t.Errorf("%s: %v", machine, err)
	}
	return res
}

// loadFillBuild makes a build cache with the entries first to first+n-1.
func loadFillBuild(t *testing.T, dir string, first, n int) {
	t.Helper()
	c := buildcache.Open(dir)
	now := time.Now().Add(-time.Minute)
	if err := c.Prepare(now); err != nil {
		t.Fatal(err)
	}
	for i := first; i < first+n; i++ {
		data := make([]byte, 100+i%5000)
		rand.NewChaCha8(sha256.Sum256([]byte(fmt.Sprint("output", i)))).Read(data)
		o := buildcache.Output{ID: digest.Of(data), Size: int64(len(data))}
		w, err := c.CreateOutput(o, now)
		if err == nil {
			_, err = w.Write(data)
			err = errors.Join(err, w.Close())
		}
		if err == nil {
			action := sha256.Sum256(binary.AppendUvarint([]byte("action"), uint64(i)))
			err = c.PutAction(buildcache.Entry{Action: action, Output: o.ID, Size: o.Size, Time: now.UnixNano()}, now)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// loadModule is a small module version.
type loadModule struct {
	v           module.Version
	files       map[string]string
	sum, modSum string
}

func newLoadModule(i int) loadModule {
	m := loadModule{v: module.Version{Path: fmt.Sprint("example.com/load/m", i), Version: "v1.0.0"}}
	m.files = map[string]string{"go.mod": "module " + m.v.Path + "\n\ngo 1.21\n", "a.go": fmt.Sprintf("package m%d\n", i), "b/LICENSE": strings.Repeat("as is\n", 50*i)}
	var tree, mod modcache.TreeHash
	for name, text := range m.files {
		tree.Add(m.v.Path+"@"+m.v.Version+"/"+name, sha256.Sum256([]byte(text)))
	}
	mod.Add("go.mod", sha256.Sum256([]byte(m.files["go.mod"])))
	m.sum, m.modSum = tree.Sum(), mod.Sum()
	return m
}

// loadFillModules makes a module cache with these modules.
func loadFillModules(t *testing.T, dir string, mods []loadModule) {
	t.Helper()
	stage, err := modcache.Open(dir, modcache.Options{Writable: true}).NewStage()
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Close()
	for _, m := range mods {
		if err := m.install(stage); err != nil {
			t.Fatal(err)
		}
	}
}

func (m loadModule) install(stage *modcache.Stage) error {
	inst, err := stage.Begin(m.v, modcache.InstallOptions{})
	if err != nil {
		return err
	}
	defer inst.Abort()
	base := "cache/download/" + m.v.Path + "/@v/" + m.v.Version
	files := map[string]string{base + ".info": fmt.Sprintf(`{"Version":%q}`, m.v.Version), base + ".mod": m.files["go.mod"]}
	for name, text := range m.files {
		files[m.v.Path+"@"+m.v.Version+"/"+name] = text
	}
	for name, text := range files {
		if err := inst.WriteFile(name, fs.FileMode(0o644), []byte(text)); err != nil {
			return err
		}
	}
	return inst.Commit(m.sum, m.modSum)
}

// loadPlan derives the key of a project that needs the modules.
func loadPlan(t *testing.T, mods []loadModule) keys.Plan {
	t.Helper()
	goMod, goSum := "module example.com/load\n\ngo 1.24\n\n", ""
	for _, m := range mods {
		goMod += fmt.Sprintf("require %s %s\n", m.v.Path, m.v.Version)
		goSum += fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n", m.v.Path, m.v.Version, m.sum, m.v.Path, m.v.Version, m.modSum)
	}
	p, err := keys.Derive(keys.Input{
		Name: "load", OS: "linux", Arch: "amd64", GoVersion: "go1.26.0",
		Files: []keys.File{{Path: "go.mod", Data: []byte(goMod)}, {Path: "go.sum", Data: []byte(goSum)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
