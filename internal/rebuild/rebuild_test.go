package rebuild

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

// real is the options with the real go command.
func (w *world) real(all bool) Options {
	o := w.options()
	o.All, o.Go = all, w.goCommand
	return o
}

func (w *world) read(name string) string {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.base, filepath.FromSlash(name)))
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// TestProject: a real project with a tampered module and a damaged output is rebuilt with real go
// commands. What others use stays.
func TestProject(t *testing.T) {
	osfiletest.NeedCompiler(t)
	w := newWorld(t)
	w.compile()
	w.tamper("example.com/dep@v1.0.0/d.go", "package dep\n\nfunc D() int { return 2 }\n")
	damaged := w.damage()
	o := w.real(false)
	res, err := Run(t.Context(), o)
	must(t, err)
	if text := w.read("mod/example.com/dep@v1.0.0/d.go"); text != proxied[dep]["d.go"] {
		t.Errorf("the module is still tampered with: %s", text)
	}
	if len(res.Differing) != 1 || res.Differing[0].Module != dep.String() || !strings.Contains(res.Differing[0].What, "changed: d.go") {
		t.Errorf("differing: %+v", res.Differing)
	}
	if res.Outputs == nil || res.Outputs.Damaged == 0 {
		t.Errorf("outputs: %+v", res.Outputs)
	}
	if strings.Contains(w.read(damaged), "damage") {
		t.Error("the damaged output is still there")
	}
	for _, name := range []string{"mod/example.com/other@v1.0.0/o.go", "mod/example.com/unused@v1.1.0/u.go", "build/fuzz/example.com/p/FuzzX/1", "build/ab/" + strings.Repeat("ab", 32) + "-d"} {
		if text := w.read(name); strings.Contains(text, "no such") {
			t.Errorf("what others use is gone: %s", text)
		}
	}
	assertWhole(t, w)
	if res.Modules.Before == 0 || res.Modules.After == 0 || res.Build.Before == 0 || res.Build.After == 0 || res.Undone {
		t.Errorf("sizes: %+v %+v", res.Modules, res.Build)
	}
	w.prox = filepath.Join(w.base, "none")
	w.mustGo("build", "./...") // offline
}

// compile fills the build cache here: actions have the directory in them.
func (w *world) compile() {
	w.t.Helper()
	shards, err := filepath.Glob(filepath.Join(w.build, "??"))
	must(w.t, err)
	for _, dir := range shards {
		must(w.t, os.RemoveAll(dir))
	}
	w.mustGo("build", "./...")
	w.write(filepath.Join(w.build, "ab", strings.Repeat("ab", 32)+"-d"), "of another project")
}

// damage changes an output of the project that the go command would link without a word: the size
// is the same. It returns its name.
func (w *world) damage() (name string) {
	w.t.Helper()
	list, err := filepath.Glob(filepath.Join(w.build, "??", "*-d"))
	must(w.t, err)
	for _, file := range list {
		data, err := os.ReadFile(file)
		must(w.t, err)
		if strings.HasPrefix(string(data), "!<arch>") {
			copy(data[len(data)-6:], "damage")
			must(w.t, os.WriteFile(file, data, 0o644))
			rel, err := filepath.Rel(w.base, file)
			must(w.t, err)
			return filepath.ToSlash(rel)
		}
	}
	w.t.Fatal("nothing is compiled")
	return ""
}

