package restore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// TestRun: a restore brings everything in the snapshot, and a second one brings nothing.
func TestRun(t *testing.T) {
	w := full(t)
	res, err := Run(t.Context(), w.options())
	if err != nil || len(res.Losses)+len(res.Warnings)+len(res.State.Damaged) != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	if res.Modules != (Counts{Restored: 1}) || res.Build != (Counts{Restored: 3}) || res.Files != (Counts{Restored: 1}) || res.Packs != (Counts{Restored: 3}) {
		t.Errorf("%+v", res)
	}
	if res.State.KeptBuild || res.State.KeptModules {
		t.Error("empty caches count as ones that the machine keeps")
	}
	if !res.Exact || res.Matched.Scope != main || !res.Hit() || res.Size == nil || len(res.Largest) != 1 || res.BytesFetched == 0 || res.FilesWritten == 0 {
		t.Errorf("%+v", res)
	}
	for _, name := range []string{"mod/example.com/m@v1.0.0/m.go", "mod/" + graphFile.Name, "lint/d/f"} {
		if !w.has(name) {
			t.Errorf("%s is missing", name)
		}
	}
	reads := len(w.store.Reads())
	res, err = Run(t.Context(), w.options())
	if err != nil || res.FilesWritten != 0 || !res.State.KeptBuild || !res.State.KeptModules || res.Modules != (Counts{Present: 1}) || res.Build != (Counts{Present: 3}) || res.Files != (Counts{Present: 1}) {
		t.Errorf("again: %+v, %v", res, err)
	}
	// The pack of a tree is read, and the pack of outputs is present. The pack of the path does not
	// count.
	if res.Packs != (Counts{Restored: 1, Present: 1}) || len(w.store.Reads())-reads > 7 {
		t.Errorf("again: %+v, %q", res.Packs, w.store.Reads()[reads:])
	}
}

// TestScopes: the job's own scope comes first, then that of the base, then the default branch; in
// each of them, the snapshot of the same module files comes before the latest.
func TestScopes(t *testing.T) {
	o := newWorld(t).options()
	exact, latest := o.Keys.Key.Exact(), o.Keys.Key.Latest()
	type place struct {
		scope  string
		key    []string
		digest string
	}
	for name, c := range map[string]struct {
		saved []place
		want  string // scope; "": a miss
		exact bool
		key   []string
	}{
		"none":                     {},
		"default branch":           {[]place{{main, exact, "digest"}}, main, true, exact},
		"default branch, latest":   {[]place{{main, latest, "other"}}, main, false, latest},
		"latest is of these files": {[]place{{main, latest, "digest"}}, main, true, latest},
		"exact before latest":      {[]place{{main, latest, "other"}, {main, exact, "digest"}}, main, true, exact},
		"base before default":      {[]place{{main, exact, "digest"}, {base, latest, "other"}}, base, false, latest},
		"own before all":           {[]place{{main, exact, "digest"}, {base, exact, "digest"}, {own, latest, "other"}}, own, false, latest},
		"another scope":            {saved: []place{{"refs/heads/foreign", exact, "digest"}}},
	} {
		w := newWorld(t)
		for _, s := range c.saved {
			w.save(t, &snapshot.Manifest{Repo: "r", Digest: s.digest}, s.scope, s.key)
		}
		res, err := Lookup(t.Context(), w.options())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.want == "" {
			if res.Matched != nil || res.Hit() || res.Size != nil {
				t.Errorf("%s: %+v", name, res)
			}
			continue
		}
		if res.Matched == nil || res.Matched.Scope != c.want || res.Exact != c.exact || !slices.Equal(res.Matched.Key, c.key) {
			t.Errorf("%s: %+v", name, res.Matched)
		}
		if res.State.Matched == nil || res.State.Matched.Exact != c.exact || len(res.State.Sums) != 1 || !slices.Equal(res.State.Key, exact) {
			t.Errorf("%s: state %+v", name, res.State)
		}
	}
}

