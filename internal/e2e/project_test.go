package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/keys"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
)

// The project uses each kind of module name: case-encoded, +incompatible, pseudo-version. `go run` leaves
// an executable in the build cache.
var projectFiles = map[string]string{
	"go.mod": `module example.com/project

go 1.24

require (
	github.com/BurntSushi/toml v1.5.0
	github.com/blang/semver v3.5.1+incompatible
	gopkg.in/tomb.v1 v1.0.0-20141024135613-dd632973f1e7
)
`,
	"main.go": `package main

import (
	"fmt"

	"example.com/project/lib"
)

func main() { fmt.Println(lib.Version()) }
`,
	"lib/lib.go": `package lib

import (
	"github.com/BurntSushi/toml"
	"github.com/blang/semver"
	"gopkg.in/tomb.v1"
)

func Version() string {
	var t tomb.Tomb
	var v struct{ V string }
	if _, err := toml.Decode("V = '1.2.3'", &v); err != nil || t.Err() == nil {
		return "wrong"
	}
	return semver.MustParse(v.V).String()
}
`,
	"lib/lib_test.go": `package lib

import "testing"

func TestVersion(t *testing.T) {
	if Version() != "1.2.3" {
		t.Fatal(Version())
	}
}
`,
}

// world is the project with its caches. They stay at one place, since action
// IDs depend on the paths; reference is a copy of them as the go command left them.
type world struct {
	proj, mod, build, reference string
	goVersion                   string
	binary                      string // gocache, built for tests that kill it or run it as another user
}

var shared world

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	base, err := os.MkdirTemp("", "gocache-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer osfile.RemoveAll(base)
	if err := os.Chmod(base, 0o755); err != nil { // other users run the binary in one test
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	shared = world{
		proj: filepath.Join(base, "project"), mod: filepath.Join(base, "caches", "mod"), build: filepath.Join(base, "caches", "build"),
		reference: filepath.Join(base, "reference"), binary: filepath.Join(base, "gocache"),
	}
	if err := shared.prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "prepare:", err)
		return 1
	}
	return m.Run()
}

