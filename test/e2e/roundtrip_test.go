package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// TestRoundTrip: after a save, a wipe and a restore, every go command finds everything, and another
// save writes nothing.
func TestRoundTrip(t *testing.T) {
	for name, st := range e2etest.Stores(t) {
		t.Run(name, func(t *testing.T) {
			shared.Reset(t)
			first := shared.Save(t, st)
			if !first.Written || first.Modules.Uploaded != 3 || len(first.Warnings) > 0 {
				t.Fatalf("first save: %+v", first)
			}
			shared.Wipe(t)
			res := shared.Restore(t, st)
			if !res.Exact || res.Modules != (restore.Counts{Restored: 3}) || res.Build.Restored != first.Build.Uploaded || len(res.Losses) > 0 {
				t.Fatalf("restore: %+v", res)
			}
			shared.MustEqualTrees(t)
			if name == "dir" { // equal trees need no build
				shared.MustBuildOffline(t)
			}
			if out, err := shared.GoCommand("off", "mod", "verify"); err != nil {
				t.Errorf("go mod verify: %v\n%s", err, out)
			}
			again := shared.Save(t, st, func(o *save.Options) { o.State = &res.State })
			if again.Written || again.BytesUploaded != 0 || len(again.Objects) > 0 {
				t.Errorf("a save with nothing new: %+v", again)
			}
		})
	}
}

// TestZips: with rebuilt zips, even `go mod download` needs no network.
func TestZips(t *testing.T) {
	st := e2etest.DirStore(t, filepath.Join(t.TempDir(), "store"))
	shared.Reset(t)
	shared.Save(t, st)
	shared.Wipe(t)
	shared.Restore(t, st, func(o *restore.Options) { o.Zips = true })
	for _, args := range [][]string{{"mod", "download"}, {"mod", "verify"}, {"build", "./..."}} {
		if out, err := shared.GoCommand("off", args...); err != nil {
			t.Errorf("go %v: %v\n%s", args, err, out)
		}
	}
	// Zips can be added to a restore that was made without them.
	shared.Wipe(t)
	shared.Restore(t, st)
	if out, err := shared.GoCommand("off", "mod", "download"); err == nil {
		t.Errorf("go mod download without zips: %s", out)
	}
	shared.Restore(t, st, func(o *restore.Options) { o.Zips = true })
	if out, err := shared.GoCommand("off", "mod", "download"); err != nil {
		t.Errorf("go mod download: %v\n%s", err, out)
	}
}

