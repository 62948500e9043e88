package modcache

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

// TestKilled kills an install before each of its steps, over each kind of earlier damage. What a go
// command accepted before, it must accept afterwards.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("runs some hundred go commands")
	}
	w := sharedWorld(t)
	for _, name := range []string{".partial", "no ziphash", "cut zip, no ziphash, no tree", "nothing"} {
		for _, step := range []string{".info", ".mod", "retire", ".partial", "drop zip", ".ziphash", "tree", ".zip", "read-only"} {
			t.Run(name+"/"+step, func(t *testing.T) {
				wt := *w
				wt.t = t
				wt.testKilled(name, step)
			})
		}
	}
}

func (w *world) testKilled(damage, step string) {
	dst := Open(tempDir(w.t), Options{})
	if err := copyAll(dst, w.src); err != nil {
		w.t.Fatal(err)
	}
	p, _ := locate(toml)
	for _, d := range damages {
		if d.name == damage {
			if err := d.do(dst, p); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	before := w.copyOf(dst)
	out, err := osfiletest.Command(w.t, "killed", w.src.dir+"|"+dst.dir+"|"+step).CombinedOutput()
	if err == nil {
		return // this step is not needed after this damage
	}
	if len(out) > 0 {
		w.t.Fatalf("child was not killed: %v\n%s", err, out)
	}
	for _, args := range killedCommands() {
		if _, err := w.run(w.copyOf(dst), true, args...); err != nil {
			if _, err0 := w.run(w.copyOf(before), true, args...); err0 == nil {
				w.t.Error(err)
			}
		}
	}
	if err := copyAll(dst, w.src); err != nil {
		w.t.Fatal(err)
	}
	if step == ".zip" || step == "read-only" {
		// The tree was complete and stays as it is, like after a go command that is killed at this
		// point.
		if err := os.Chmod(dst.path(p.tree), 0o555); err != nil {
			w.t.Fatal(err)
		}
	}
	if diff := cmp.Diff(tree(w.t, w.src.dir), tree(w.t, dst.dir)); diff != "" {
		w.t.Errorf("after the second attempt (-want +got):\n%s", diff)
	}
}

// killedCommands returns those of goCommands that read different parts of a module version: build
// reads what list -deps reads, and vet reads what build reads.
func killedCommands() [][]string {
	list := goCommands()
	if !osfiletest.HasCompiler() {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(args []string) bool {
		return args[0] == "vet" || args[0] == "list" && args[1] == "-deps"
	})
}

// copyOf copies a cache, because a go command repairs what it finds.
func (w *world) copyOf(c *Cache) *Cache {
	w.t.Helper()
	dst := Open(tempDir(w.t), Options{})
	if err := os.CopyFS(dst.dir, os.DirFS(c.dir)); err != nil {
		w.t.Fatal(err)
	}
	return dst
}

// killedInstall runs in a child process; arg is source, destination and the step before which it
// dies.
func killedInstall(arg string) error {
	f := strings.Split(arg, "|")
	src, dst := Open(f[0], Options{}), Open(f[1], Options{})
	dst.step = func(what string) error {
		if what == f[2] {
			kill()
		}
		return nil
	}
	s, err := dst.NewStage()
	if err != nil {
		return err
	}
	return errors.Join(copyModule(s, src, src.Stat(toml), InstallOptions{Zip: true}), s.Close())
}

func TestStageOfKilledProcess(t *testing.T) {
	dst := Open(tempDir(t), Options{})
	live, err := dst.NewStage()
	if err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dst.dir); len(got) != 0 {
		t.Errorf("an unused stage exists: %v", got)
	}
	if _, err := live.Begin(toml, InstallOptions{}); err != nil {
		t.Fatal(err)
	}
	if out, err := osfiletest.Command(t, "linger", dst.dir).CombinedOutput(); err == nil || len(out) > 0 {
		t.Fatalf("child was not killed: %v\n%s", err, out)
	}
	count := func() int {
		m, err := filepath.Glob(dst.path("cache/" + stagePrefix + "*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(m)
	}
	if n := count(); n != 4 {
		t.Fatalf("%d stages and locks, want 4", n)
	}
	s, err := dst.NewStage()
	if err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 2 {
		t.Errorf("%d stages and locks after the sweep, want those of the running process", n)
	}
	if _, err := os.Stat(live.dir); err != nil {
		t.Error(err)
	}
	if err := errors.Join(s.Close(), live.Close(), live.Close()); err != nil {
		t.Error(err)
	}
	if n := count(); n != 0 {
		t.Errorf("%d stages and locks after Close", n)
	}
}

// linger dies with a read-only directory in its stage.
func linger(dir string) error {
	s, err := Open(dir, Options{}).NewStage()
	if err != nil {
		return err
	}
	i, err := s.Begin(toml, InstallOptions{})
	if err != nil {
		return err
	}
	if err := i.WriteFile("example.com/!burnt!sushi/!toml@v1.2.3/a/b", 0, nil); err != nil {
		return err
	}
	if err := os.Chmod(filepath.Join(i.root, "a"), 0o555); err != nil {
		return err
	}
	kill()
	return nil
}