// TestAll: the whole caches are made anew, through symbolic links. The fuzzing corpus stays.
func TestAll(t *testing.T) {
	osfiletest.NeedCompiler(t)
	w := newWorld(t)
	w.compile()
	o := w.real(true)
	if runtime.GOOS != "windows" { // a cache may be a link, or a place where something is mounted
		link := filepath.Join(w.base, "link")
		must(t, os.Symlink(w.mod, link))
		o.ModDir = link
	}
	res, err := Run(t.Context(), o)
	must(t, err)
	assertWhole(t, w)
	for name, there := range map[string]bool{
		"mod/example.com/other@v1.0.0": false, "mod/example.com/unused@v1.1.0": false, "mod/example.com/dep@v1.0.0/d.go": true,
		"build/fuzz/example.com/p/FuzzX/1": true, "build/of-others/x": true, "build/ab/" + strings.Repeat("ab", 32) + "-d": false, "build/README": true,
	} {
		if _, err := os.Stat(filepath.Join(w.base, filepath.FromSlash(name))); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(res.Differing) != 0 || res.Outputs.Damaged+res.Outputs.Other != 0 || res.Outputs.Compared == 0 {
		t.Errorf("nothing was wrong: %+v, %+v", res.Differing, res.Outputs)
	}
	w.prox = filepath.Join(w.base, "none")
	w.mustGo("build", "./...")
}

// TestOneCache: with one of the caches, the other stays as it is.
func TestOneCache(t *testing.T) {
	osfiletest.NeedCompiler(t)
	t.Run("modules", func(t *testing.T) {
		w := newWorld(t)
		build := state(t, w.build)
		o := w.real(false)
		o.BuildDir = ""
		_, err := Run(t.Context(), o)
		must(t, err)
		assertWhole(t, w)
		if d := gone(build, state(t, w.build)); d != "" {
			t.Errorf("gone from the build cache:\n%s", d)
		}
	})
	t.Run("build", func(t *testing.T) {
		w := newWorld(t)
		w.compile()
		mods := state(t, w.mod)
		w.damage()
		o := w.real(false)
		o.ModDir = ""
		res, err := Run(t.Context(), o)
		must(t, err)
		if d := differ(mods, state(t, w.mod)); d != "" || res.Outputs.Damaged != 1 {
			t.Errorf("modules:\n%soutputs: %+v", d, res.Outputs)
		}
	})
}

// TestFails: real failures of each step, after which all is as it was, and the error says why.
func TestFails(t *testing.T) {
	osfiletest.NeedCompiler(t)
	for name, tt := range map[string]struct {
		break_ func(*world, *Options)
		want   string
	}{
		"the proxy is down": {func(w *world, _ *Options) { w.prox = filepath.Join(w.base, "none") }, "download: "},
		"go.sum says otherwise": {func(w *world, o *Options) {
			text := strings.Replace(w.read("p/go.sum"), w.zip[dep], w.zip[unused], 1)
			must(w.t, os.WriteFile(filepath.Join(w.proj, "go.sum"), []byte(text), 0o644))
		}, "SECURITY ERROR"},
		"our own check": {func(w *world, o *Options) { o.Zip[dep] = o.Zip[unused] }, "verify: example.com/dep@v1.0.0 does not match go.sum: tree has the hash"},
		"the project does not build": {func(w *world, _ *Options) {
			w.write(filepath.Join(w.proj, "q.go"), "package p\n\nvar Q int = \"x\"\n")
		}, "build: go build"},
		"a test does not parse": {func(w *world, _ *Options) { w.write(filepath.Join(w.proj, "q_test.go"), "package p\n\nfunc\n") }, "build: go test"},
		"the disk is full": {func(w *world, o *Options) {
			o.Interrupt = func(moment string) error {
				if moment == "merge 1" {
					return osfiletest.FullDisk
				}
				return nil
			}
		}, osfiletest.FullDisk.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			o := w.real(false)
			mods, build := state(t, w.mod), state(t, w.build)
			tt.break_(w, &o)
			_, err := Run(t.Context(), o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			var undone *UndoneError
			if !errors.As(err, &undone) {
				t.Errorf("it is not undone: %v", err)
			}
			if d := differ(mods, state(t, w.mod)); d != "" {
				t.Errorf("module cache:\n%s", d)
			}
			if d := gone(build, state(t, w.build)); d != "" { // that something was added is fine
				t.Errorf("build cache:\n%s", d)
			}
		})
	}
}

// TestHangs: a proxy that takes requests and never answers is waited for until the context ends.
// The error names what did not arrive.
func TestHangs(t *testing.T) {
	osfiletest.NeedCompiler(t)
	t.Parallel()
	w := newWorld(t)
	o := w.real(false)
	mods := state(t, w.mod)
	ctx, cancel := context.WithCancelCause(t.Context())
	hung := errors.New("enough")
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel(hung) // the go command has asked
		<-r.Context().Done()
	}))
	defer server.Close()
	run := o.Go
	o.Go = func(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
		return run(ctx, dir, append(env, "GOPROXY="+server.URL), args...)
	}
	_, err := Run(ctx, o)
	var undone *UndoneError
	if !errors.As(err, &undone) || !strings.Contains(err.Error(), "not here yet: example.com/dep@v1.0.0") {
		t.Errorf("error %v", err)
	}
	if d := differ(mods, state(t, w.mod)); d != "" {
		t.Errorf("module cache:\n%s", d)
	}
}

// TestBackup: module files that git does not have are copied, and a go command that changes them
// ends the rebuild, which writes them again.
func TestBackup(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	o.Unsaved = o.Files
	o.Go = func(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
		if args[0] == "mod" && args[1] == "download" {
			w.write(filepath.Join(w.proj, "go.sum"), "changed")
		}
		return w.copies(ctx, dir, env, args...)
	}
	sum := w.read("p/go.sum")
	res, err := Run(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "would change") || w.read("p/go.sum") != sum {
		t.Errorf("error %v, go.sum is\n%s", err, w.read("p/go.sum"))
	}
	if len(res.Backups) != 3 || w.read("backup/go.sum") != sum || w.read("backup/go.sum.1") != "changed" {
		t.Errorf("copies: %v, %s", res.Backups, w.read("backup/go.sum"))
	}
}

