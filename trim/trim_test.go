package trim

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
	"github.com/org/gocache-action/internal/stdtest"
)

func TestMain(m *testing.M) {
	osfiletest.Main(m, map[string]func(string) error{"elsewhere": trimElsewhere, "layers": trimLayers, "trim": func(arg string) error {
		dirs := strings.Split(arg, "|")
		later := func() time.Time { return time.Now().Add(2 * day) }
		_, err := Run(context.Background(), Options{ModDir: dirs[0], BuildDir: dirs[1], MaxAge: time.Hour, MaxSize: 1, Now: later})
		return err
	}})
}

// world is a project that uses one of its two modules, and the caches that go commands made for it.
type world struct {
	t                       *testing.T
	proj, mod, build, proxy string
}

const tomb = "gopkg.in/tomb.v1@v1.0.0-20141024135613-dd632973f1e7"
const semver = "github.com/blang/semver@v3.5.1+incompatible"

func newWorld(t *testing.T) *world {
	t.Helper()
	base := t.TempDir()
	w := &world{t: t, proj: filepath.Join(base, "p"), mod: filepath.Join(base, "mod"), build: filepath.Join(base, "build")}
	t.Cleanup(func() { osfile.RemoveAll(w.mod) })
	out, err := exec.Command("go", "env", "GOMODCACHE", "GOPROXY").Output()
	must(t, err)
	env := strings.Split(strings.TrimSpace(string(out)), "\n")
	w.proxy = osfiletest.FileURL(env[0]) + "/cache/download," + env[1]
	for name, text := range map[string]string{
		"go.mod": "module example.com/p\n\ngo 1.24\n\nrequire (\n\tgithub.com/blang/semver v3.5.1+incompatible\n\tgopkg.in/tomb.v1 v1.0.0-20141024135613-dd632973f1e7\n)\n",
		"a/a.go": "package a\n\nimport _ \"gopkg.in/tomb.v1\"\n",
		"b/b.go": "package b\n\nimport _ \"github.com/blang/semver\"\n",
		// go run makes a program, which is a directory in the build cache.
		"c/c.go": "package main\n\nfunc main() { println(1) }\n",
	} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(w.proj, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(w.proj, name), []byte(text), 0o644))
	}
	must(t, stdtest.Fill(w.build))
	w.proxy = warm(t, w)
	w.run("mod", "tidy")
	w.run("build", "./a", "./b")
	w.run("run", "./c")
	must(t, os.MkdirAll(filepath.Join(w.build, "fuzz", "example.com/p"), 0o755))
	must(t, os.WriteFile(filepath.Join(w.build, "fuzz", "example.com/p", "x"), nil, 0o644))
	return w
}

// warmProxy serves the modules, so that they are downloaded only once.
var warmProxy string

func warm(t *testing.T, w *world) string {
	t.Helper()
	if warmProxy == "" {
		// This directory is next to the test binary, whose directory the go command removes at the
		// end: there is no hook after the last test.
		dir, err := os.MkdirTemp(filepath.Dir(os.Args[0]), "gocache-trim-")
		must(t, err)
		first := *w
		first.mod = filepath.Join(dir, "mod")
		os.Setenv("GOFLAGS", "-modcacherw") // so that the go command can remove it
		defer os.Setenv("GOFLAGS", "")
		first.run("mod", "tidy")
		first.run("mod", "download")
		warmProxy = osfiletest.FileURL(first.mod) + "/cache/download"
	}
	return warmProxy
}

func (w *world) run(args ...string) string {
	w.t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = w.proj
	cmd.Env = append(os.Environ(), "GOMODCACHE="+w.mod, "GOCACHE="+w.build, "GOPROXY="+w.proxy, "GOWORK=off", "GOTOOLCHAIN=local", "GOSUMDB=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("go %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// needReads skips a test where the file system does not record reads: on Windows, in containers.
func needReads(t *testing.T) {
	t.Helper()
	if !osfile.RecordsReads(t.TempDir()) {
		t.Skip("the file system records no reads")
	}
}

// age makes everything in the caches older, as if nobody had used it since. Files that were read
// keep their mark of that, at the older time.
func (w *world) age(d time.Duration) {
	w.t.Helper()
	for _, root := range []string{w.mod, w.build} {
		must(w.t, filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			st, err := e.Info()
			must(w.t, err)
			accessed, ok := osfile.AccessTime(st)
			if !ok {
				accessed = st.ModTime().UnixNano()
			}
			return os.Chtimes(p, time.Unix(0, accessed).Add(-d), st.ModTime().Add(-d))
		}))
	}
}