// TestSecondSaveUploadsOnlyWhatIsNew changes one source file.
func TestSecondSaveUploadsOnlyWhatIsNew(t *testing.T) {
	st := e2etest.DirStore(t, filepath.Join(t.TempDir(), "store"))
	shared.Reset(t)
	first := shared.Save(t, st)
	file := filepath.Join(shared.Proj, "lib", "lib.go")
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.WriteFile(file, old, 0o644) })
	if err := os.WriteFile(file, append(old, "\nvar Added = 1\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	shared.MustBuild(t)
	second := shared.Save(t, st)
	if !second.Written || second.Modules.Uploaded != 0 || second.Packs.Uploaded != 1 || second.Build.Uploaded == 0 || second.BytesUploaded > first.BytesUploaded/5 {
		t.Errorf("second save: %+v", second)
	}
	shared.Wipe(t)
	shared.Restore(t, st)
	shared.MustBuildOffline(t)
}

// TestWithoutManifest: a new repository on the same bucket gets its modules from go.sum alone.
func TestWithoutManifest(t *testing.T) {
	for name, st := range e2etest.Stores(t) {
		t.Run(name, func(t *testing.T) {
			shared.Reset(t)
			shared.Save(t, st)
			shared.Wipe(t)
			res := shared.Restore(t, st, func(o *restore.Options) { o.Repo = "another" })
			if res.Matched != nil || res.Modules != (restore.Counts{Restored: 3}) || res.Build.Restored != 0 || len(res.Losses) > 0 {
				t.Fatalf("restore: %+v", res)
			}
			shared.ResetBuild(t) // or the build would compile the whole standard library
			if out, err := shared.GoCommand("off", "build", "./..."); err != nil {
				t.Errorf("go build: %v\n%s", err, out)
			}
			// The save of the other repository shares these modules.
			saved := shared.Save(t, st, func(o *save.Options) { o.Repo = "another"; o.State = &res.State })
			if saved.Modules.Uploaded != 0 || saved.Modules.Stored != 3 {
				t.Errorf("save: %+v", saved.Modules)
			}
		})
	}
}

// TestPrivateModules: private modules are stored below their repository and scope, and are found
// there without a manifest.
func TestPrivateModules(t *testing.T) {
	root := filepath.Join(t.TempDir(), "store")
	st := e2etest.DirStore(t, root)
	shared.Reset(t)
	private := func(o *save.Options) { o.Private = "github.com/BurntSushi/*,gopkg.in" }
	shared.Save(t, st, private)
	if m, _ := filepath.Glob(filepath.Join(root, "v2/modules/*/*")); len(m) != 1 {
		t.Errorf("shared modules: %v, want only blang", m)
	}
	shared.Wipe(t)
	asPrivate := func(o *restore.Options) { o.Private = "github.com/BurntSushi/*,gopkg.in" }
	if res := shared.Restore(t, st, asPrivate); res.Modules.Restored != 3 {
		t.Errorf("restore: %+v", res.Modules)
	}
	shared.Wipe(t)
	res := shared.Restore(t, st, asPrivate, func(o *restore.Options) { o.Keys = shared.Plan(t, "another job") })
	if res.Matched != nil || res.Modules.Restored != 3 {
		t.Errorf("without manifest: %+v", res)
	}
	shared.Wipe(t)
	if res := shared.Restore(t, st, asPrivate, func(o *restore.Options) { o.Repo = "other" }); res.Modules.Restored != 1 {
		t.Errorf("another repository got private modules: %+v", res.Modules)
	}
}

// TestKeysAndScopes: the name of a user or a branch affects only its own place in the store.
func TestKeysAndScopes(t *testing.T) {
	st := e2etest.DirStore(t, filepath.Join(t.TempDir(), "store"))
	shared.Reset(t)
	key := func(name string) func(*save.Options) {
		return func(o *save.Options) { o.Keys = shared.Plan(t, name); o.ModDir = "" }
	}
	shared.Save(t, st, key("x-11"))
	find := func(name, scope string) *jobstate.Matched {
		shared.Wipe(t)
		return shared.Restore(t, st, func(o *restore.Options) {
			o.Keys, o.Scope, o.ModDir = shared.Plan(t, name), scope, ""
		}).Matched
	}
	for _, other := range []string{"x-1", "x-111", "x", "X-11", "x-11/linux"} {
		if m := find(other, e2etest.MainScope); m != nil {
			t.Errorf("key %s got %v", other, m.Key)
		}
	}
	if m := find("x-11", e2etest.MainScope); m == nil {
		t.Error("key x-11 was not found")
	}
	shared.Reset(t)
	for _, branch := range []string{"../../main", "a b#?%", "refs/heads/main/../x", "REFS/HEADS/MAIN", "refs/heads/ma"} {
		shared.Save(t, st, func(o *save.Options) {
			o.Keys, o.ModDir, o.Scope, o.DefaultScope = shared.Plan(t, "scoped"), "", branch, ""
		})
	}
	if m := find("scoped", e2etest.MainScope); m != nil {
		t.Errorf("scope %s got the snapshot of %s", e2etest.MainScope, m.Scope)
	}
	for _, branch := range []string{"../../main", "a b#?%"} {
		if m := find("scoped", branch); m == nil || m.Scope != branch {
			t.Errorf("branch %q got %v", branch, m)
		}
	}
}

// TestScopeFallback: a branch starts from the default branch, and the packs there are reused by
// what it saves.
func TestScopeFallback(t *testing.T) {
	for name, st := range e2etest.Stores(t) {
		t.Run(name, func(t *testing.T) { testFallback(t, st, name == "dir") })
	}
}

// testFallback tells from what go commands compile, or where these have nothing to do with the kind
// of the store, from an entry alone, whether the snapshot of the branch is whole.
func testFallback(t *testing.T, st store.Store, compiles bool) {
	shared.Reset(t)
	shared.Save(t, st)
	shared.Wipe(t)
	branch := func(o *restore.Options) { o.Scope = "refs/heads/feature" }
	res := shared.Restore(t, st, branch)
	if res.Matched == nil || res.Matched.Scope != e2etest.MainScope || !res.Exact {
		t.Fatalf("matched %+v", res.Matched)
	}
	onBranch := func(o *save.Options) { o.Scope, o.State = "refs/heads/feature", &res.State }
	if saved := shared.Save(t, st, onBranch); saved.Written {
		t.Errorf("nothing new on the branch: %+v", saved)
	}
	file := filepath.Join(shared.Proj, "lib", "lib.go")
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.WriteFile(file, old, 0o644) })
	if err := os.WriteFile(file, append(old, "\nvar OnBranch = 1\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	if compiles {
		shared.MustBuild(t)
	} else {
		e2etest.AddEntry(t, shared.Build, 1)
	}
	built, modules := e2etest.Tree(t, shared.Build), e2etest.Tree(t, shared.Mod)
	if saved := shared.Save(t, st, onBranch); saved.Packs.Uploaded != 1 || saved.Packs.Stored == 0 || saved.Modules.Uploaded != 0 {
		t.Errorf("save on the branch: %+v", saved)
	}
	shared.Wipe(t)
	if res := shared.Restore(t, st, branch); res.Matched == nil || res.Matched.Scope != "refs/heads/feature" {
		t.Errorf("matched %+v", res.Matched)
	}
	if compiles {
		shared.MustBuildOffline(t)
	} else if got := e2etest.Tree(t, shared.Build); !maps.Equal(got, built) {
		t.Errorf("%d files, want the %d of the branch", len(got), len(built))
	}
	if got := e2etest.Tree(t, shared.Mod); !maps.Equal(got, modules) {
		t.Errorf("%d files of modules, want the %d of the branch", len(got), len(modules))
	}
	if res := shared.Restore(t, st); res.Matched == nil || res.Matched.Scope != e2etest.MainScope {
		t.Errorf("main matched %+v", res.Matched)
	}
}
