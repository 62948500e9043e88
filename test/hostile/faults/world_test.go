package faults

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/keys"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// caches are a module cache and a build cache.
type caches struct{ mod, build string }

func cachesIn(dir string) caches {
	return caches{filepath.Join(dir, "mod"), filepath.Join(dir, "build")}
}

// contents maps the names of all files in both caches to a description.
type contents map[string]string

// contents reads the caches. A missing directory counts as empty.
func (c caches) contents() (contents, error) {
	all := contents{}
	for half, dir := range map[string]string{"mod/": c.mod, "build/": c.build} {
		files, err := e2etest.ReadTree(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		for name, v := range files {
			all[half+name] = v
		}
	}
	return all, nil
}

// differs names a file that differs between the two contents, or returns "".
func (c contents) differs(want contents) string {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if c[name] != want[name] {
			return fmt.Sprintf("%s is %q, want %q", name, c[name], want[name])
		}
	}
	return c.beyond(want)
}

// beyond names a file that is missing from want or differs there, or returns "".
func (c contents) beyond(want contents) string {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if c[name] != want[name] {
			return fmt.Sprintf("%s is %q, want %q", name, c[name], want[name])
		}
	}
	return ""
}

func (c contents) hash() [32]byte {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(c)) {
		fmt.Fprintf(h, "%s %s\n", name, c[name])
	}
	return [32]byte(h.Sum(nil))
}

// smallWorld is a project of packages that import nothing from the standard library, with two
// modules of the same kind. The go command can therefore accept or refuse its caches within a
// fraction of a second, wherever they lie.
type smallWorld struct {
	base, proj, proxy string
	plan              keys.Plan
	// The caches of three jobs with the same key. The old snapshot was saved from before, which has
	// an additional entry; after continues from there without that entry, and large also has an
	// output of two parts.
	before, after, large caches
	// snapshots; those saved from after and large also have what before had
	old, new, newLarge contents

	saved    templates
	mu       sync.Mutex
	accepted map[[32]byte]func() error
	probed   map[[32]byte]func() (contents, error)
}

var (
	smallOnce  sync.Once
	smallMade  *smallWorld
	smallFiles = map[string]string{"go.mod": "module example.com/small\n\ngo 1.24\n\nrequire (\n\texample.com/one v1.0.0\n\texample.com/two v1.1.0\n)\n"}
)

// smallProject makes the world when it is first called.
func smallProject(t testing.TB) *smallWorld {
	t.Helper()
	smallOnce.Do(func() { smallMade = makeSmall(t) })
	if smallMade == nil {
		t.Fatal("the small project was not made")
	}
	return smallMade
}

// smallPackages is the number of packages. The first half imports module one, the second half
// module two.
const smallPackages = 10

func makeSmall(t testing.TB) *smallWorld {
	t.Helper()
	w := &smallWorld{base: base, proj: filepath.Join(base, "project"), proxy: filepath.Join(base, "proxy"), accepted: map[[32]byte]func() error{}, probed: map[[32]byte]func() (contents, error){}}
	files := maps.Clone(smallFiles)
	for i := range smallPackages {
		dep := []string{"one", "two"}[i*2/smallPackages]
		files[fmt.Sprintf("p%d/p.go", i)] = fmt.Sprintf("package p%d\n\nimport \"example.com/%s\"\n\nfunc F(n int) int { return %[2]s.Add(n, %[1]d) }\n", i, dep)
	}
	writeFiles(t, w.proj, files)
	w.publish(t, module.Version{Path: "example.com/one", Version: "v1.0.0"})
	w.publish(t, module.Version{Path: "example.com/two", Version: "v1.1.0"})
	w.before, w.after, w.large = cachesIn(filepath.Join(base, "before")), cachesIn(filepath.Join(base, "after")), cachesIn(filepath.Join(base, "large"))

	w.mustGo(t, cachesIn(filepath.Join(base, "tidy")), "mod", "tidy")
	w.mustGo(t, w.before, "build", "./p0", "./p1", "./p2", "./p3", "./p4")
	e2etest.Must(t, copyCaches(w.before, w.after))
	e2etest.AddEntry(t, w.before.build, 200)
	w.mustGo(t, w.after, "mod", "download")
	w.mustGo(t, w.after, "build", "./...")
	e2etest.Must(t, copyCaches(w.after, w.large))
	addOutput(t, w.large.build, 201, storetest.Content(201, storetest.PartSize+300_000))

	w.old, w.new, w.newLarge = mustContents(t, w.before), mustContents(t, w.after), mustContents(t, w.large)
	for _, c := range []contents{w.new, w.newLarge} {
		maps.Copy(c, w.old)
	}
	w.plan = w.derive(t)
	return w
}

func writeFiles(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		e2etest.Must(t, errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, []byte(text), 0o666)))
	}
}

// publish puts a module of one package into the proxy, a directory.
func (w *smallWorld) publish(t testing.TB, v module.Version) {
	t.Helper()
	src, dst := filepath.Join(w.base, "src", v.Path), filepath.Join(w.proxy, v.Path, "@v")
	mod := "module " + v.Path + "\n\ngo 1.24\n"
	writeFiles(t, src, map[string]string{
		"go.mod": mod, "LICENSE": "none\n",
		"add.go": "package " + filepath.Base(v.Path) + "\n\nfunc Add(a, b int) int { return a + b }\n",
	})
	writeFiles(t, dst, map[string]string{
		"list": v.Version + "\n", v.Version + ".mod": mod,
		v.Version + ".info": fmt.Sprintf(`{"Version":%q,"Time":"2024-01-01T00:00:00Z"}`, v.Version),
	})
	f, err := os.Create(filepath.Join(dst, v.Version+".zip"))
	e2etest.Must(t, err)
	e2etest.Must(t, errors.Join(modzip.CreateFromDir(f, v, src), f.Close()))
}