func (w *world) has(tree string) bool {
	_, err := os.Stat(filepath.Join(w.mod, filepath.FromSlash(tree)))
	return err == nil
}

func (w *world) options() Options { return Options{ModDir: w.mod, BuildDir: w.build} }

var compile = regexp.MustCompile(`(?m)/(compile|asm)(\.exe)? `)

const day = 24 * time.Hour

// TestAge: after weeks without use, a job uses one of two packages. The module and the entries of
// the other are removed, and everything used works offline.
func TestAge(t *testing.T) {
	needReads(t)
	w := newWorld(t)
	w.age(4 * day) // the go command itself would trim entries older than 5 days
	w.run("build", "./a")
	o := w.options()
	o.MaxAge = 3 * day
	before := snapshotOf(t, w.build)
	plan, err := Plan(context.Background(), o)
	must(t, err)
	if !plan.DryRun || plan.Modules.Dropped.Count != 1 || plan.Build.Dropped.Count == 0 || plan.UnknownUse {
		t.Errorf("plan: %+v", plan)
	}
	if got := snapshotOf(t, w.build); len(got) != len(before) || !w.has(semver) {
		t.Error("a dry run removed something")
	}
	res, err := Run(context.Background(), o)
	must(t, err)
	if res.Modules != plan.Modules || res.Build != plan.Build || len(res.Warnings) > 0 {
		t.Errorf("run: %+v, plan: %+v", res, plan)
	}
	if w.has(semver) || !w.has(tomb) {
		t.Errorf("semver is there: %v, tomb is there: %v", w.has(semver), w.has(tomb))
	}
	w.wholePairs()
	if _, err := os.Stat(filepath.Join(w.build, "fuzz", "example.com/p", "x")); err != nil {
		t.Error("the fuzzing corpus is gone")
	}
	proxy := w.proxy
	w.proxy = "off"
	if out := w.run("build", "-x", "./a"); compile.MatchString(out) {
		t.Errorf("a used entry or module was removed: %s", out)
	}
	w.proxy = proxy
	w.run("build", "./...")
	w.run("mod", "verify")
}

// snapshotOf lists the files below root.
func snapshotOf(t *testing.T, root string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	must(t, filepath.WalkDir(root, func(p string, _ fs.DirEntry, err error) error { out[p] = true; return err }))
	return out
}

// wholePairs demands that every action entry has its output. An output of which a part is gone, as
// of a program whose removal was interrupted, is nothing to the go command if no entry names it.
func (w *world) wholePairs() {
	w.t.Helper()
	o := w.options()
	tr := &trimming{Options: o}
	tr.build = buildcache.Open(o.BuildDir)
	must(w.t, tr.scanBuild(context.Background()))
	for _, b := range tr.inv.Broken {
		if strings.HasSuffix(b.Path, "-a") {
			w.t.Errorf("broken entry: %v", b)
		}
	}
}

// TestSize: the size limit is kept, toolchains are kept on request, and go commands work with what
// is left.
func TestSize(t *testing.T) {
	w := newWorld(t)
	chain := "golang.org/toolchain@v0.0.1-go1.99.0.linux-amd64"
	must(t, os.MkdirAll(filepath.Join(w.mod, chain, "bin"), 0o755))
	must(t, os.WriteFile(filepath.Join(w.mod, chain, "bin", "go"), make([]byte, 1<<20), 0o755))
	hash := filepath.Join(w.mod, "cache", "download", "golang.org", "toolchain", "@v", "v0.0.1-go1.99.0.linux-amd64.ziphash")
	must(t, os.MkdirAll(filepath.Dir(hash), 0o755))
	must(t, os.WriteFile(hash, []byte("h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="), 0o644))
	o := w.options()
	o.MaxSize, o.KeepToolchains = 4<<20, true
	res, err := Run(context.Background(), o)
	must(t, err)
	if kept := res.Modules.Kept.Bytes + res.Build.Kept.Bytes; kept > o.MaxSize || kept < o.MaxSize/4 || !w.has(chain) {
		t.Errorf("%d bytes are kept, toolchain %v: %+v", kept, w.has(chain), res)
	}
	w.wholePairs()
	o.KeepToolchains, o.MaxModules = false, 1
	if _, err := Run(context.Background(), o); err != nil || w.has(chain) || w.has(tomb) {
		t.Errorf("%v; toolchain is there: %v, tomb: %v", err, w.has(chain), w.has(tomb))
	}
	w.run("vet", "./c") // this needs the least of the standard library's removed entries
	w.run("mod", "verify")
}

