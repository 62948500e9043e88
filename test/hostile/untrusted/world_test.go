package untrusted

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/keys"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
)

// The tests in this package play an attacker who can write any object of a bucket. They need no go
// command: the caches are small and made up, since readers treat them like real ones.

const (
	bytesRepo, bytesScope = "r", "refs/heads/main"

	// No hostile object may make a restore, a save or a collection allocate more than this in
	// total, including garbage and data that is read twice because it seemed damaged. This is an
	// upper bound of what is allocated at any one moment.
	bytesMemory = 512 << 20
	// Nor may it take longer; on an idle machine it takes seconds.
	bytesTime = time.Minute
)

// bytesModule is a module version of the sample.
type bytesModule struct {
	v     module.Version
	inSum bool
	files map[string]string
}

var bytesModules = []bytesModule{
	{module.Version{Path: "example.com/Alpha", Version: "v1.2.0"}, true, map[string]string{"a.go": "package alpha\n", "sub/b.txt": "b", "go.mod": "module example.com/Alpha\n"}},
	{module.Version{Path: "example.com/beta", Version: "v0.3.0"}, true, map[string]string{"beta.go": "package beta\n", "go.mod": "module example.com/beta\n"}},
	{module.Version{Path: "example.com/tool", Version: "v1.0.0"}, false, map[string]string{"main.go": "package main\n\nfunc main() {}\n", "go.mod": "module example.com/tool\n"}},
}

func (m bytesModule) mod() string { return "module " + m.v.Path + "\n" }

// base and tree return where the version lies in GOMODCACHE.
func (m bytesModule) base() string {
	p, _ := module.EscapePath(m.v.Path)
	return "cache/download/" + p + "/@v/" + m.v.Version
}

func (m bytesModule) tree() string {
	p, _ := module.EscapePath(m.v.Path)
	return p + "@" + m.v.Version + "/"
}

func (m bytesModule) sum() string {
	var h modcache.TreeHash
	for name, content := range m.files {
		h.Add(m.v.Path+"@"+m.v.Version+"/"+name, sha256.Sum256([]byte(content)))
	}
	return h.Sum()
}

func (m bytesModule) modSum() string {
	var h modcache.TreeHash
	h.Add("go.mod", sha256.Sum256([]byte(m.mod())))
	return h.Sum()
}

func (m bytesModule) object(t testing.TB) string {
	t.Helper()
	name, err := snapshot.ModuleObject(m.v, m.sum())
	bytesMust(t, err)
	return name
}