// prepare builds the project with fresh caches, fetching modules from the user's module cache where they are, else
// from the proxy.
func (w *world) prepare() error {
	for name, text := range projectFiles {
		file := filepath.Join(w.proj, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			return err
		}
	}
	if out, err := exec.Command("go", "build", "-o", w.binary, "../../cmd/gocache").CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	out, err := exec.Command("go", "env", "GOMODCACHE", "GOVERSION", "GOPROXY").Output()
	if err != nil {
		return err
	}
	env := strings.Split(strings.TrimSpace(string(out)), "\n")
	cache, proxy := env[0], env[2]
	w.goVersion = env[1]
	proxy = "file://" + filepath.ToSlash(cache) + "/cache/download," + proxy
	for _, args := range [][]string{{"mod", "tidy"}, {"mod", "download"}, {"mod", "verify"}, {"build", "./..."}, {"vet", "./..."}, {"test", "-run", "NONE", "./..."}, {"run", "."}} {
		if out, err := w.goCommand(proxy, args...); err != nil {
			return fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	return os.Rename(filepath.Dir(w.mod), w.reference)
}

// goCommand runs go in the project with its caches.
func (w *world) goCommand(proxy string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = w.proj
	cmd.Env = append(os.Environ(), "GOMODCACHE="+w.mod, "GOCACHE="+w.build, "GOPROXY="+proxy, "GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN=local", "GONOSUMDB=", "GOPRIVATE=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// reset puts fresh copies of the caches, as they were before the first save, in place. Hard links are enough for files
// that nobody writes in place, but the go command does write; so these are copies.
func (w *world) reset(t testing.TB) {
	t.Helper()
	w.wipe(t)
	if err := exec.Command("cp", "-a", w.reference, filepath.Dir(w.mod)).Run(); err != nil {
		t.Fatal(err)
	}
}

// resetBuild puts only the build cache in place.
func (w *world) resetBuild(t testing.TB) {
	t.Helper()
	must(t, osfile.RemoveAll(w.build))
	must(t, exec.Command("cp", "-a", filepath.Join(w.reference, "build"), w.build).Run())
}

// wipe removes the caches.
func (w *world) wipe(t testing.TB) {
	t.Helper()
	if err := osfile.RemoveAll(filepath.Dir(w.mod)); err != nil {
		t.Fatal(err)
	}
}

// plan derives the key of the project as it is now.
func (w *world) plan(t testing.TB, name string) keys.Plan {
	t.Helper()
	in := keys.Input{Name: name, OS: runtime.GOOS, Arch: runtime.GOARCH, GoVersion: w.goVersion}
	for _, f := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(w.proj, f))
		if err != nil {
			t.Fatal(err)
		}
		in.Files = append(in.Files, keys.File{Path: f, Data: data})
	}
	p, err := keys.Derive(in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const mainScope = "refs/heads/main"

func (w *world) saveOptions(t testing.TB, st store.Store) save.Options {
	return save.Options{Store: st, Repo: "r", Scope: mainScope, DefaultScope: mainScope, Keys: w.plan(t, "job"), ModDir: w.mod, BuildDir: w.build}
}

func (w *world) restoreOptions(t testing.TB, st store.Store) restore.Options {
	return restore.Options{Store: st, Repo: "r", Scope: mainScope, DefaultScope: mainScope, Keys: w.plan(t, "job"), ModDir: w.mod, BuildDir: w.build}
}

// save saves, with changes to the options, and demands success.
func (w *world) save(t testing.TB, st store.Store, with ...func(*save.Options)) *save.Result {
	t.Helper()
	o := w.saveOptions(t, st)
	for _, f := range with {
		f(&o)
	}
	res, err := save.Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func (w *world) restore(t testing.TB, st store.Store, with ...func(*restore.Options)) *restore.Result {
	t.Helper()
	o := w.restoreOptions(t, st)
	for _, f := range with {
		f(&o)
	}
	res, err := restore.Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// tool matches a command line of `go build -x` that compiles, or checks for vet.
var tool = regexp.MustCompile(`(?m)^.*/(compile|vet|asm)(\.exe)? .*$`)

// mustBuildOffline proves that the caches serve the whole project: nothing is downloaded and nothing is compiled.
func (w *world) mustBuildOffline(t testing.TB) {
	t.Helper()
	for _, args := range [][]string{{"build", "-x", "./..."}, {"vet", "-x", "./..."}, {"test", "-x", "-run", "NONE", "./..."}, {"run", "-x", "."}} {
		out, err := w.goCommand("off", args...)
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		if line := tool.FindString(out); line != "" {
			t.Fatalf("go %s ran a tool: %s", strings.Join(args, " "), line)
		}
	}
}

// mustBuild proves that the go command accepts the caches, whatever it has to do anew.
func (w *world) mustBuild(t testing.TB) {
	t.Helper()
	for _, args := range [][]string{{"build", "./..."}, {"vet", "./..."}, {"test", "-run", "NONE", "./..."}, {"run", "."}, {"mod", "verify"}} {
		if out, err := w.goCommand(w.proxy(), args...); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// proxy serves from the reference copy, so that tests need no network.
func (w *world) proxy() string {
	return "file://" + filepath.ToSlash(filepath.Join(w.reference, "mod", "cache", "download"))
}

// stores opens an empty store of each kind.
func stores(t *testing.T) map[string]store.Store {
	t.Helper()
	return map[string]store.Store{"dir": dirStore(t, filepath.Join(t.TempDir(), "store")), "s3": s3Store(t)}
}

func dirStore(t testing.TB, root string) store.Store {
	t.Helper()
	st, err := dir.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func s3Store(t testing.TB) store.Store {
	t.Helper()
	st, _ := s3StoreOn(t)
	return st
}

// s3StoreOn also returns the server.
func s3StoreOn(t testing.TB) (store.Store, *storetest.Server) {
	t.Helper()
	srv := storetest.Gateway(t)
	srv.Bucket(t, "bucket")
	srv.Setenv(t)
	st, err := s3.New(context.Background(), s3.Options{Bucket: "bucket", Prefix: "some/prefix", Region: "us-east-1", Endpoint: srv.Endpoint, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	return st, srv
}

// tree describes every file below root that a restore must bring back: mode, and hash of the content.
func tree(t testing.TB, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		rel = filepath.ToSlash(rel)
		if notRestored(rel) {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if d.IsDir() {
			if strings.Contains(rel, "@") && !strings.Contains(rel, "@v") {
				out[rel] = info.Mode().String()
			}
			return nil
		}
		data, err := os.ReadFile(p)
		out[rel] = fmt.Sprintf("%v %x", info.Mode(), sha256.Sum256(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// notRestored lists what is no part of a snapshot, by design.
func notRestored(rel string) bool {
	switch filepath.Base(rel) {
	case "list", "lock", "trim.txt", "testexpire.txt", "README":
		return true
	}
	return strings.HasSuffix(rel, ".lock") || strings.HasSuffix(rel, ".zip") || strings.Contains(rel, "cache/vcs") || strings.Contains(rel, "cache/gocache-stage")
}

// mustEqualTrees compares the caches with the reference.
func (w *world) mustEqualTrees(t testing.TB) {
	t.Helper()
	for _, half := range []string{"mod", "build"} {
		want := tree(t, filepath.Join(w.reference, half))
		got := tree(t, filepath.Join(filepath.Dir(w.mod), half))
		for name, x := range want {
			if got[name] != x {
				t.Errorf("%s/%s is %q, want %q", half, name, got[name], x)
			}
			delete(got, name)
		}
		for name := range got {
			t.Errorf("%s/%s should not be there", half, name)
		}
	}
}

// object reads, changes and writes back an object of a directory store.
func changeObject(t testing.TB, root, name string, change func([]byte) []byte) {
	t.Helper()
	file := filepath.Join(root, filepath.FromSlash(name))
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if data = change(bytes.Clone(data)); data == nil {
		err = os.Remove(file)
	} else {
		err = os.WriteFile(file, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// manifest reads the manifest under the exact key.
func (w *world) manifest(t testing.TB, st store.Store) *snapshot.Manifest {
	t.Helper()
	body, info, err := st.Open(context.Background(), w.manifestObject(t), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	data := make([]byte, info.Size)
	if _, err := io.ReadFull(body, data); err != nil {
		t.Fatal(err)
	}
	m, err := snapshot.DecodeManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (w *world) manifestObject(t testing.TB) string {
	return snapshot.ManifestObject("r", mainScope, w.plan(t, "job").Key.Exact())
}
