package graph

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/content/install/installtest"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/keys"
)

const (
	modName   = "cache/download/example.com/m/@v/v1.0.0.mod"
	modFile   = "module example.com/m\n"
	sumdbName = "cache/download/sumdb/sum.golang.org/lookup/example.com/m@v1.0.0"
	fuzzName  = "fuzz/example.com/p/FuzzX/0123456789abcdef"
	fuzzFile  = "go test fuzz v1\n"
)

// TestPlan: a tree is read only if its cache is restored.
func TestPlan(t *testing.T) {
	m := &snapshot.Manifest{
		Packs: []snapshot.Pack{{Object: "outputs", Size: 1}, {Object: "fuzz", Size: 20}, {Object: "graph", Size: 300}},
		Trees: []snapshot.Tree{{Name: snapshot.TreeFuzz, Pack: 1, Files: 1}, {Name: snapshot.TreeModGraph, Pack: 2, Files: 2}, {Name: "later"}},
	}
	for name, c := range map[string]struct {
		m           *snapshot.Manifest
		graph, fuzz bool
		want        []string // objects
		stored      int64
	}{
		"both":        {m, true, true, []string{"fuzz", "graph"}, 320},
		"graph only":  {m, true, false, []string{"graph"}, 300},
		"fuzz only":   {m, false, true, []string{"fuzz"}, 20},
		"neither":     {m, false, false, nil, 0},
		"no snapshot": {new(snapshot.Manifest), true, true, nil, 0},
	} {
		p := Plan(c.m, c.graph, c.fuzz)
		s := p.Summary()
		if len(p.Trees) != len(c.want) || len(s.Trees) != len(c.want) || len(s.Packs) != len(c.want) || s.Stored != c.stored {
			t.Errorf("%s: %+v, %+v", name, p, s)
			continue
		}
		for i, object := range c.want {
			if p.Trees[i].In.Object != object || c.m.Packs[s.Packs[i]].Object != object {
				t.Errorf("%s: %+v", name, p.Trees[i])
			}
		}
	}
}

// TestKindPlans: the fuzzing corpus is restored only into a build cache, and only if asked for.
func TestKindPlans(t *testing.T) {
	m := &snapshot.Manifest{Packs: make([]snapshot.Pack, 1), Trees: []snapshot.Tree{{Name: snapshot.TreeFuzz}, {Name: snapshot.TreeModGraph}}}
	place := install.NewPlace("x")
	for _, c := range []struct {
		kind Restore
		want int
	}{
		{Restore{}, 0}, {Restore{Fuzz: true}, 0}, {Restore{Build: place}, 0}, {Restore{Build: place, Fuzz: true}, 1},
		{Restore{Modules: place, Fuzz: true}, 1}, {Restore{Modules: place, Build: place, Fuzz: true}, 2},
	} {
		if p, err := install.Bind(c.kind)(t.Context(), m); err != nil || len(p.Trees) != c.want {
			t.Errorf("%+v: %+v, %v", c.kind, p.Trees, err)
		}
	}
}

// world is a module cache, a build cache and a store.
type world struct {
	root  string
	mods  *modcache.Cache
	store *contenttest.Store
	kind  Restore
}

func newWorld(t *testing.T) world {
	t.Helper()
	root := t.TempDir()
	return world{root, modcache.Open(filepath.Join(root, "mod"), modcache.Options{}), new(contenttest.Store), Restore{
		Modules: install.NewPlace("module cache"), Build: install.NewPlace("build cache"),
		Cache: buildcache.Open(filepath.Join(root, "build")), Fuzz: true,
		Sums: keys.Sums{Mod: map[module.Version]string{}},
	}}
}

// tree puts a tree into the store.
func (w world) tree(t *testing.T, name string, files ...contenttest.File) Tree {
	t.Helper()
	tree := Tree{Tree: snapshot.Tree{Name: name, Files: len(files)}, In: contenttest.Pack(w.store, contenttest.Tar(t, files...))}
	for _, f := range files {
		tree.Bytes += int64(len(f.Content))
	}
	return tree
}