func bytesMust(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bytesWorld is a machine with its caches, and a store that it may write to.
type bytesWorld struct{ root string }

func (w bytesWorld) mod() string   { return filepath.Join(w.root, "mod") }
func (w bytesWorld) build() string { return filepath.Join(w.root, "build") }
func (w bytesWorld) lint() string  { return filepath.Join(w.root, "lint") }
func (w bytesWorld) store() string { return filepath.Join(w.root, "store") }

func (w bytesWorld) open(t testing.TB) store.Store {
	t.Helper()
	st, err := dir.Open(w.store())
	bytesMust(t, err)
	return st
}

func bytesPlan(t testing.TB) keys.Plan {
	t.Helper()
	var sum strings.Builder
	for _, m := range bytesModules {
		if m.inSum {
			fmt.Fprintf(&sum, "%s %s %s\n%s %s/go.mod %s\n", m.v.Path, m.v.Version, m.sum(), m.v.Path, m.v.Version, m.modSum())
		}
	}
	p, err := keys.Derive(keys.Input{Name: "job", OS: "linux", Arch: "amd64", GoVersion: "go1.26.8", Files: []keys.File{
		{Path: "go.mod", Data: []byte("module example.com/project\n")}, {Path: "go.sum", Data: []byte(sum.String())},
	}})
	bytesMust(t, err)
	return p
}

func (w bytesWorld) paths() []extradir.Path { return []extradir.Path{{Name: "lint", Dir: w.lint()}} }

func (w bytesWorld) restoreOptions(t testing.TB) restore.Options {
	return restore.Options{
		Store: w.open(t), Repo: bytesRepo, Scope: bytesScope, Keys: bytesPlan(t),
		ModDir: w.mod(), BuildDir: w.build(), Fuzz: true, Paths: w.paths(),
	}
}

func (w bytesWorld) saveOptions(t testing.TB) save.Options {
	return save.Options{
		Store: w.open(t), Repo: bytesRepo, Scope: bytesScope, Keys: bytesPlan(t),
		ModDir: w.mod(), BuildDir: w.build(), Fuzz: true, Paths: w.paths(), StableTimes: true,
	}
}

// What the sample has besides modules.
var (
	bytesOutputs = []string{"", "small", strings.Repeat("archive ", 1000), strings.Repeat("0123456789abcdef", 1<<14)}
	bytesLint    = map[string]string{"a": "A", "d/b": "BB", "d/e/c": ""}
)

const (
	bytesGraph = "cache/download/example.com/gamma/@v/v1.0.0.mod"
	bytesFuzz  = "fuzz/example.com/beta/FuzzX/0123456789abcdef"
)

// fill makes the caches of the sample, as a job leaves them.
func (w bytesWorld) fill(t testing.TB) {
	t.Helper()
	c := modcache.Open(w.mod(), modcache.Options{})
	s, err := c.NewStage()
	bytesMust(t, err)
	for _, m := range bytesModules {
		i, err := s.Begin(m.v, modcache.InstallOptions{})
		bytesMust(t, err)
		bytesMust(t, i.WriteFile(m.base()+".info", 0, fmt.Appendf(nil, `{"Version":%q}`, m.v.Version)))
		bytesMust(t, i.WriteFile(m.base()+".mod", 0, []byte(m.mod())))
		for name, content := range m.files {
			bytesMust(t, i.WriteFile(m.tree()+name, 0, []byte(content)))
		}
		bytesMust(t, i.Commit(m.sum(), m.modSum()))
	}
	_, err = s.InstallGraphFile(bytesGraph, []byte("module example.com/gamma\n"), false)
	bytesMust(t, err)
	bytesMust(t, s.Close())
	b := buildcache.Open(w.build())
	bytesMust(t, b.Prepare(time.Now()))
	for i, content := range bytesOutputs {
		o := buildcache.Output{ID: digest.Of([]byte(content)), Size: int64(len(content))}
		out, err := b.CreateOutput(o, time.Now())
		bytesMust(t, err)
		_, err = out.Write([]byte(content))
		bytesMust(t, err)
		bytesMust(t, out.Close())
		a := buildcache.Entry{Action: sha256.Sum256([]byte{byte(i)}), Output: o.ID, Size: o.Size, Time: time.Now().UnixNano()}
		bytesMust(t, b.PutAction(a, time.Now()))
	}
	_, err = b.InstallFuzzFile(bytesFuzz, []byte("go test fuzz v1\n"))
	bytesMust(t, err)
	for name, content := range bytesLint {
		file := filepath.Join(w.lint(), filepath.FromSlash(name))
		bytesMust(t, os.MkdirAll(filepath.Dir(file), 0o777))
		bytesMust(t, os.WriteFile(file, []byte(content), 0o666))
	}
}

// bytesSample are the objects of a store with the sample, made only once.
var bytesSample struct {
	once    sync.Once
	objects map[string][]byte
}

// bytesStore returns a world with empty caches and a store that has the sample.
func bytesStore(t *testing.T) bytesWorld {
	t.Helper()
	bytesSample.once.Do(func() { bytesSample.objects = bytesMakeSample(t) })
	w := bytesWorld{t.TempDir()}
	for name, data := range bytesSample.objects {
		w.put(t, name, data)
	}
	t.Cleanup(func() { osfile.RemoveAll(w.mod()) }) // some directories are read-only
	return w
}

func bytesMakeSample(t *testing.T) map[string][]byte {
	t.Helper()
	w := bytesWorld{t.TempDir()}
	w.fill(t)
	res, err := save.Run(t.Context(), w.saveOptions(t))
	bytesMust(t, err)
	if !res.Written || len(res.Warnings) > 0 {
		t.Fatalf("sample: %+v", res)
	}
	objects := map[string][]byte{}
	for _, name := range res.Objects {
		objects[name] = w.get(t, name)
	}
	// Make the decoders and buffers that are kept, so that no case is charged for them.
	bytesMust(t, osfile.RemoveAll(w.mod()))
	_, err = restore.Run(t.Context(), w.restoreOptions(t))
	bytesMust(t, err)
	bytesMust(t, osfile.RemoveAll(w.mod()))
	return objects
}

func (w bytesWorld) file(object string) string {
	return filepath.Join(w.store(), filepath.FromSlash(object))
}

func (w bytesWorld) put(t testing.TB, object string, data []byte) {
	t.Helper()
	bytesMust(t, os.MkdirAll(filepath.Dir(w.file(object)), 0o777))
	bytesMust(t, os.WriteFile(w.file(object), data, 0o666))
}

func (w bytesWorld) get(t testing.TB, object string) []byte {
	t.Helper()
	data, err := os.ReadFile(w.file(object))
	bytesMust(t, err)
	return data
}

func bytesExact(t testing.TB) string {
	return snapshot.ManifestObject(bytesRepo, bytesScope, bytesPlan(t).Key.Exact())
}

func bytesLatest(t testing.TB) string {
	return snapshot.ManifestObject(bytesRepo, bytesScope, bytesPlan(t).Key.Latest())
}

// manifest reads the snapshot of the sample, and changed stores it again under its key.
func (w bytesWorld) manifest(t testing.TB) *snapshot.Manifest {
	t.Helper()
	m, err := snapshot.DecodeManifest(w.get(t, bytesExact(t)))
	bytesMust(t, err)
	return m
}

func (w bytesWorld) changed(t testing.TB, m *snapshot.Manifest) {
	t.Helper()
	data, err := m.Encode()
	bytesMust(t, err)
	w.put(t, bytesExact(t), data)
}