// TestLookup: Lookup reads only manifests, and not the caches, modules or paths.
func TestLookup(t *testing.T) {
	w := full(t)
	o := w.options()
	// Reading this directory would change the counts, and writing to it would show as well.
	if err := os.MkdirAll(filepath.Join(w.root, "lint", "d"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.root, "lint", "d", "f"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	o.BuiltWith = map[string]string{"CC": "x"}
	res, err := Lookup(t.Context(), o)
	if err != nil || !res.Exact {
		t.Fatalf("%+v, %v", res, err)
	}
	if none := (Counts{}); res.Files != none || res.Modules != none || res.Build != none || res.Packs != none {
		t.Errorf("something was looked at: %+v", res)
	}
	for _, name := range w.store.Reads() {
		if !strings.Contains(name, "/manifests/") && !slices.Contains(objects(candidates(o)), name) {
			t.Errorf("%s was read", name)
		}
	}
	if w.has("mod") || w.has("build") {
		t.Error("a cache was made")
	}
}

// TestMiss: modules that go.sum names are looked up even without a snapshot.
func TestMiss(t *testing.T) {
	w := newWorld(t)
	w.manifest(t) // puts the module into the store
	res, err := Run(t.Context(), w.options())
	if err != nil || res.Matched != nil || res.Modules != (Counts{Restored: 1}) || !res.Hit() || res.Packs != (Counts{}) {
		t.Errorf("%+v, %v", res, err)
	}
	w = newWorld(t)
	res, err = Run(t.Context(), w.options())
	if err != nil || res.Modules != (Counts{Missing: 1}) || res.Hit() || len(res.Losses) != 0 {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestCachesOff: a cache without a directory is not restored, and nothing is fetched for it.
func TestCachesOff(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Options)
		want   Result
		absent []string
	}{
		"no module cache": {func(o *Options) { o.ModDir = "" }, Result{Build: Counts{Restored: 3}, Files: Counts{Restored: 1}, Packs: Counts{Restored: 2}}, []string{"mod"}},
		"no build cache":  {func(o *Options) { o.BuildDir = "" }, Result{Modules: Counts{Restored: 1}, Files: Counts{Restored: 1}, Packs: Counts{Restored: 2}}, []string{"build"}},
		"no paths":        {func(o *Options) { o.Paths = nil }, Result{Modules: Counts{Restored: 1}, Build: Counts{Restored: 3}, Packs: Counts{Restored: 2}}, []string{"lint"}},
		"paths only":      {func(o *Options) { o.ModDir, o.BuildDir = "", "" }, Result{Files: Counts{Restored: 1}, Packs: Counts{Restored: 1}}, []string{"mod", "build"}},
	} {
		w := full(t)
		o := w.options()
		c.change(&o)
		res, err := Run(t.Context(), o)
		if err != nil || res.Modules != c.want.Modules || res.Build != c.want.Build || res.Files != c.want.Files || res.Packs != c.want.Packs {
			t.Errorf("%s: %+v, %v", name, res, err)
		}
		for _, dir := range c.absent {
			if w.has(dir) {
				t.Errorf("%s: %s was made", name, dir)
			}
		}
	}
}

// TestDamagedManifest: the next candidate is used, and the state tells the save to replace the
// damaged manifest.
func TestDamagedManifest(t *testing.T) {
	w := full(t)
	o := w.options()
	bad := snapshot.ManifestObject("r", own, o.Keys.Key.Exact())
	w.store.Set(bad, []byte("junk"))
	res, err := Lookup(t.Context(), o)
	if err != nil || res.Matched == nil || res.Matched.Scope != main {
		t.Fatalf("%+v, %v", res, err)
	}
	if len(res.State.Damaged) != 1 || res.State.Damaged[0].Object != bad || len(res.Losses) != 1 || res.Losses[0].Kind != "refused" {
		t.Errorf("%+v, %+v", res.State.Damaged, res.Losses)
	}
}

// TestDeniedManifest: a manifest that may not be read is passed over with a warning, since a policy
// can grant access to some scopes only.
func TestDeniedManifest(t *testing.T) {
	w := full(t)
	w.store.OnOpen = nil
	o := w.options()
	denied := snapshot.ManifestObject("r", own, o.Keys.Key.Exact())
	w.store.Set(denied, []byte("x"))
	w.store.OnOpen = func(_ context.Context, name string, body []byte) ([]byte, error) {
		if name == denied {
			return nil, store.ErrDenied
		}
		return body, nil
	}
	res, err := Lookup(t.Context(), o)
	if err != nil || res.Matched == nil || len(res.Warnings) != 1 || !strings.HasSuffix(res.Warnings[0], "it is passed over") || len(res.State.Damaged) != 0 {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestStoreFails: the result is returned together with the error, and its state warns the save.
func TestStoreFails(t *testing.T) {
	for name, c := range map[string]struct {
		err         error
		unreachable bool
	}{
		"does not answer": {store.ErrUnreachable, true},
		"no time left":    {context.DeadlineExceeded, true},
		"denied":          {store.ErrDenied, false},
	} {
		for _, manifests := range []bool{true, false} {
			w := full(t)
			w.store.OnOpen = func(_ context.Context, object string, body []byte) ([]byte, error) {
				if strings.Contains(object, "/packs/") || manifests {
					return nil, c.err
				}
				return body, nil
			}
			res, err := Run(t.Context(), w.options())
			if !errors.Is(err, c.err) || res == nil || res.State.Unreachable != c.unreachable || (res.Matched == nil) != manifests {
				t.Errorf("%s: %+v, %v", name, res, err)
			}
		}
	}
}

// TestCancelled: a restore that is cancelled while it looks up manifests writes nothing.
func TestCancelled(t *testing.T) {
	w := full(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	w.store.OnOpen = func(_ context.Context, _ string, body []byte) ([]byte, error) {
		cancel(errors.New("enough")) // with the first manifest
		return body, nil
	}
	if res, err := Run(ctx, w.options()); err == nil || res.FilesWritten != 0 {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestDiskFails: if one cache fails, the others are restored, and the error is returned at the end.
func TestDiskFails(t *testing.T) {
	w := full(t)
	if err := os.WriteFile(filepath.Join(w.root, "build"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.root, "lint"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	o := w.options()
	res, err := Run(t.Context(), o)
	if err == nil || !strings.HasPrefix(err.Error(), "build cache "+o.BuildDir+": ") || !strings.Contains(err.Error(), "\npath lint: mkdir ") {
		t.Errorf("%v", err)
	}
	if res.Modules != (Counts{Restored: 1}) || res.Build.Restored != 0 || res.State.Unreachable {
		t.Errorf("%+v", res)
	}
}

// TestDamagedPack: a lost pack is reported once, counted once, and noted for the save to repair.
func TestDamagedPack(t *testing.T) {
	w := full(t)
	m := w.manifest(t)
	object := m.Packs[m.Outputs[0].Extents[0].Pack].Object
	w.store.Set(object, nil)
	res, err := Run(t.Context(), w.options())
	if err != nil || res.Build != (Counts{Missing: 3}) || res.Packs != (Counts{Restored: 2, Missing: 1}) {
		t.Errorf("%+v, %v", res, err)
	}
	if len(res.Losses) != 1 || res.Losses[0].What != object || res.Losses[0].Kind != "missing" || len(res.State.Damaged) != 1 {
		t.Errorf("%+v, %+v", res.Losses, res.State.Damaged)
	}
}

// TestModuleRefused: a module that does not match go.sum is counted, reported, and noted for the
// save to repair.
func TestModuleRefused(t *testing.T) {
	w := full(t)
	m := w.manifest(t)
	w.store.Set(m.Modules[0].Object, contenttest.Framed(contenttest.Tar(t, modFiles[0], modFiles[1],
		contenttest.File{Name: modFiles[2].Name, Content: "package x\n"}), 1<<20))
	res, err := Run(t.Context(), w.options())
	if err != nil || res.Modules != (Counts{Refused: 1}) || len(res.Losses) != 1 || res.Losses[0].What != modVersion.String() {
		t.Errorf("%+v, %v", res, err)
	}
	if len(res.State.Damaged) != 1 || res.State.Damaged[0].Object != m.Modules[0].Object || w.has("mod/example.com") {
		t.Errorf("%+v", res.State.Damaged)
	}
}
