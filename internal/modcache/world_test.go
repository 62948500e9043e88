package modcache

import (
	"archive/zip"
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
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

func TestMain(m *testing.M) {
	osfiletest.Main(m, map[string]func(string) error{
		"copy": func(arg string) error {
			f := strings.Split(arg, "|")
			return copyAll(Open(f[1], Options{}), Open(f[0], Options{}))
		},
		"killed": killedInstall,
		"linger": linger,
		"fill":   fill,
	}, func() { _ = osfile.RemoveAll(sharedDir) })
}

// The module versions of the test proxy: a case-encoded path, +incompatible, and a pseudo-version
// with many files.
var (
	toml   = module.Version{Path: "example.com/BurntSushi/Toml", Version: "v1.2.3"}
	old    = module.Version{Path: "example.com/old", Version: "v2.0.0+incompatible"}
	pseudo = module.Version{Path: "example.com/pseudo", Version: "v0.0.0-20200102030405-0123456789ab"}
)

// memFile is a file for golang.org/x/mod/zip.
type memFile struct {
	name string
	data []byte
}

func (f memFile) Path() string                 { return f.name }
func (f memFile) Lstat() (fs.FileInfo, error)  { return (&zip.FileHeader{Name: f.name}).FileInfo(), nil }
func (f memFile) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(f.data)), nil }

// sizedFile corrects the size that Lstat returns.
type sizedFile struct {
	fs.FileInfo
	size int64
}

func (s sizedFile) Size() int64 { return s.size }

type zipFile struct{ memFile }

func (f zipFile) Lstat() (fs.FileInfo, error) {
	st, err := f.memFile.Lstat()
	return sizedFile{st, int64(len(f.data))}, err
}

// testFiles are the files of a module. Their names sort differently as strings and as a tree.
func testFiles(v module.Version) []modzip.File {
	pkg := "package " + strings.ToLower(v.Path[strings.LastIndexByte(v.Path, '/')+1:])
	files := map[string]string{
		"a.go":           pkg + "\n\n// X is a number.\nconst X = 1\n",
		"a-b.txt":        "",
		"a/b.txt":        "b",
		"a/deep/er/c":    "c",
		"testdata/large": strings.Repeat("0123456789abcdef", 20<<10),
	}
	if v != old {
		files["go.mod"] = "module " + v.Path + "\n\ngo 1.21\n"
	}
	var list []modzip.File
	for name, data := range files {
		list = append(list, zipFile{memFile{name, []byte(data)}})
	}
	return list
}

// world is a project that imports three modules, a proxy that serves them, and a cache that the go
// command has filled.
type world struct {
	t          *testing.T
	proxy, dir string
	src        *Cache
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return makeWorld(t, tempDir(t))
}

var (
	sharedDir  string // removed after all tests
	makeShared sync.Once
)

// sharedWorld returns a world for all tests that do not change it. Making files and running go
// commands takes most of the time of these tests, especially under wine.
func sharedWorld(t *testing.T) *world {
	t.Helper()
	makeShared.Do(func() {
		dir, err := os.MkdirTemp("", "modcache")
		if err != nil {
			t.Fatal(err)
		}
		sharedDir = dir
		makeWorld(t, dir)
	})
	return worldIn(t, sharedDir)
}

func worldIn(t *testing.T, dir string) *world {
	return &world{t: t, proxy: filepath.Join(dir, "proxy"), dir: filepath.Join(dir, "project"), src: Open(filepath.Join(dir, "mod"), Options{})}
}

func makeWorld(t *testing.T, dir string) *world {
	t.Helper()
	w := worldIn(t, dir)
	for _, v := range []module.Version{toml, old, pseudo} {
		w.serve(v)
	}
	writeFile(t, filepath.Join(w.dir, "go.mod"), fmt.Sprintf("module example.com/p\n\ngo 1.21\n\nrequire (\n\t%s %s\n\t%s %s\n\t%s %s\n)\n",
		toml.Path, toml.Version, old.Path, old.Version, pseudo.Path, pseudo.Version))
	writeFile(t, filepath.Join(w.dir, "main.go"), "package main\n\nimport (\n\t_ \"example.com/BurntSushi/Toml\"\n\t_ \"example.com/old\"\n\t_ \"example.com/pseudo\"\n)\n\nfunc main() {}\n")
	w.must(w.src, true, "mod", "tidy")
	w.must(w.src, true, "mod", "download")
	return w
}