// goRun runs go in the project. With -trimpath, entries do not depend on where the caches lie.
func (w *smallWorld) goRun(c caches, proxy string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = w.proj
	cmd.Env = append(os.Environ(), "GOMODCACHE="+c.mod, "GOCACHE="+c.build, "GOPROXY="+proxy, "GOFLAGS=-trimpath", "GOSUMDB=off",
		"GOWORK=off", "GOTOOLCHAIN=local", "GOPRIVATE=", "GONOPROXY=", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

func (w *smallWorld) mustGo(t testing.TB, c caches, args ...string) {
	t.Helper()
	_, err := w.goRun(c, osfiletest.FileURL(w.proxy), args...)
	e2etest.Must(t, err)
}

func (w *smallWorld) derive(t testing.TB) keys.Plan {
	t.Helper()
	in := keys.Input{Name: "small", OS: runtime.GOOS, Arch: runtime.GOARCH, GoVersion: runtime.Version()}
	for _, f := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(w.proj, f))
		e2etest.Must(t, err)
		in.Files = append(in.Files, keys.File{Path: f, Data: data})
	}
	p, err := keys.Derive(in)
	e2etest.Must(t, err)
	return p
}

func copyCaches(from, to caches) error {
	for src, dst := range map[string]string{from.mod: to.mod, from.build: to.build} {
		if err := os.MkdirAll(filepath.Dir(dst), 0o777); err != nil {
			return err
		}
		if _, err := os.Stat(src); err != nil {
			continue
		}
		if err := copyTree(src, dst); err != nil {
			return err
		}
	}
	return nil
}

// copyTree copies a directory to a place where nothing is yet.
func copyTree(src, dst string) error {
	if out, err := exec.Command("cp", "-a", src, dst).CombinedOutput(); err != nil {
		return fmt.Errorf("cp %s: %w: %s", src, err, out)
	}
	return nil
}

// templates are directories, each made once for a list of caches.
type templates struct {
	mu   sync.Mutex
	made map[string]func() (string, error)
}

func (m *templates) once(list []caches, make func() (string, error)) (string, error) {
	m.mu.Lock()
	if m.made == nil {
		m.made = map[string]func() (string, error){}
	}
	key := fmt.Sprint(list)
	if m.made[key] == nil {
		m.made[key] = sync.OnceValues(make)
	}
	f := m.made[key]
	m.mu.Unlock()
	return f()
}

func mustContents(t testing.TB, c caches) contents {
	t.Helper()
	all, err := c.contents()
	e2etest.Must(t, err)
	return all
}

// addOutput is like e2etest.AddEntry, with an output of any content.
func addOutput(t testing.TB, dir string, i int, data []byte) {
	t.Helper()
	c := buildcache.Open(dir)
	o := buildcache.Output{ID: digest.Of(data), Size: int64(len(data))}
	f, err := c.CreateOutput(o, longAgo)
	e2etest.Must(t, err)
	_, err = f.Write(data)
	e2etest.Must(t, errors.Join(err, f.Close()))
	e2etest.Must(t, c.PutAction(buildcache.Entry{Action: digest.ID{1, byte(i)}, Output: o.ID, Size: o.Size, Time: 1}, longAgo))
}

func (w *smallWorld) saveOptions(st store.Store, c caches) save.Options {
	return save.Options{Store: st, Repo: "r", Scope: e2etest.MainScope, DefaultScope: e2etest.MainScope, Keys: w.plan, ModDir: c.mod, BuildDir: c.build, StableTimes: true}
}

func (w *smallWorld) restoreOptions(st store.Store, c caches) restore.Options {
	return restore.Options{Store: st, Repo: "r", Scope: e2etest.MainScope, DefaultScope: e2etest.MainScope, Keys: w.plan, ModDir: c.mod, BuildDir: c.build}
}

// store saves caches to a store without faults, and runs a collection, so that the store has its
// notes.
func (w *smallWorld) store(st store.Store, list ...caches) error {
	if err := w.save(st, list...); err != nil {
		return err
	}
	_, err := collectAt(st.(store.Collector), 0)
	return err
}

func (w *smallWorld) save(st store.Store, list ...caches) error {
	for _, c := range list {
		res, err := save.Run(context.Background(), w.saveOptions(st, c))
		if err != nil {
			return err
		}
		if len(res.Warnings) > 0 || !res.Written {
			return fmt.Errorf("clean save: %+v", res)
		}
	}
	return nil
}

// TestFaultsInAll logs how much the tests before it tried. Those tests check that nothing was lost.
// It runs last, since tests run in the order of their files.
func TestFaultsInAll(t *testing.T) {
	if allTrials.trials == 0 {
		t.Skip("none of the tests of faults ran before")
	}
	ofCaches, ofStores := smallProject(t).states()
	t.Logf("%d trials of %d faults, losses 0; the go command was given %d different states of caches, and %d of stores were restored",
		allTrials.trials, len(allTrials.faults), ofCaches, ofStores)
	if flag.Lookup("test.run").Value.String() != "" {
		return // only some of them ran
	}
	const page = "../../../docs/reliability.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if said := fmt.Sprintf("In all %d trials", allTrials.trials); !strings.Contains(string(text), said) {
		t.Errorf("%s does not say %q: count again what each test tried, see the tables above", page, said)
	}
}
