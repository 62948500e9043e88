package objects

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	rand2 "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/note"

	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
)

const (
	repo  = "github.com/a/b"
	scope = "refs/heads/main"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is a store with a snapshot of two packs and of three module versions, the last of which is
// a delta upon the second; and with what a module proxy and a collection leave.
type world struct {
	t        *testing.T
	st       *dir.Store
	packs    []string
	modules  []string
	manifest string
	small    string
	health   string
	m        snapshot.Manifest
	signer   note.Signer
	trust    *snapshot.Trust
}

func newWorld(t *testing.T) *world {
	t.Helper()
	st, err := dir.Open(filepath.Join(t.TempDir(), "store"))
	must(t, err)
	w := &world{t: t, st: st, m: snapshot.Manifest{
		Repo: repo, Scope: scope, Key: []string{"job", "linux", "amd64", "go1.26", "latest"}, Digest: strings.Repeat("0", 64),
		Writer: snapshot.Writing{Time: time.Now().Add(-90 * 24 * time.Hour)},
	}}
	secret, public, err := note.GenerateKey(rand.Reader, "ci")
	must(t, err)
	w.signer, err = note.NewSigner(secret)
	must(t, err)
	verifier, err := note.NewVerifier(public)
	must(t, err)
	w.trust = &snapshot.Trust{Keys: []note.Verifier{verifier}, MaxAge: time.Hour}
	b := snapshot.NewBuilder()
	for i := range 2 {
		w.addPack(b, byte(i))
	}
	b.Build(&w.m)
	large := strings.Repeat("package sample // the same in all versions\n", 1000)
	w.addModule("v1.0.0", map[string]string{"a.go": "package a\n", "go.mod": "module example.com/Sample\n"})
	w.addModule("v1.1.0", map[string]string{"a.go": "package a\n", "large.go": large})
	w.addDelta("v1.2.0", map[string]string{"a.go": "package b\n"}, map[string]string{"large.go": large}, snapshot.Run{First: 1, Count: 1})
	w.small = snapshot.SumDBObject("sum.example", "latest")
	w.put(w.small, snapshot.Seal([]byte("a tree")))
	w.health = snapshot.HealthObject(repo, scope, "job")
	w.put(w.health, []byte(`{"grade":"healthy","time":"2026-01-02T03:04:05Z"}`+"\n"))
	w.put("v2/strange", []byte("of somebody else"))
	w.putManifest()
	return w
}

func (w *world) put(name string, data []byte) {
	w.t.Helper()
	_, err := w.st.Put(context.Background(), name, bytes.NewReader(data), int64(len(data)), store.Condition{})
	must(w.t, err)
}

func (w *world) get(name string) []byte {
	w.t.Helper()
	data, _, err := store.Get(context.Background(), w.st, name, 1<<30)
	must(w.t, err)
	return data
}

// flip changes a byte of an object, counted from its end if it is negative.
func (w *world) flip(name string, at int) {
	w.t.Helper()
	data := w.get(name)
	if at < 0 {
		at += len(data)
	}
	data[at] ^= 0x20
	w.put(name, data)
}

func (w *world) remove(name string) {
	w.t.Helper()
	if failed := w.st.Delete(context.Background(), []string{name}); len(failed) > 0 {
		w.t.Fatal(failed)
	}
}

// addPack adds a pack with one output, which is its first chunk.
func (w *world) addPack(b *snapshot.Builder, n byte) {
	w.t.Helper()
	content := bytes.Repeat([]byte{n, 'x'}, 10_000)
	id := digest.Of(content)
	p := w.writePack(content, noise(n, 3000), snapshot.ChunkSumOf(id), snapshot.ChunkSumOf(digest.Of(noise(n, 3000))))
	w.packs = append(w.packs, p.Object)
	w.addOutput(b, n, p)
}

// addOutput adds an output that is the first chunk of a pack.
func (w *world) addOutput(b *snapshot.Builder, n byte, p snapshot.Pack) {
	content := bytes.Repeat([]byte{n, 'x'}, 10_000)
	id := digest.Of(content)
	pack := b.AddPack(p)
	b.AddOutput(snapshot.Output{ID: id, Size: int64(len(content)), Extents: []snapshot.Extent{{Pack: int32(pack), Len: int32(len(content))}}})
	b.AddAction(contenttest.ID(n), id, 1, 1)
}

// writePack stores a pack of two chunks with these sums, true or not.
func (w *world) writePack(a, b []byte, sums ...snapshot.ChunkSum) snapshot.Pack {
	w.t.Helper()
	var data bytes.Buffer
	cw := snapshot.NewChunkWriter(&data)
	must(w.t, cw.Add(sums[0], a))
	must(w.t, cw.Add(sums[1], b))
	p, err := cw.Close()
	must(w.t, err)
	p.Object = snapshot.PackObject(repo, scope, cw.Sum())
	w.put(p.Object, data.Bytes())
	return p
}

// lie replaces the first pack by one that has the same chunks, and says of the second that it is
// the first of the other pack; the manifest names it.
func (w *world) lie() {
	w.t.Helper()
	content := bytes.Repeat([]byte{0, 'x'}, 10_000)
	other := digest.Of(bytes.Repeat([]byte{1, 'x'}, 10_000))
	p := w.writePack(content, noise(0, 3000), snapshot.ChunkSumOf(digest.Of(content)), snapshot.ChunkSumOf(other))
	w.remove(w.packs[0])
	w.swapPack(p)
}

// listed replaces the first pack by one whose last frame is another one, and that is sound as far
// as its hashes go.
func (w *world) listed(list []byte, chunks int) {
	w.t.Helper()
	data := w.get(w.packs[0])
	old := w.packOf(w.packs[0])
	content := data[:old.Frames[0].Size]
	last := contenttest.Framed(list, 1<<20)
	data = slices.Concat(content, last)
	p := snapshot.Pack{
		Object: snapshot.PackObject(repo, scope, digest.Of(data)), Size: int64(len(data)), Raw: old.Raw, Chunks: chunks,
		Frames: []snapshot.Frame{old.Frames[0], {Size: int64(len(last)), Raw: int64(len(list)), Sum: sha256.Sum256(last)}},
	}
	w.put(p.Object, data)
	w.remove(w.packs[0])
	w.swapPack(p)
}

func (w *world) packOf(object string) *snapshot.Pack {
	return &w.m.Packs[slices.IndexFunc(w.m.Packs, func(p snapshot.Pack) bool { return p.Object == object })]
}

// swapPack has the manifest name a pack in the place of the first.
func (w *world) swapPack(p snapshot.Pack) {
	w.t.Helper()
	b, other := snapshot.NewBuilder(), *w.packOf(w.packs[1])
	w.addOutput(b, 0, p)
	w.addOutput(b, 1, other)
	w.packs[0] = p.Object
	b.Build(&w.m)
	w.putManifest()
}

// noise returns bytes that do not compress.
func noise(seed byte, n int) []byte {
	b := make([]byte, n)
	_, _ = rand2.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// version describes a version by its files; no object has them yet.
func (w *world) version(version string, files ...map[string]string) (mod snapshot.Module, list []contenttest.File) {
	w.t.Helper()
	v := module.Version{Path: "example.com/Sample", Version: version}
	plain, escaped, err := modcache.Prefixes(v)
	must(w.t, err)
	var tree modcache.TreeHash
	mod = snapshot.Module{Path: v.Path, Version: v.Version, LastUse: 1}
	list = []contenttest.File{{Name: "cache/download/example.com/!sample/@v/" + version + ".info", Content: fmt.Sprintf(`{"Version":%q}`, version)}}
	for i, part := range files {
		for _, name := range slices.Sorted(maps.Keys(part)) {
			tree.Add(plain+name, sha256.Sum256([]byte(part[name])))
			mod.Files++
			mod.Bytes += int64(len(part[name]))
			if i == 0 {
				list = append(list, contenttest.File{Name: escaped + name, Content: part[name]})
			}
		}
	}
	mod.Sum = tree.Sum()
	mod.Object, err = snapshot.ModuleObject(v, mod.Sum)
	must(w.t, err)
	return mod, list
}

func (w *world) addModule(version string, files map[string]string) {
	w.t.Helper()
	mod, list := w.version(version, files)
	var data bytes.Buffer
	sw := snapshot.NewModuleWriter(&data)
	for _, f := range list {
		_, err := sw.Add(snapshot.Member{Name: f.Name, Mode: 0o644, Size: int64(len(f.Content))}, strings.NewReader(f.Content))
		must(w.t, err)
		if _, rel, ok := strings.Cut(f.Name, "@"+version+"/"); ok {
			sw.List(snapshot.HashFile(rel, false, sha256.Sum256([]byte(f.Content))))
		}
	}
	_, err := sw.Close()
	must(w.t, err)
	w.addObject(mod, data.Bytes())
}

func (w *world) addObject(mod snapshot.Module, data []byte) {
	w.t.Helper()
	mod.Size = int64(len(data))
	w.put(mod.Object, data)
	w.modules = append(w.modules, mod.Object)
	w.m.Modules = append(w.m.Modules, mod)
}

// addDelta adds a version that takes some files from the version before.
func (w *world) addDelta(version string, own, taken map[string]string, run snapshot.Run) {
	w.t.Helper()
	mod, list := w.version(version, own, taken)
	before := w.m.Modules[len(w.m.Modules)-1]
	mod.Base = &snapshot.Base{Object: before.Object, Size: before.Size, Files: before.Files, Bytes: before.Bytes}
	mod.Object = snapshot.DeltaObject(mod.Object)
	d := snapshot.NewDelta(*mod.Base, []snapshot.Run{run})
	w.addObject(mod, append(d.Append(nil), contenttest.Framed(contenttest.Tar(w.t, list...), 1<<20)...))
}

// putManifest writes the manifest, signed.
func (w *world) putManifest() {
	w.t.Helper()
	data, err := w.m.EncodeSigned(w.signer)
	must(w.t, err)
	w.manifest = snapshot.ManifestObject(w.m.Repo, w.m.Scope, w.m.Key)
	w.put(w.manifest, data)
}

func (w *world) run(o Options) (*Result, error) {
	w.t.Helper()
	if o.Store == nil {
		o.Store = w.st
	}
	return Run(context.Background(), o)
}

// reading is a store that notes what is read, and has something done before each object.
type reading struct {
	store.Collector
	before func(name string) error

	mu    sync.Mutex
	names []string
}

func (r *reading) Open(ctx context.Context, name string, off, n int64) (io.ReadCloser, store.Info, error) {
	r.mu.Lock()
	r.names = append(r.names, name)
	r.mu.Unlock()
	if r.before != nil {
		if err := r.before(name); err != nil {
			return nil, store.Info{}, err
		}
	}
	return r.Collector.Open(ctx, name, off, n)
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