// serve adds a version to the proxy.
func (w *world) serve(v module.Version) {
	w.t.Helper()
	p, err := locate(v)
	if err != nil {
		w.t.Fatal(err)
	}
	base := filepath.Join(w.proxy, strings.TrimPrefix(p.base, downloadDir))
	mod := "module " + v.Path + "\n"
	if v != old {
		mod += "\ngo 1.21\n"
	}
	writeFile(w.t, base+".mod", mod)
	writeFile(w.t, base+".info", fmt.Sprintf(`{"Version":%q,"Time":"2020-01-02T03:04:05Z"}`, v.Version))
	f, err := os.Create(base + ".zip")
	if err != nil {
		w.t.Fatal(err)
	}
	if err := errors.Join(modzip.Create(f, v, testFiles(v)), f.Close()); err != nil {
		w.t.Fatal(err)
	}
}

// run runs a go command with a cache, through the proxy or offline.
func (w *world) run(c *Cache, online bool, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = w.dir
	proxy := "off"
	if online {
		proxy = osfiletest.FileURL(w.proxy)
	}
	cmd.Env = append(os.Environ(), "GOMODCACHE="+c.dir, "GOPROXY="+proxy, "GONOSUMDB=*", "GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN=local")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

func (w *world) must(c *Cache, online bool, args ...string) string {
	w.t.Helper()
	out, err := w.run(c, online, args...)
	if err != nil {
		w.t.Error(err)
	}
	return out
}

// goCommands are the commands that must work with every cache.
var goCommands = sync.OnceValue(func() [][]string {
	list := [][]string{{"mod", "verify"}, {"mod", "download"}, {"list", "-m", "-json", "all"}, {"list", "-deps", "./..."}}
	if osfiletest.HasCompiler() {
		list = append(list, []string{"build", "-o", os.DevNull, "./..."}, []string{"vet", "./..."})
	}
	return list
})

// tempDir is like t.TempDir, but can also remove read-only trees.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "modcache")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := osfile.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func writeFile(t testing.TB, path, data string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(data), 0o666)); err != nil {
		t.Fatal(err)
	}
}

// copyAll installs all complete versions of src into dst, in blocks of an odd size.
func copyAll(dst, src *Cache) error {
	mods, err := src.Scan(context.Background())
	if err != nil {
		return err
	}
	s, err := dst.NewStage()
	if err != nil {
		return err
	}
	for _, m := range mods {
		if err := copyModule(s, src, m, InstallOptions{Zip: true}); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	return s.Close()
}

func copyModule(s *Stage, src *Cache, m Module, o InstallOptions) error {
	files, err := src.Files(m.Version)
	if err != nil {
		return err
	}
	i, err := s.Begin(m.Version, o)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := copyFile(i, src, f); err != nil {
			i.Abort()
			return err
		}
	}
	return i.Commit(m.Sum, "")
}

func copyFile(i *Install, src *Cache, f File) error {
	w, err := i.Create(f.Name, f.Mode, f.Size)
	if err != nil {
		return err
	}
	r, err := src.OpenFile(f.Name)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, make([]byte, 7001))
	return errors.Join(err, w.Close())
}

// kill ends this process as "kill -9" does.
func kill() {
	if p, err := os.FindProcess(os.Getpid()); err == nil && p.Kill() == nil {
		time.Sleep(time.Minute)
	}
}

// tree describes all files below a directory by mode and content, except those that the go command
// does not need.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(path, dir))
		switch {
		case slices.Contains([]string{".lock", ".zip"}, filepath.Ext(path)), d.Name() == "list", d.Name() == "lock", rel == "", rel == "/cache":
			return nil
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		if d.IsDir() {
			files[rel+"/"] = st.Mode().String()
			return nil
		}
		data, err := os.ReadFile(path)
		files[rel] = fmt.Sprintf("%v %.40q %d", st.Mode(), data, len(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func sha(s string) [32]byte { return sha256.Sum256([]byte(s)) }
