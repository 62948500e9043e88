package restore

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/content/build"
	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/content/graph"
	"github.com/org/gocache-action/internal/content/modules"
	"github.com/org/gocache-action/internal/content/paths"
	"github.com/org/gocache-action/internal/lookup"
	"github.com/org/gocache-action/internal/snapshot"
)

// TestKinds: kinds are planned only if they have somewhere to restore to, and are reported in a
// fixed order. Trees and paths are restored first.
func TestKinds(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Options)
		want   []string
	}{
		"all":             {func(*Options) {}, []string{modules.Name, build.Name, graph.Name, paths.Name}},
		"no module cache": {func(o *Options) { o.ModDir = "" }, []string{build.Name, graph.Name, paths.Name}},
		"no build cache":  {func(o *Options) { o.BuildDir = "" }, []string{modules.Name, graph.Name, paths.Name}},
		"neither":         {func(o *Options) { o.ModDir, o.BuildDir = "", "" }, []string{graph.Name, paths.Name}},
	} {
		o := newWorld(t).options()
		c.change(&o)
		o.setDefaults()
		plans, err := prepare(t.Context(), o, finding{}, newPlaces(o))
		if err != nil {
			t.Fatal(err)
		}
		var names, early []string
		for _, p := range plans {
			names = append(names, p.Name)
			if p.early {
				early = append(early, p.Name)
			}
		}
		if !slices.Equal(names, c.want) || !slices.Equal(early, []string{graph.Name, paths.Name}) {
			t.Errorf("%s: %q, early %q", name, names, early)
		}
	}
}

// TestPrepareEnds: preparing ends with its context, and returns the cause.
func TestPrepareEnds(t *testing.T) {
	o := newWorld(t).options()
	o.setDefaults()
	ctx, reason := cancelled(t)
	if _, err := prepare(ctx, o, finding{Found: lookup.Found{Manifest: new(snapshot.Manifest)}}, newPlaces(o)); !errors.Is(err, reason) {
		t.Errorf("%v", err)
	}
}

// TestPhases: the progress display names the current phase.
func TestPhases(t *testing.T) {
	for verify, want := range map[bool]string{false: "compare", true: "verify"} {
		o := newWorld(t).options()
		o.VerifyOutputs = verify
		o.setDefaults()
		if _, err := prepare(t.Context(), o, finding{}, newPlaces(o)); err != nil || o.Meter.Phase() != want {
			t.Errorf("%q, %v", o.Meter.Phase(), err)
		}
	}
}

// TestWhatIsChecked: a trusted key vouches for modules that go.sum does not name, unless
// SumDBAlways is set.
func TestWhatIsChecked(t *testing.T) {
	db, trust := new(checksumdb.DB), new(snapshot.Trust)
	for name, c := range map[string]struct {
		db     *checksumdb.DB
		trust  *snapshot.Trust
		always bool
		want   bool
	}{
		"no database":     {nil, nil, false, false},
		"nobody vouches":  {db, nil, false, true},
		"a key vouches":   {db, trust, false, false},
		"all are checked": {db, trust, true, true},
	} {
		o := newWorld(t).options()
		o.SumDB, o.Trust, o.SumDBAlways = c.db, c.trust, c.always
		if k := modulesKind(o, finding{}, newPlaces(o)); (k.Check != nil) != c.want {
			t.Errorf("%s: checked is %t", name, k.Check != nil)
		}
	}
}

// TestExactRules: with the snapshot of the same module files, the modules in its list are enough;
// with any other, every version of go.sum is looked up.
func TestExactRules(t *testing.T) {
	o := newWorld(t).options()
	for digest, want := range map[string]bool{"digest": true, "other": false} {
		f := finding{Found: lookup.Found{Manifest: &snapshot.Manifest{Digest: digest}}}
		if k := modulesKind(o, f, newPlaces(o)); k.Exact != want {
			t.Errorf("%s: exact is %t", digest, k.Exact)
		}
	}
	if k := modulesKind(o, finding{}, newPlaces(o)); k.Exact {
		t.Error("a miss is exact")
	}
}

