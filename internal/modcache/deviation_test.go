package modcache

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/osfile"
)

// TestDeviation changes a tree in one way at a time, with and without the zip.
func TestDeviation(t *testing.T) {
	w := newWorld(t)
	p, _ := locate(toml)
	root := w.src.path(p.tree)
	allowWrites(t, root)
	file := func(name string) string { return filepath.Join(root, filepath.FromSlash(name)) }
	write := func(name string) func() { return func() { writeFile(t, file(name), "something else") } }
	old := time.Now().Add(-48 * time.Hour)
	for name, c := range map[string]struct {
		change      func()
		zip, noZip  Deviation
		anyOfLatest bool
	}{
		"nothing":       {change: func() {}},
		"leftovers":     {change: func() { write("a.go.orig")(); write("a/b.txt~")() }, zip: Deviation{Extra: []string{"a.go.orig", "a/b.txt~"}}, noZip: Deviation{Extra: []string{"a.go.orig", "a/b.txt~"}}},
		"tools":         {change: func() { write("bin/x")(); write("bin/y")() }, zip: Deviation{Extra: []string{"bin/x", "bin/y"}}, noZip: Deviation{Extra: []string{"bin/x", "bin/y"}}},
		"an old file":   {change: func() { write("c.go")(); must(t, os.Chtimes(file("c.go"), old, old)) }, zip: Deviation{Extra: []string{"c.go"}}, noZip: Deviation{Extra: []string{"c.go"}}},
		"another file":  {change: func() { write("a.go")() }, zip: Deviation{Changed: []string{"a.go"}}, anyOfLatest: true},
		"a file less":   {change: func() { must(t, os.Remove(file("a-b.txt"))) }, zip: Deviation{Missing: []string{"a-b.txt"}}, anyOfLatest: true},
		"several kinds": {change: func() { write("a.go")(); write("z.go")() }, zip: Deviation{Extra: []string{"z.go"}, Changed: []string{"a.go"}}, anyOfLatest: true},
	} {
		t.Run(name, func(t *testing.T) {
			kept := t.TempDir()
			must(t, os.CopyFS(kept, os.DirFS(root)))
			sum := w.src.Stat(toml).Sum
			c.change()
			got, err := w.src.Deviation(context.Background(), toml, sum)
			must(t, err)
			if d := cmp.Diff(c.zip, got); d != "" {
				t.Errorf("with the zip: %s", d)
			}
			zip := w.src.path(p.base + ".zip")
			must(t, os.Rename(zip, zip+"x"))
			got, err = w.src.Deviation(context.Background(), toml, sum)
			must(t, err)
			must(t, os.Rename(zip+"x", zip))
			if c.anyOfLatest {
				if len(got.Latest) == 0 || got.Extra != nil {
					t.Errorf("without the zip: %+v", got)
				}
			} else if d := cmp.Diff(c.noZip.Extra, got.Extra); d != "" {
				t.Errorf("without the zip: %s", d)
			}
			must(t, osfile.RemoveAll(root))
			must(t, os.CopyFS(root, os.DirFS(kept)))
		})
	}
}

// TestDeviationZip: a zip that does not match the hash proves nothing.
func TestDeviationZip(t *testing.T) {
	w := newWorld(t)
	p, _ := locate(toml)
	other, _ := locate(old)
	root := w.src.path(p.tree)
	allowWrites(t, root)
	data, err := os.ReadFile(w.src.path(other.base + ".zip"))
	must(t, err)
	must(t, os.WriteFile(w.src.path(p.base+".zip"), data, 0o666))
	writeFile(t, filepath.Join(root, "new.go"), "package new")
	got, err := w.src.Deviation(context.Background(), toml, w.src.Stat(toml).Sum)
	if err != nil || !slices.Equal(got.Extra, []string{"new.go"}) || got.Changed != nil || got.Missing != nil {
		t.Errorf("%+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := w.src.Deviation(ctx, toml, "h1:x"); err == nil {
		t.Error("continues after the end")
	}
}

func TestDeviationString(t *testing.T) {
	d := Deviation{Extra: []string{"a", "b", "c", "d", "e"}, Missing: []string{"x"}}
	if got, want := d.String(), "does not belong there: a, b, c and 2 more; missing: x"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := (Deviation{}).String(); got != "" {
		t.Errorf("%q of nothing", got)
	}
}

// TestRemoval: the suggested command removes the tree, even if a name needs quotes, and the go
// command makes the tree again.
func TestRemoval(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("for sh")
	}
	w := sharedWorld(t)
	dst := Open(filepath.Join(tempDir(t), "it's a cache"), Options{})
	must(t, copyAll(dst, w.src))
	w.must(dst, true, "mod", "download")
	p, _ := locate(toml)
	if !strings.Contains(dst.Removal(toml), "!burnt") {
		t.Errorf("%s names another tree", dst.Removal(toml))
	}
	must(t, os.WriteFile(dst.path(p.base+".partial"), nil, 0o666)) // its extraction was interrupted
	if out, err := shell(dst.Removal(toml)); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := os.Stat(dst.path(p.tree)); err == nil {
		t.Error("the tree is still there")
	}
	if exists(dst.path(p.base + ".partial")) {
		t.Error("the mark of an interrupted extraction is still there")
	}
	w.must(dst, true, "build", "-o", os.DevNull, "./...")
	if dst.Stat(toml).State != Complete {
		t.Errorf("%+v", dst.Stat(toml))
	}
}

func allowWrites(t *testing.T, root string) {
	t.Helper()
	must(t, filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(path, 0o755)
	}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func shell(command string) ([]byte, error) { return exec.Command("sh", "-c", command).CombinedOutput() }
