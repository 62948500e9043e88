package restore

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/keys"
)

// world is a machine with empty caches, and a store in memory.
type world struct {
	root  string
	store *contenttest.Store
}

func newWorld(t *testing.T) world {
	t.Helper()
	w := world{t.TempDir(), new(contenttest.Store)}
	t.Cleanup(func() { osfile.RemoveAll(w.root) }) // some directories are read-only
	return w
}

const (
	own     = "refs/pull/1/merge"
	base    = "refs/heads/release"
	main    = "refs/heads/main"
	modPath = "example.com/m"
)

var (
	modVersion = module.Version{Path: modPath, Version: "v1.0.0"}
	modFiles   = []contenttest.File{
		{Name: "cache/download/example.com/m/@v/v1.0.0.info", Content: `{"Version":"v1.0.0"}`},
		{Name: "cache/download/example.com/m/@v/v1.0.0.mod", Content: "module example.com/m\n"},
		{Name: "example.com/m@v1.0.0/m.go", Content: "package m\n"},
	}
	graphFile = contenttest.File{Name: "cache/download/example.com/g/@v/v1.0.0.mod", Content: "module example.com/g\n"}
	pathFile  = contenttest.File{Name: "d/f", Content: "file"}
	outputs   = []string{"first output", "second output"}
)

func modSum() string {
	var h modcache.TreeHash
	h.Add("example.com/m@v1.0.0/m.go", contenttest.SHA256(modFiles[2].Content))
	return h.Sum()
}

func (w world) options() Options {
	return Options{
		Store: w.store, Repo: "r", Scope: own, BaseScope: base, DefaultScope: main,
		Keys: keys.Plan{
			Key:  keys.Key{Name: "job", OS: "linux", Arch: "amd64", Go: "go1.26.8", Digest: "digest"},
			Sums: keys.Sums{Zip: map[module.Version]string{modVersion: modSum()}},
		},
		ModDir: filepath.Join(w.root, "mod"), BuildDir: filepath.Join(w.root, "build"),
		Paths: []extradir.Path{{Name: "lint", Dir: filepath.Join(w.root, "lint")}},
	}
}

// manifest returns a snapshot with two outputs, three actions, a module, a tree and a file of a
// path, and puts its packs into the store.
func (w world) manifest(t *testing.T) *snapshot.Manifest {
	t.Helper()
	b := snapshot.NewBuilder()
	builds, extents := contenttest.Chunks(t, w.store, []byte(outputs[0]), []byte(outputs[1]))
	at := b.AddPack(builds)
	for i, content := range outputs {
		extents[i].Pack = int32(at)
		b.AddOutput(snapshot.Output{ID: sha256.Sum256([]byte(content)), Size: int64(len(content)), Extents: extents[i : i+1]})
	}
	b.AddAction(contenttest.ID(1), sha256.Sum256([]byte(outputs[0])), 1, 1)
	b.AddAction(contenttest.ID(2), sha256.Sum256([]byte(outputs[1])), 1, 1)
	b.AddAction(contenttest.ID(3), sha256.Sum256([]byte(outputs[1])), 1, 1)
	graph := b.AddPack(contenttest.Pack(w.store, contenttest.Tar(t, graphFile)))
	b.AddTree(snapshot.Tree{Name: snapshot.TreeModGraph, Pack: graph, Files: 1, Bytes: int64(len(graphFile.Content)), Sum: strings.Repeat("0a", 32)})
	lint := b.AddPack(contenttest.Pack(w.store, contenttest.Tar(t, pathFile)))
	b.AddFile("lint", snapshot.PathFile{Name: pathFile.Name, Size: 4, Sum: contenttest.Sum(pathFile.Content), Pack: lint})
	object, err := snapshot.ModuleObject(modVersion, modSum())
	if err != nil {
		t.Fatal(err)
	}
	stored := contenttest.Framed(contenttest.Tar(t, modFiles...), 1<<20)
	w.store.Set(object, stored)
	m := &snapshot.Manifest{Repo: "r", Digest: "digest", Writer: snapshot.Writing{Time: time.Now()}, Modules: []snapshot.Module{{
		Path: modPath, Version: "v1.0.0", Sum: modSum(), Object: object, Size: int64(len(stored)), Files: 1, Bytes: 10, InSum: true,
	}}}
	b.Build(m)
	return m
}

// save puts a snapshot into the store.
func (w world) save(t *testing.T, m *snapshot.Manifest, scope string, key []string) {
	t.Helper()
	m.Scope, m.Key = scope, key
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	w.store.Set(snapshot.ManifestObject("r", scope, key), data)
}

// full returns a world with a snapshot of the same module files on the default branch.
func full(t *testing.T) world {
	t.Helper()
	w := newWorld(t)
	o := w.options()
	w.save(t, w.manifest(t), main, o.Keys.Key.Exact())
	return w
}

// has reports whether a file or directory exists.
func (w world) has(name string) bool {
	_, err := os.Lstat(filepath.Join(w.root, filepath.FromSlash(name)))
	return err == nil
}

// cancelled returns a context that has ended, and its cause.
func cancelled(t *testing.T) (context.Context, error) {
	t.Helper()
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	return ctx, reason
}