// TestBusy: nothing is removed if nobody knows what go commands could be using.
func TestBusy(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	o.MaxSize, o.Spare = 1, true
	for want, running := range map[error]func() ([]GoCommand, error){
		ErrBusy: func() ([]GoCommand, error) {
			return []GoCommand{{Name: "process 1", Started: time.Now()}, {Name: "process 2"}}, nil
		},
		errors.ErrUnsupported: func() ([]GoCommand, error) { return nil, errors.ErrUnsupported },
	} {
		o.Running = running
		before := snapshotOf(t, w.build)
		if _, err := Run(context.Background(), o); !errors.Is(err, want) || !w.has(tomb) || !w.has(semver) || len(snapshotOf(t, w.build)) != len(before) {
			t.Errorf("%v; tomb is there: %v, semver: %v", err, w.has(tomb), w.has(semver))
		}
		if res, err := Plan(context.Background(), o); err != nil || !strings.Contains(strings.Join(res.Warnings, "\n"), "would remove nothing now: ") {
			t.Errorf("a dry run: %v, warnings %q", err, res.Warnings)
		}
	}
	// An entry that is marked as used after the scan is kept.
	tr, err := prepare(context.Background(), w.options())
	must(t, err)
	tr.MaxSize = 1
	tr.decide()
	files, _ := filepath.Glob(filepath.Join(w.build, "*", "*-a"))
	later := time.Now().Add(time.Minute)
	for _, f := range files {
		must(t, os.Chtimes(f, later, later))
	}
	must(t, tr.execute(context.Background()))
	if tr.res.Build.Dropped.Count > 0 || tr.res.Build.Skipped.Count == 0 || tr.res.Build.Skipped.Count+tr.res.Build.Kept.Count != len(files) {
		t.Errorf("entries used meanwhile: %+v", tr.res.Build)
	}
	w.wholePairs()
}

// TestKilled: when trim is killed at any moment, every go command accepts the caches, and the next
// trim completes the work.
func TestKilled(t *testing.T) {
	w := newWorld(t)
	whole := filepath.Join(t.TempDir(), "whole")
	must(t, os.Mkdir(whole, 0o777))
	t.Cleanup(func() { osfile.RemoveAll(whole) })
	must(t, exec.Command("cp", "-a", w.mod, w.build, whole).Run())
	for i := range 6 {
		if i > 0 {
			must(t, errors.Join(osfile.RemoveAll(w.mod), osfile.RemoveAll(w.build)))
			must(t, exec.Command("cp", "-a", filepath.Join(whole, "mod"), filepath.Join(whole, "build"), filepath.Dir(w.mod)).Run())
		}
		cmd := osfiletest.Command(t, "trim", w.mod+"|"+w.build)
		must(t, cmd.Start())
		time.Sleep(time.Duration(i*i) * 4 * time.Millisecond)
		cmd.Process.Kill()
		cmd.Wait()
		w.wholePairs()
		w.run("mod", "verify")
		if i == 4 { // this rebuilds what was removed, which takes long
			w.run("build", "./a")
		}
	}
	o := w.options()
	o.MaxSize = 1
	_, err := Run(context.Background(), o)
	must(t, err)
	stages, _ := filepath.Glob(filepath.Join(w.mod, "cache", "gocache-stage-*"))
	if w.has(tomb) || len(stages) > 0 {
		t.Errorf("tomb is there: %v; stages: %v", w.has(tomb), stages)
	}
}

