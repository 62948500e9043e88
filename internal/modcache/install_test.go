package modcache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofrs/flock"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

// TestTreeHash compares with dirhash on real modules, dependencies of this one.
func TestTreeHash(t *testing.T) {
	out, err := exec.Command("go", "mod", "download", "-json", "golang.org/x/mod", "github.com/google/go-cmp", "github.com/gofrs/flock").Output()
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for dec.More() {
		var m struct{ Path, Version, Dir, Zip, Sum string }
		if err := dec.Decode(&m); err != nil {
			t.Fatal(err)
		}
		v := module.Version{Path: m.Path, Version: m.Version}
		host := Open(strings.TrimSuffix(filepath.ToSlash(m.Dir), "/"+m.Path+"@"+m.Version), Options{})
		s, err := Open(tempDir(t), Options{}).NewStage()
		if err != nil {
			t.Fatal(err)
		}
		if err := copyModule(s, host, Module{Version: v, Sum: m.Sum}, InstallOptions{Zip: true}); err != nil {
			t.Fatal(err)
		}
		p, _ := locate(v)
		for _, zip := range []string{m.Zip, s.c.path(p.base + ".zip")} {
			if got, err := dirhash.HashZip(zip, dirhash.Hash1); got != m.Sum {
				t.Errorf("%s: HashZip = %s, %v, want %s", zip, got, err, m.Sum)
			}
		}
		if got, err := dirhash.HashDir(s.c.path(p.tree), v.String(), dirhash.Hash1); got != m.Sum {
			t.Errorf("%s: HashDir = %s, %v, want %s", v, got, err, m.Sum)
		}
		s.Close()
	}
}

// TestInstall copies a cache that the go command filled. The files must be the same, and go
// commands must work offline.
func TestInstall(t *testing.T) {
	w := sharedWorld(t)
	dst := Open(tempDir(t), Options{})
	if err := copyAll(dst, w.src); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree(t, w.src.dir), tree(t, dst.dir)); diff != "" {
		t.Errorf("copy differs (-want +got):\n%s", diff)
	}
	want, _ := w.src.Scan(context.Background())
	if got, err := dst.Scan(context.Background()); len(want) != 3 || err != nil || !cmp.Equal(want, got) {
		t.Errorf("Scan: %v\n%s", err, cmp.Diff(want, got))
	}
	for _, args := range goCommands() {
		w.must(dst, false, args...)
	}
	before := tree(t, dst.dir)
	if err := copyAll(dst, w.src); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, tree(t, dst.dir)); diff != "" {
		t.Errorf("second copy changes:\n%s", diff)
	}
}

func TestInstallWritable(t *testing.T) {
	w := sharedWorld(t)
	dst := Open(tempDir(t), Options{Writable: true})
	if err := copyAll(dst, w.src); err != nil {
		t.Fatal(err)
	}
	p, _ := locate(toml)
	for _, dir := range []string{p.tree, p.tree + "/a/deep"} {
		if st, err := os.Stat(dst.path(dir)); err != nil || st.Mode()&0o200 == 0 {
			t.Errorf("%s: %v, %v", dir, st.Mode(), err)
		}
	}
}

// damages are the ways in which a version can be broken, each with whether the go command notices
// by itself.
var damages = []struct {
	name    string
	problem string // as reported by Stat; "" if it considers the version complete
	do      func(c *Cache, p place) error
}{
	{".partial", "interrupted", func(c *Cache, p place) error {
		return errors.Join(os.WriteFile(c.path(p.base+".partial"), nil, 0o666), osfile.RemoveAll(c.path(p.tree+"/a")))
	}},
	{"no ziphash", ".ziphash is missing", func(c *Cache, p place) error { return os.Remove(c.path(p.base + ".ziphash")) }},
	{"invalid ziphash, no zip", ".ziphash is invalid", func(c *Cache, p place) error {
		return errors.Join(os.Truncate(c.path(p.base+".ziphash"), 20), os.Remove(c.path(p.base+".zip")))
	}},
	{"other ziphash, no zip", "", func(c *Cache, p place) error {
		var other TreeHash
		return errors.Join(os.WriteFile(c.path(p.base+".ziphash"), []byte(other.Sum()), 0o666), os.Remove(c.path(p.base+".zip")))
	}},
	{"cut zip, no ziphash, no tree", "", func(c *Cache, p place) error {
		return errors.Join(os.Truncate(c.path(p.base+".zip"), 100), os.Remove(c.path(p.base+".ziphash")), osfile.RemoveAll(c.path(p.tree)))
	}},
	{"empty zip", ".zip is empty", func(c *Cache, p place) error { return os.Truncate(c.path(p.base+".zip"), 0) }},
	{"no mod", ".mod is missing", func(c *Cache, p place) error { return os.Remove(c.path(p.base + ".mod")) }},
	{"empty mod", ".mod is missing", func(c *Cache, p place) error { return os.Truncate(c.path(p.base+".mod"), 0) }},
	{"info of another", "", func(c *Cache, p place) error {
		return os.WriteFile(c.path(p.base+".info"), []byte(`{"Version":"v9.9.9"}`), 0o666)
	}},
	{"tree is a file", "not a directory", func(c *Cache, p place) error {
		return errors.Join(osfile.RemoveAll(c.path(p.tree)), os.WriteFile(c.path(p.tree), nil, 0o666))
	}},
	{"only a tree", ".ziphash is missing", func(c *Cache, p place) error { return os.RemoveAll(c.path(downloadDir)) }},
	{"nothing", "tree is missing", func(c *Cache, p place) error {
		return errors.Join(os.RemoveAll(c.path(downloadDir)), osfile.RemoveAll(c.path(p.tree)))
	}},
}