// TestPrivateModules: private modules are looked up only in the scopes of the job, in their order.
func TestPrivateModules(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	o.Private = "example.com"
	stored := contenttest.Framed(contenttest.Tar(t, modFiles...), 1<<20)
	shared, err := snapshot.ModuleObject(modVersion, modSum())
	if err != nil {
		t.Fatal(err)
	}
	w.store.Set(shared, stored)
	if res, err := Run(t.Context(), o); err != nil || res.Modules != (Counts{Missing: 1}) || slices.Contains(w.store.Reads(), shared) {
		t.Errorf("%+v, %v", res, err)
	}
	scoped, err := snapshot.ScopedModuleObject("r", main, modVersion, modSum())
	if err != nil {
		t.Fatal(err)
	}
	w.store.Set(scoped, stored)
	if res, err := Run(t.Context(), o); err != nil || res.Modules != (Counts{Restored: 1}) {
		t.Errorf("%+v, %v", res, err)
	}
	reads := w.store.Reads()
	for _, scope := range []string{own, base} {
		name, err := snapshot.ScopedModuleObject("r", scope, modVersion, modSum())
		if err != nil || !slices.Contains(reads, name) {
			t.Errorf("%s was not looked up, %v", name, err)
		}
	}
}

// TestZips: zips are made from trees on request, even of modules that are already in the cache.
func TestZips(t *testing.T) {
	w := full(t)
	const zip = "mod/cache/download/example.com/m/@v/v1.0.0.zip"
	o := w.options()
	if res, err := Run(t.Context(), o); err != nil || res.Modules.Restored != 1 || w.has(zip) || res.State.ZipsRebuilt {
		t.Fatalf("%+v, %v", res, err)
	}
	o.Zips = true
	for range 2 {
		if res, err := Run(t.Context(), o); err != nil || len(res.Losses) != 0 || !w.has(zip) || !res.State.ZipsRebuilt {
			t.Errorf("%+v, %v", res, err)
		}
	}
}

// TestFuzzCorpus: the fuzzing corpus is restored only on request.
func TestFuzzCorpus(t *testing.T) {
	w := newWorld(t)
	m := w.manifest(t)
	const name = "fuzz/example.com/m/FuzzX/0123"
	b := snapshot.NewBuilder()
	pack := b.AddPack(contenttest.Pack(w.store, contenttest.Tar(t, contenttest.File{Name: name, Content: "go test fuzz v1\n"})))
	b.AddTree(snapshot.Tree{Name: snapshot.TreeFuzz, Pack: pack, Files: 1, Bytes: 16, Sum: strings.Repeat("0a", 32)})
	m.Modules = nil
	b.Build(m)
	o := w.options()
	w.save(t, m, main, o.Keys.Key.Latest())
	for _, fuzz := range []bool{false, true} {
		o.Fuzz = fuzz
		if res, err := Run(t.Context(), o); err != nil || w.has("build/"+name) != fuzz || len(res.Losses) != 0 {
			t.Errorf("asked for: %t; %+v, %v", fuzz, res, err)
		}
	}
}

// TestBrokenTree: a tree with an additional file is replaced, and a warning names the file that is
// lost.
func TestBrokenTree(t *testing.T) {
	w := full(t)
	o := w.options()
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	tree := filepath.Join(o.ModDir, "example.com", "m@v1.0.0")
	if err := os.Chmod(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, "m.go.orig"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	p, err := Plan(t.Context(), o)
	if err != nil || p.Modules.Fetch != 1 || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "m.go.orig") {
		t.Errorf("%+v, %v", p, err)
	}
	res, err := Run(t.Context(), o)
	if err != nil || res.Modules != (Counts{Restored: 1}) || !slices.Equal(res.Warnings, p.Warnings) || w.has("mod/example.com/m@v1.0.0/m.go.orig") {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestContradiction: if the snapshot contradicts go.sum about a module, the module is refused, by
// the plan and by the restore alike; the right one is looked up if the snapshot is for other module
// files.
func TestContradiction(t *testing.T) {
	w := full(t)
	o := w.options()
	o.Keys.Sums.Zip = map[module.Version]string{modVersion: "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}
	p, err := Plan(t.Context(), o)
	if err != nil || p.Modules.Fetch != 0 || p.Unlisted != 0 || len(p.Losses) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	res, err := Run(t.Context(), o)
	if err != nil || res.Modules != (Counts{Refused: 1}) || !slices.Equal(res.Losses, p.Losses) || w.has("mod/example.com") {
		t.Errorf("%+v, %v", res, err)
	}
	o.Keys.Key.Digest = "other"
	m := w.manifest(t)
	w.save(t, m, main, o.Keys.Key.Latest())
	if p, err = Plan(t.Context(), o); err != nil || p.Unlisted != 1 || len(p.Losses) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}