func (w world) run(t *testing.T, trees ...Tree) (install.Outcome, error) {
	t.Helper()
	env := installtest.NewEnv(t, w.store, w.mods)
	jobs, out := w.kind.Begin(t.Context(), env, Jobs{trees})
	done, err := installtest.Run(t, jobs)
	out.Add(done)
	select {
	case <-env.TreesDone:
	default:
		t.Error("modules would wait for trees forever")
	}
	return out, err
}

func (w world) read(t *testing.T, name string) string {
	t.Helper()
	dir := "mod"
	if strings.HasPrefix(name, "fuzz/") {
		dir = "build"
	}
	data, err := os.ReadFile(filepath.Join(w.root, dir, filepath.FromSlash(name)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	return string(data)
}

// TestRestore: the files of both trees are put in their places.
func TestRestore(t *testing.T) {
	w := newWorld(t)
	out, err := w.run(t,
		w.tree(t, snapshot.TreeFuzz, contenttest.File{Name: fuzzName, Content: fuzzFile}),
		w.tree(t, snapshot.TreeModGraph, contenttest.File{Name: modName, Content: modFile}, contenttest.File{Name: sumdbName, Content: "1\n"}))
	if err != nil || len(out.Losses)+len(out.Damages) != 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	if w.read(t, modName) != modFile || w.read(t, sumdbName) != "1\n" || w.read(t, fuzzName) != fuzzFile {
		t.Error("files are missing")
	}
	if out, err := w.run(t); err != nil || len(out.Losses) != 0 {
		t.Errorf("no trees: %+v, %v", out, err)
	}
}

// TestDamage: a tree with something wrong is lost in part or as a whole, and nothing else is.
func TestDamage(t *testing.T) {
	mod := contenttest.File{Name: modName, Content: modFile}
	for name, c := range map[string]struct {
		files   []contenttest.File
		change  func(world, *Tree)
		losses  []string // reasons
		damaged bool
		here    bool // modFile
		reads   int
	}{
		"missing": {
			files: []contenttest.File{mod}, change: func(w world, t *Tree) { w.store.Set(t.In.Object, nil) },
			losses: []string{"object not found"}, damaged: true, reads: 1,
		},
		"flipped": {
			files: []contenttest.File{mod}, change: func(w world, t *Tree) { w.store.Change(t.In.Object, 20) },
			losses: []string{"frame hash"}, damaged: true, reads: 2,
		},
		"more files than announced": {
			files: []contenttest.File{mod, {Name: sumdbName, Content: "1\n"}}, change: func(_ world, t *Tree) { t.Files = 1 },
			losses: []string{"more than 1 files"}, damaged: true, here: true, reads: 2,
		},
		"more bytes than announced": {
			files: []contenttest.File{mod}, change: func(_ world, t *Tree) { t.Bytes = 3 },
			losses: []string{"or 3 bytes"}, damaged: true, reads: 2,
		},
		"not of the module graph": {
			files:  []contenttest.File{{Name: "example.com/m@v1.0.0/a.go", Content: "package m\n"}, mod},
			losses: []string{"not a file of the module graph"}, damaged: true, reads: 2,
		},
		"go.sum contradicts": {
			files: []contenttest.File{mod},
			change: func(w world, _ *Tree) {
				w.kind.Sums.Mod[module.Version{Path: "example.com/m", Version: "v1.0.0"}] = "h1:other"
			},
			losses: []string{"go.sum says h1:other"}, reads: 1,
		},
		"fuzz tree with another name": {
			files: []contenttest.File{{Name: "00/x", Content: "x"}}, change: func(_ world, t *Tree) { t.Name = snapshot.TreeFuzz },
			losses: []string{"00/x"}, damaged: true, reads: 2,
		},
		"name that is too long": {
			files:  []contenttest.File{{Name: "fuzz/" + strings.Repeat("x", 300), Content: "x"}},
			change: func(_ world, t *Tree) { t.Name = snapshot.TreeFuzz },
			losses: []string{""}, reads: 1, // each system words this error differently
		},
	} {
		w := newWorld(t)
		tree := w.tree(t, snapshot.TreeModGraph, c.files...)
		if c.change != nil {
			c.change(w, &tree)
		}
		out, err := w.run(t, tree)
		if err != nil || len(out.Losses) != len(c.losses) || (len(out.Damages) > 0) != c.damaged || len(w.store.Reads()) != c.reads {
			t.Errorf("%s: %+v, %v; %d reads", name, out, err, len(w.store.Reads()))
			continue
		}
		for i, reason := range c.losses {
			if !strings.Contains(out.Losses[i].Reason, reason) {
				t.Errorf("%s: %+v, want %q", name, out.Losses[i], reason)
			}
		}
		if (w.read(t, modName) == modFile) != c.here {
			t.Errorf("%s: the file has %q", name, w.read(t, modName))
		}
	}
}

// TestSumIsRight: a go.mod file is replaced only if go.sum proves the new one.
func TestSumIsRight(t *testing.T) {
	w := newWorld(t)
	other := contenttest.File{Name: modName, Content: "module example.com/m\n\ngo 1.20\n"}
	if out, err := w.run(t, w.tree(t, snapshot.TreeModGraph, other)); err != nil || len(out.Losses) != 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	if out, err := w.run(t, w.tree(t, snapshot.TreeModGraph, contenttest.File{Name: modName, Content: modFile})); err != nil || len(out.Losses) != 0 || w.read(t, modName) != other.Content {
		t.Errorf("without proof the file is replaced: %+v, %v", out, err)
	}
	var h modcache.TreeHash
	h.Add("go.mod", contenttest.SHA256(modFile))
	w.kind.Sums.Mod[module.Version{Path: "example.com/m", Version: "v1.0.0"}] = h.Sum()
	if out, err := w.run(t, w.tree(t, snapshot.TreeModGraph, contenttest.File{Name: modName, Content: modFile})); err != nil || len(out.Losses) != 0 || w.read(t, modName) != modFile {
		t.Errorf("with proof the file is not replaced: %+v, %v", out, err)
	}
}

// TestDiskErrors: if a directory cannot be written, the files in it are lost, and errors name
// files, not objects.
func TestDiskErrors(t *testing.T) {
	w := newWorld(t)
	if err := os.WriteFile(filepath.Join(w.root, "build"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	tree := w.tree(t, snapshot.TreeFuzz, contenttest.File{Name: fuzzName, Content: fuzzFile})
	out, err := w.run(t, tree)
	if err != nil || len(out.Losses) != 1 || len(out.Damages) != 0 || out.Losses[0].What != fuzzName {
		t.Errorf("%+v, %v", out, err)
	}
	// An error of the disk for which the build cache is given up names the file as well.
	in := &installer{env: installtest.NewEnv(t, w.store, w.mods), cache: w.kind.Cache}
	err = in.settle(fuzzName, false, &fs.PathError{Op: "open", Path: "x", Err: osfiletest.FullDisk}, w.kind.Build, &out)
	if !install.IsLocal(err) || !strings.HasPrefix(err.Error(), "file "+fuzzName+": open x: ") {
		t.Errorf("%v", err)
	}
	out = install.Outcome{}
	err = in.settle(fuzzName, false, &fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission}, install.NewPlace("build cache"), &out)
	if err != nil || len(out.Losses) != 1 || out.Losses[0].What != "fuzz/example.com/p/FuzzX" || out.Losses[0].Reason != "open x: permission denied" {
		t.Errorf("%+v, %v", out, err)
	}
	locked := &osfile.LockedError{Err: &fs.PathError{Op: "rename", Path: "x", Err: errors.New("sharing violation")}}
	out = install.Outcome{}
	if err := in.settle(modName, false, locked, w.kind.Modules, &out); err != nil || len(out.Losses) != 1 || out.Losses[0].Kind != install.KindLocked {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestPlaceGivenUp: nothing is read for a cache that was given up, and the tree of the other cache
// is restored.
func TestPlaceGivenUp(t *testing.T) {
	w := newWorld(t)
	w.kind.Build.GiveUp(errors.New("full"))
	fuzz := w.tree(t, snapshot.TreeFuzz, contenttest.File{Name: fuzzName, Content: fuzzFile})
	if out, err := w.run(t, fuzz, w.tree(t, snapshot.TreeModGraph, contenttest.File{Name: modName, Content: modFile})); err != nil || len(out.Losses) != 0 {
		t.Errorf("%+v, %v", out, err)
	}
	if w.read(t, modName) != modFile || len(w.store.Reads()) != 1 {
		t.Errorf("%q", w.store.Reads())
	}
}

// TestStoreFails: a failure of the store ends the restore, and modules no longer wait for trees.
func TestStoreFails(t *testing.T) {
	w := newWorld(t)
	w.store.OnOpen = func(context.Context, string, []byte) ([]byte, error) { return nil, store.ErrUnreachable }
	tree := w.tree(t, snapshot.TreeModGraph, contenttest.File{Name: modName, Content: modFile})
	if _, err := w.run(t, tree, tree); !errors.Is(err, store.ErrUnreachable) || !strings.Contains(err.Error(), tree.In.Object) || len(w.store.Reads()) != 1 {
		t.Errorf("%v, %q", err, w.store.Reads())
	}
}

func TestVersionOfMod(t *testing.T) {
	for name, want := range map[string]string{
		modName: "example.com/m@v1.0.0",
		"cache/download/example.com/!m/@v/v1.0.0-!r!c.mod": "example.com/M@v1.0.0-RC",
		"cache/download/example.com/m/@v/v1.0.0.info":      "",
		"cache/download/example.com/M/@v/v1.0.0.mod":       "",
		"cache/download/example.com/m/v1.0.0.mod":          "",
		"download/example.com/m/@v/v1.0.0.mod":             "",
		sumdbName:                                          "",
	} {
		v, ok := versionOfMod(name)
		if ok != (want != "") || ok && v.String() != want {
			t.Errorf("%s: %v, %t", name, v, ok)
		}
	}
}

// FuzzUnpack unpacks any archive as both trees. Nothing may appear outside the caches, and no
// partial file may remain.
func FuzzUnpack(f *testing.F) {
	f.Add(uint16(1<<15), false, contenttest.Tar(f, contenttest.File{Name: modName, Content: modFile}, contenttest.File{Name: sumdbName, Content: "1\n"}))
	f.Add(uint16(100), true, contenttest.Tar(f, contenttest.File{Name: fuzzName, Content: fuzzFile}))
	f.Add(uint16(100), true, contenttest.Tar(f, contenttest.File{Name: "fuzz/../../x", Content: fuzzFile}))
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, frame uint16, fuzz bool, archive []byte) {
		if len(archive) > 1<<20 {
			t.Skip()
		}
		mods := modcache.Open(filepath.Join(root, "mod"), modcache.Options{Writable: true})
		env := installtest.NewEnv(t, nil, mods)
		in := &installer{env: env, cache: buildcache.Open(filepath.Join(root, "build"))}
		tree := Tree{Tree: snapshot.Tree{Name: snapshot.TreeModGraph, Files: 20, Bytes: 1 << 16}}
		if fuzz {
			tree.Name = snapshot.TreeFuzz
		}
		object := contenttest.Stream(bytes.NewReader(contenttest.Framed(archive, int(frame)+1)))
		if err := in.unpack(tree, object, install.NewPlace("x"), new(install.Outcome)); install.IsLocal(err) {
			t.Errorf("bytes of an object cause an error of the disk: %v", err)
		}
		if err := env.Stage.Close(); err != nil {
			t.Fatal(err)
		}
		list, err := os.ReadDir(root)
		for _, d := range list {
			if d.Name() != "mod" && d.Name() != "build" {
				t.Errorf("%s was created", d.Name())
			}
			err = errors.Join(err, osfile.RemoveAll(filepath.Join(root, d.Name())))
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}