func TestMend(t *testing.T) {
	w := sharedWorld(t)
	want := tree(t, w.src.dir)
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			dst := Open(tempDir(t), Options{})
			if err := copyAll(dst, w.src); err != nil {
				t.Fatal(err)
			}
			p, _ := locate(toml)
			if err := d.do(dst, p); err != nil {
				t.Fatal(err)
			}
			if m := dst.Stat(toml); !strings.Contains(m.Problem, d.problem) || d.problem != "" && m.State != Broken {
				t.Errorf("Stat: %+v, want %q", m, d.problem)
			}
			if err := copyAll(dst, w.src); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, tree(t, dst.dir)); diff != "" {
				t.Errorf("not repaired (-want +got):\n%s", diff)
			}
			wt := *w
			wt.t = t
			wt.must(dst, false, "mod", "verify")
			wt.must(dst, false, "mod", "download")
		})
	}
}

func TestReplaceTruncated(t *testing.T) {
	w := sharedWorld(t)
	dst := Open(tempDir(t), Options{})
	if err := copyAll(dst, w.src); err != nil {
		t.Fatal(err)
	}
	p, _ := locate(toml)
	files, size, err := w.src.Measure(toml)
	if err != nil || files != 6 || size < 320<<10 {
		t.Fatalf("Measure: %d files, %d bytes, %v", files, size, err)
	}
	if err := osfile.RemoveAll(dst.path(p.tree + "/testdata")); err != nil {
		t.Fatal(err)
	}
	if f, n, err := dst.Measure(toml); f != files-1 || n >= size || err != nil {
		t.Errorf("Measure of the rest: %d files, %d bytes, %v", f, n, err)
	}
	s, err := dst.NewStage()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := copyModule(s, w.src, w.src.Stat(toml), InstallOptions{Replace: true}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree(t, w.src.path(p.tree)), tree(t, dst.path(p.tree))); diff != "" {
		t.Error(diff)
	}
}