// TestTwo: a second rebuild at once is refused, and so is one beside a go command.
func TestTwo(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	o.Interrupt = func(moment string) error {
		if moment == string(Download) {
			if _, err := Run(t.Context(), w.options()); !errors.Is(err, ErrRunning) {
				t.Errorf("a second one: %v", err)
			}
			if _, err := Undo(w.mod); !errors.Is(err, ErrRunning) {
				t.Errorf("undo: %v", err)
			}
		}
		return nil
	}
	_, err := Run(t.Context(), o)
	must(t, err)
	mods := state(t, w.mod)
	o = w.options()
	o.Busy = func() ([]string, error) { return []string{"process 1"}, nil }
	if _, err := Run(t.Context(), o); !errors.Is(err, ErrBusy) || differ(mods, state(t, w.mod)) != "" {
		t.Errorf("beside a go command: %v", err)
	}
}

// TestJournal: a journal that cannot be read, or that names something outside of the cache, ends
// the rebuild before anything is changed.
func TestJournal(t *testing.T) {
	w := newWorld(t)
	must(t, os.MkdirAll(filepath.Join(w.mod, asideDir), 0o755))
	must(t, os.WriteFile(filepath.Join(w.mod, asideDir, journalFile), []byte("{"), 0o644))
	before := state(t, w.mod)
	if _, err := Run(t.Context(), w.options()); err == nil || !strings.Contains(err.Error(), "moved back by hand") {
		t.Errorf("a journal that cannot be read: %v", err)
	}
	if d := differ(before, state(t, w.mod)); d != "" {
		t.Errorf("changed:\n%s", d)
	}
	must(t, os.WriteFile(filepath.Join(w.mod, asideDir, journalFile), []byte(`{"units":["../x"]}`), 0o644))
	if _, err := Left(w.mod); err == nil {
		t.Error("a journal with a name outside of the cache was taken")
	}
}

// TestNext: the next rebuild undoes one that was killed, and says so.
func TestNext(t *testing.T) {
	w := newWorld(t)
	p, err := openPlace(w.mod)
	must(t, err)
	must(t, p.begin(journal{Step: Download, Units: []string{"example.com/other@v1.0.0"}}))
	must(t, p.setAside())
	must(t, p.close())
	if w.read("mod/example.com/other@v1.0.0/o.go") == "package other\n" {
		t.Fatal("it was not set aside")
	}
	res, err := Run(t.Context(), w.options())
	must(t, err)
	if len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "interrupted in the step download") {
		t.Errorf("warnings: %q", res.Warnings)
	}
	if w.read("mod/example.com/other@v1.0.0/o.go") != "package other\n" {
		t.Error("what the first one set aside is gone")
	}
}

// TestPlan: each step says what it does and how it is undone, in the order in which they are done.
func TestPlan(t *testing.T) {
	names := func(o Options) (list []Name) {
		for _, s := range Plan(o) {
			if s.Does == "" || s.Undo == "" {
				t.Errorf("%+v", s)
			}
			list = append(list, s.Name)
		}
		return list
	}
	for _, tt := range []struct {
		o    Options
		want []Name
	}{
		{Options{ModDir: "m", BuildDir: "b", GOCACHE: "b"}, []Name{Indexes, Aside, Download, Verify, Build, Compare, Exchange, Keep, Delete}},
		{Options{ModDir: "m", Unsaved: []string{"go.sum"}}, []Name{Backup, Aside, Download, Verify, Build, Compare, Keep, Delete}},
		{Options{BuildDir: "b", GOCACHE: "b"}, []Name{Build, Compare, Exchange, Keep, Delete}},
		{Options{ModDir: "m", BuildDir: "b", All: true, NoBuild: true}, []Name{Aside, Download, Verify, Compare, Exchange, Keep, Delete}},
	} {
		if got := names(tt.o); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: %v", tt.o, got)
		}
	}
}

// TestNotDeleted: old files that cannot be deleted are named, the new caches hold, and the next
// rebuild deletes them.
func TestNotDeleted(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	lock := filepath.Join(w.mod, asideDir, oldDir, "held")
	release := func() {}
	o.Interrupt = func(moment string) error {
		if moment == string(Delete) {
			release = holdDir(t, lock)
		}
		return nil
	}
	res, err := Run(t.Context(), o)
	must(t, err)
	if len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], asideDir) {
		t.Errorf("warnings: %q", res.Warnings)
	}
	if left, err := Left(w.mod); left == "" || err != nil {
		t.Errorf("left: %q, %v", left, err)
	}
	release()
	did, err := Undo(w.mod)
	if err != nil || did == "" {
		t.Errorf("%q, %v", did, err)
	}
	assertWhole(t, w)
}