// TestOrdinaryUser trims read-only trees as a user whom file modes restrict.
func TestOrdinaryUser(t *testing.T) {
	w := newWorld(t)
	cmd := osfiletest.Command(t, "trim", w.mod+"|"+w.build)
	osfiletest.AsOrdinaryUser(t, cmd, filepath.Dir(w.mod))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if w.has(tomb) || w.has(semver) {
		t.Errorf("tomb is there: %v, semver: %v", w.has(tomb), w.has(semver))
	}
	if list, _ := filepath.Glob(filepath.Join(w.build, "*", "*-[ad]")); len(list) > 0 {
		t.Errorf("%d files are left in the build cache", len(list))
	}
}

// TestForeignEntry: an entry that this user may not read can be whole for another one. It stays,
// and so do old outputs that it may name.
func TestForeignEntry(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes of files mean little")
	}
	base := t.TempDir()
	build := filepath.Join(base, "build")
	old := time.Now().Add(-30 * day)
	action, output := strings.Repeat("1", 64), strings.Repeat("2", 64)
	entry, bytes := filepath.Join(build, "11", action+"-a"), filepath.Join(build, "22", output+"-d")
	for _, file := range []string{entry, bytes} {
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		must(t, os.WriteFile(file, []byte("x"), 0o644))
		must(t, os.Chtimes(file, old, old))
	}
	must(t, os.Chmod(entry, 0))
	cmd := osfiletest.Command(t, "trim", filepath.Join(base, "mod")+"|"+build)
	osfiletest.AsOrdinaryUser(t, cmd, base)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, file := range []string{entry, bytes} {
		if _, err := os.Lstat(file); err != nil {
			t.Error(err)
		}
	}
}

// TestBroken: files that were left unfinished long ago are removed, and those that may still be
// being written are kept.
func TestBroken(t *testing.T) {
	w := newWorld(t)
	partial := filepath.Join(w.mod, "cache/download/gopkg.in/tomb.v1/@v/v1.0.0-20141024135613-dd632973f1e7.partial")
	must(t, os.WriteFile(partial, nil, 0o644))
	id := strings.Repeat("ab", 32)
	left := filepath.Join(w.build, "ab", id+"-d.TOKEN.partial") // of a killed restore
	must(t, os.WriteFile(left, []byte("piece"), 0o644))
	o := w.options()
	o.MaxAge = 100 * day
	_, err := Run(context.Background(), o)
	must(t, err)
	if !w.has(tomb) {
		t.Error("a tree that may be in extraction is gone")
	}
	if _, err := os.Stat(left); err != nil {
		t.Errorf("an output that may still be being written is gone: %v", err)
	}
	now := time.Now()
	o.Now = func() time.Time { return now.Add(2 * day) }
	_, err = Run(context.Background(), o)
	must(t, err)
	if w.has(tomb) || !w.has(semver) {
		t.Errorf("tomb is there: %v, semver: %v", w.has(tomb), w.has(semver))
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file that a restore left behind is still there: %v", err)
	}
	w.run("build", "./a")
}

// TestClones: repositories that go commands cloned are removed when they are old.
func TestClones(t *testing.T) {
	mod := t.TempDir()
	clone := filepath.Join(mod, "cache", "vcs", strings.Repeat("ab", 32))
	must(t, os.MkdirAll(filepath.Join(clone, "objects"), 0o755))
	must(t, os.WriteFile(filepath.Join(clone, "objects", "pack"), make([]byte, 1000), 0o444))
	must(t, os.WriteFile(clone+".info", []byte("git3:https://example.com/x"), 0o644))
	now := time.Now()
	for _, tt := range []struct {
		later time.Duration
		there bool
	}{{5 * day, true}, {11 * day, false}} {
		res, err := Run(context.Background(), Options{ModDir: mod, MaxAge: 10 * day, Now: func() time.Time { return now.Add(tt.later) }})
		must(t, err)
		if _, err := os.Stat(clone); (err == nil) != tt.there || (res.Modules.Dropped.Bytes == 1000) == tt.there {
			t.Errorf("after %v: there %v, %+v", tt.later, err == nil, res.Modules)
		}
	}
}