// TestOrdinaryUser copies twice, and then over damage, as a user whom read-only directories
// restrict.
func TestOrdinaryUser(t *testing.T) {
	w := sharedWorld(t)
	dir := tempDir(t)
	src := Open(filepath.Join(dir, "src"), Options{})
	if err := copyAll(src, w.src); err != nil {
		t.Fatal(err)
	}
	dst := Open(filepath.Join(dir, "dst"), Options{})
	copyAsUser := func() {
		t.Helper()
		cmd := osfiletest.Command(t, "copy", src.dir+"|"+dst.dir)
		osfiletest.AsOrdinaryUser(t, cmd, dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if diff := cmp.Diff(tree(t, src.dir), tree(t, dst.dir)); diff != "" {
			t.Fatalf("copy differs (-want +got):\n%s", diff)
		}
	}
	if err := os.Mkdir(dst.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	copyAsUser()
	copyAsUser()
	p, _ := locate(pseudo)
	for _, d := range damages[:2] {
		if err := d.do(dst, p); err != nil {
			t.Fatal(err)
		}
		copyAsUser()
	}
}

func TestBusy(t *testing.T) {
	w := sharedWorld(t)
	dst := Open(tempDir(t), Options{})
	p, _ := locate(old)
	writeFile(t, dst.path(p.base+".lock"), "")
	l := flock.New(dst.path(p.base + ".lock"))
	if ok, err := l.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := copyAll(dst, w.src); !errors.Is(err, ErrBusy) {
		t.Errorf("install beside a go command: %v", err)
	}
	if err := remove(dst, old); !errors.Is(err, ErrBusy) {
		t.Errorf("removal beside a go command: %v", err)
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := copyAll(dst, w.src); err != nil {
		t.Error(err)
	}
}

func TestWrongSum(t *testing.T) {
	w := sharedWorld(t)
	m := w.src.Stat(toml)
	l := load(t, w.src, toml)
	for _, tc := range []struct {
		name       string
		change     func(l *loaded)
		sum, goMod string
		isSum      bool
	}{
		{"sum of another", func(*loaded) {}, w.src.Stat(old).Sum, "", true},
		{"no sum", func(*loaded) {}, "", "", true},
		{"flipped bit", func(l *loaded) { l.data[4] = append([]byte{1}, l.data[4]...)[:len(l.data[4])] }, m.Sum, "", true},
		{"other ziphash", func(l *loaded) { l.data[2] = []byte("h1:x") }, m.Sum, "", true},
		{"file missing", func(l *loaded) { l.files = l.files[:len(l.files)-1] }, m.Sum, "", true},
		{"other go.mod", func(*loaded) {}, m.Sum, m.Sum, true},
		{"junk go.mod", func(l *loaded) { l.data[1] = []byte("junk") }, m.Sum, "", false},
		{"info of another", func(l *loaded) { l.data[0] = []byte(`{"Version":"v1.2.4"}`) }, m.Sum, "", false},
		{"junk info", func(l *loaded) { l.data[0] = []byte(`{"Version":"v1.2.3"`) }, m.Sum, "", false},
		{"no mod", func(l *loaded) { l.files, l.data = l.files[2:], l.data[2:] }, m.Sum, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dst := Open(tempDir(t), Options{})
			s, err := dst.NewStage()
			if err != nil {
				t.Fatal(err)
			}
			i, err := s.Begin(toml, InstallOptions{Zip: true})
			if err != nil {
				t.Fatal(err)
			}
			c := loaded{files: append([]File{}, l.files...), data: append([][]byte{}, l.data...)}
			tc.change(&c)
			if err := c.stageAll(i); err != nil {
				t.Fatal(err)
			}
			err = i.Commit(tc.sum, tc.goMod)
			var sumErr *SumError
			if err == nil || errors.As(err, &sumErr) != tc.isSum {
				t.Errorf("Commit: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if got := tree(t, dst.dir); len(got) != 0 {
				t.Errorf("left in the cache: %v", got)
			}
		})
	}
}

func TestGoModSum(t *testing.T) {
	w := sharedWorld(t)
	l := load(t, w.src, toml)
	s, err := Open(tempDir(t), Options{}).NewStage()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	i, err := s.Begin(toml, InstallOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := locate(toml)
	writeFile(t, s.c.path(p.base+".mod"), "module "+toml.Path+" // not the right one\n")
	data, err := os.ReadFile(filepath.Join(w.dir, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(data), toml.Version+"/go.mod ")
	sum, _, _ := strings.Cut(line, "\n")
	if err := errors.Join(l.stageAll(i), i.Commit(l.sum, sum)); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(s.c.path(p.base + ".mod")); GoModSum(got) != sum {
		t.Errorf("wrong .mod is left: %s", got)
	}
}

// fill installs a module of n files of 2 KiB in a new cache.
func fill(arg string) error {
	var n int
	if _, err := fmt.Sscan(arg, &n); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return err
	}
	defer osfile.RemoveAll(dir)
	s, err := Open(dir, Options{}).NewStage()
	if err != nil {
		return err
	}
	i, err := s.Begin(toml, InstallOptions{})
	if err != nil {
		return err
	}
	p, _ := locate(toml)
	err = i.WriteFile(p.base+".mod", 0, []byte("module "+toml.Path+"\n"))
	for k := range n {
		err = errors.Join(err, i.WriteFile(fmt.Sprintf("%s/dir%d/file%d", p.tree, k%10, k), 0o444, make([]byte, 2048)))
	}
	return errors.Join(err, i.Commit(i.hash.Sum(), ""), s.Close())
}

func TestThreeCallsPerFile(t *testing.T) {
	const n = 1000
	calls := osfiletest.CountWrites(t, "fill", fmt.Sprint(n)) - osfiletest.CountWrites(t, "fill", "0")
	// Removing the cache opens and closes directories.
	if calls < 3*n || calls > 3*n+60 {
		t.Errorf("%d files took %d calls that create, write or close, want %d", n, calls, 3*n)
	}
}

// remove removes a version, with all files of it.
func remove(c *Cache, v module.Version) error {
	s, err := c.NewStage()
	if err != nil {
		return err
	}
	return errors.Join(s.Remove(v, true), s.Close())
}

func TestRemove(t *testing.T) {
	w := newWorld(t)
	for _, v := range []module.Version{toml, old} {
		if err := remove(w.src, v); err != nil {
			t.Fatal(err)
		}
	}
	mods, err := w.src.Scan(context.Background())
	if err != nil || len(mods) != 1 || mods[0].Version != pseudo {
		t.Errorf("left: %v, %v", mods, err)
	}
	if _, err := os.Stat(w.src.path("example.com/!burnt!sushi")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty directory is left: %v", err)
	}
	for _, args := range goCommands() {
		w.must(w.src, true, args...)
	}
}
