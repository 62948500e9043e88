// Package e2etest has what end-to-end tests share: a real project built by the real go command,
// copies of its caches, stores to save them to, and comparisons.
package e2etest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/stdtest"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/keys"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
)

// ProjectFiles is a project that uses each kind of module name: case-encoded, +incompatible,
// pseudo-version. `go run` leaves an executable in the build cache.
var ProjectFiles = map[string]string{
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

// World is the project with its caches. They stay in one place, since action IDs depend on paths;
// Reference is a copy of them as the go command left them. Tests that share a World do not run in
// parallel.
type World struct {
	Proj, Mod, Build, Reference string
	GoVersion                   string
	// gocache, built for tests that kill it or run it as another user
	Binary string
}

// Main makes a world, runs the tests of a package, which share the world, and removes it. It
// returns the exit code for TestMain.
func Main(m *testing.M, w *World) int {
	base, err := os.MkdirTemp("", "gocache-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer osfile.RemoveAll(base)
	if err := os.Chmod(base, 0o755); err != nil { // one test works in it as another user
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	*w = World{
		Proj: filepath.Join(base, "project"), Mod: filepath.Join(base, "caches", "mod"), Build: filepath.Join(base, "caches", "build"),
		Reference: filepath.Join(base, "reference"),
	}
	if err := w.prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "prepare:", err)
		return 1
	}
	return m.Run()
}

// prepare builds the project with fresh caches. It takes modules from the user's module cache if
// they are there, and otherwise from the proxy.
func (w *World) prepare() error {
	for name, text := range ProjectFiles {
		file := filepath.Join(w.Proj, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			return err
		}
	}
	var err error
	if w.Binary, err = stdtest.Command(); err != nil {
		return err
	}
	out, err := exec.Command("go", "env", "GOMODCACHE", "GOVERSION", "GOPROXY").Output()
	if err != nil {
		return err
	}
	env := strings.Split(strings.TrimSpace(string(out)), "\n")
	cache, proxy := env[0], env[2]
	w.GoVersion = env[1]
	proxy = osfiletest.FileURL(cache) + "/cache/download," + proxy
	if err := stdtest.Fill(w.Build); err != nil {
		return fmt.Errorf("standard library: %w", err)
	}
	for _, args := range [][]string{{"mod", "tidy"}, {"mod", "download"}, {"mod", "verify"}, {"build", "./..."}, {"vet", "./..."}, {"test", "-run", "NONE", "./..."}, {"run", "."}} {
		if out, err := w.GoCommand(proxy, args...); err != nil {
			return fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	return os.Rename(filepath.Dir(w.Mod), w.Reference)
}

// GoCommand runs go in the project with its caches.
func (w *World) GoCommand(proxy string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = w.Proj
	cmd.Env = append(os.Environ(), "GOMODCACHE="+w.Mod, "GOCACHE="+w.Build, "GOPROXY="+proxy, "GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN=local", "GONOSUMDB=", "GOPRIVATE=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Reset replaces the caches with fresh copies of what they were before the first save. Hard links
// would be enough for files that nobody writes in place, but the go command does write some in
// place, so these are real copies.
func (w *World) Reset(t testing.TB) {
	t.Helper()
	w.Wipe(t)
	if err := exec.Command("cp", "-a", w.Reference, filepath.Dir(w.Mod)).Run(); err != nil {
		t.Fatal(err)
	}
}

// ResetBuild replaces only the build cache.
func (w *World) ResetBuild(t testing.TB) {
	t.Helper()
	Must(t, osfile.RemoveAll(w.Build))
	Must(t, exec.Command("cp", "-a", filepath.Join(w.Reference, "build"), w.Build).Run())
}

// Wipe removes the caches.
func (w *World) Wipe(t testing.TB) {
	t.Helper()
	if err := osfile.RemoveAll(filepath.Dir(w.Mod)); err != nil {
		t.Fatal(err)
	}
}

// Plan derives the key of the project as it is now.
func (w *World) Plan(t testing.TB, name string) keys.Plan {
	t.Helper()
	in := keys.Input{Name: name, OS: runtime.GOOS, Arch: runtime.GOARCH, GoVersion: w.GoVersion}
	for _, f := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(w.Proj, f))
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

// MainScope is the scope of jobs of the default branch.
const MainScope = "refs/heads/main"

// SaveOptions returns the options of a job of the default branch.
func (w *World) SaveOptions(t testing.TB, st store.Store) save.Options {
	return save.Options{
		Store: st, Repo: "r", Scope: MainScope, DefaultScope: MainScope, Keys: w.Plan(t, "job"), ModDir: w.Mod, BuildDir: w.Build,
		StableTimes: true, // no test changes a file of the project in place
	}
}

// RestoreOptions returns the options of a job of the default branch.
func (w *World) RestoreOptions(t testing.TB, st store.Store) restore.Options {
	return restore.Options{Store: st, Repo: "r", Scope: MainScope, DefaultScope: MainScope, Keys: w.Plan(t, "job"), ModDir: w.Mod, BuildDir: w.Build}
}

// Save saves, with changes to the options, and demands success.
func (w *World) Save(t testing.TB, st store.Store, with ...func(*save.Options)) *save.Result {
	t.Helper()
	o := w.SaveOptions(t, st)
	for _, f := range with {
		f(&o)
	}
	res, err := save.Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// Restore restores, with changes to the options, and demands success.
func (w *World) Restore(t testing.TB, st store.Store, with ...func(*restore.Options)) *restore.Result {
	t.Helper()
	o := w.RestoreOptions(t, st)
	for _, f := range with {
		f(&o)
	}
	res, err := restore.Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// Tool matches a command line in the output of `go build -x` that runs a compiler, an assembler or
// vet.
var Tool = regexp.MustCompile(`(?m)^.*/(compile|vet|asm)(\.exe)? .*$`)

// MustBuildOffline proves that the caches serve the whole project: nothing is downloaded and
// nothing is compiled.
func (w *World) MustBuildOffline(t testing.TB) {
	t.Helper()
	for _, args := range [][]string{{"build", "-x", "./..."}, {"vet", "-x", "./..."}, {"test", "-x", "-run", "NONE", "./..."}, {"run", "-x", "."}} {
		out, err := w.GoCommand("off", args...)
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		if line := Tool.FindString(out); line != "" {
			t.Fatalf("go %s ran a tool: %s", strings.Join(args, " "), line)
		}
	}
}

// MustBuild proves that the go command accepts the caches, whatever it has to rebuild.
func (w *World) MustBuild(t testing.TB) {
	t.Helper()
	for _, args := range [][]string{{"build", "./..."}, {"vet", "./..."}, {"test", "-run", "NONE", "./..."}, {"run", "."}, {"mod", "verify"}} {
		if out, err := w.GoCommand(w.Proxy(), args...); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// Proxy returns a GOPROXY that serves the reference copy, so that tests need no network.
func (w *World) Proxy() string {
	return osfiletest.FileURL(filepath.Join(w.Reference, "mod", "cache", "download"))
}

// Manifest reads the manifest under the exact key.
func (w *World) Manifest(t testing.TB, st store.Store) *snapshot.Manifest {
	t.Helper()
	return ReadManifest(t, st, w.ManifestObject(t))
}

// ManifestObject returns the name of the manifest under the exact key.
func (w *World) ManifestObject(t testing.TB) string {
	return snapshot.ManifestObject("r", MainScope, w.Plan(t, "job").Key.Exact())
}

// StableState writes the state of a restore according to which the files of the project have stable
// times, so that a save by the command takes the whole build cache. It returns the path of the
// state for --state.
func StableState(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.json")
	Must(t, jobstate.Write(path, jobstate.State{StableTimes: true}))
	return path
}
