package rebuild

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
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

func TestMain(m *testing.M) {
	osfiletest.Main(m, map[string]func(string) error{"rebuild": killedRebuild}, func() {
		if stock.base != "" {
			osfile.RemoveAll(stock.base)
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// modules of the proxy. Nothing imports the standard library, which would have to be compiled.
var proxied = map[module.Version]map[string]string{
	{Path: "example.com/dep", Version: "v1.0.0"}: {
		"go.mod": "module example.com/dep\n\ngo 1.24\n", "d.go": "package dep\n\nfunc D() int { return 1 }\n",
	},
	{Path: "example.com/unused", Version: "v1.1.0"}: {
		"go.mod": "module example.com/unused\n\ngo 1.24\n", "u.go": "package unused\n",
	},
}

var (
	dep    = module.Version{Path: "example.com/dep", Version: "v1.0.0"}
	unused = module.Version{Path: "example.com/unused", Version: "v1.1.0"}
)

// world is a project with its caches and a proxy, all in one directory.
type world struct {
	t                            testing.TB
	base, proj, mod, build, prox string
	zip, gomod                   map[module.Version]string
}

// stock is the world that all tests copy: made once, with real go commands.
var stock struct {
	sync.Once
	base string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	stock.Do(func() {
		base, err := os.MkdirTemp("", "gocache-rebuild-")
		must(t, err)
		stock.base = base
		at(t, base).fill()
	})
	base := t.TempDir()
	t.Cleanup(func() { osfile.RemoveAll(base) })
	w := at(t, base)
	for _, dir := range []string{"p", "mod", "build"} {
		must(t, copyMissing(filepath.Join(stock.base, dir), filepath.Join(base, dir)))
	}
	w.prox = filepath.Join(stock.base, "proxy")
	return w
}

// at is the world in a directory.
func at(t testing.TB, base string) *world {
	w := &world{t: t, base: base, proj: filepath.Join(base, "p"), mod: filepath.Join(base, "mod"), build: filepath.Join(base, "build"), prox: filepath.Join(base, "proxy")}
	w.zip, w.gomod = map[module.Version]string{}, map[module.Version]string{}
	for v, files := range proxied {
		var names []string
		for name := range files {
			names = append(names, v.String()+"/"+name)
		}
		sum, err := dirhash.Hash1(names, func(name string) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(files[strings.TrimPrefix(name, v.String()+"/")])), nil
		})
		must(t, err)
		w.zip[v], w.gomod[v] = sum, modcache.GoModSum([]byte(files["go.mod"]))
	}
	return w
}

// fill makes proxy, project and caches.
func (w *world) fill() {
	var sum strings.Builder
	for v, files := range proxied {
		dir := filepath.Join(w.prox, filepath.FromSlash(v.Path), "@v")
		w.write(filepath.Join(dir, v.Version+".mod"), files["go.mod"])
		w.write(filepath.Join(dir, v.Version+".info"), fmt.Sprintf(`{"Version":%q}`, v.Version))
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for name, text := range files {
			f, err := z.Create(v.String() + "/" + name)
			must(w.t, err)
			_, err = f.Write([]byte(text))
			must(w.t, err)
		}
		must(w.t, z.Close())
		w.write(filepath.Join(dir, v.Version+".zip"), b.String())
		fmt.Fprintf(&sum, "%s %s %s\n%s %s/go.mod %s\n", v.Path, v.Version, w.zip[v], v.Path, v.Version, w.gomod[v])
	}
	w.write(filepath.Join(w.proj, "go.mod"), "module example.com/p\n\ngo 1.24\n\nrequire example.com/dep v1.0.0\n")
	w.write(filepath.Join(w.proj, "go.sum"), sum.String())
	w.write(filepath.Join(w.proj, "p.go"), "package p\n\nimport \"example.com/dep\"\n\nvar P = dep.D()\n")
	w.mustGo("mod", "download", "example.com/dep@v1.0.0", "example.com/unused@v1.1.0")
	w.mustGo("build", "./...")
	w.write(filepath.Join(w.mod, "example.com", "other@v1.0.0", "o.go"), "package other\n")
	w.write(filepath.Join(w.build, "fuzz", "example.com", "p", "FuzzX", "1"), "corpus")
	w.write(filepath.Join(w.build, "of-others", "x"), "not of the go command")
	w.write(filepath.Join(w.build, "ab", strings.Repeat("ab", 32)+"-d"), "of another project")
	must(w.t, forgetIndexes(context.Background(), w.build)) // as no rebuild brings them back
	shards, err := os.ReadDir(w.build)
	must(w.t, err)
	for _, d := range shards {
		if d.IsDir() {
			_ = os.Remove(filepath.Join(w.build, d.Name())) // those that are empty: copies are faster
		}
	}
}

func (w *world) write(file, text string) {
	w.t.Helper()
	must(w.t, os.MkdirAll(filepath.Dir(file), 0o755))
	must(w.t, os.WriteFile(file, []byte(text), 0o644))
}

// tamper changes a file of a tree in place, as nobody should.
func (w *world) tamper(name, text string) {
	w.t.Helper()
	file := filepath.Join(w.mod, filepath.FromSlash(name))
	must(w.t, os.Chmod(file, 0o644))
	must(w.t, os.WriteFile(file, []byte(text), 0o444))
	must(w.t, os.Chmod(file, 0o444))
}

func (w *world) mustGo(args ...string) string {
	w.t.Helper()
	out, err := w.goCommand(context.Background(), w.proj, nil, args...)
	must(w.t, err)
	return string(out)
}

// goCommand is the real one.
func (w *world) goCommand(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOMODCACHE="+w.mod, "GOCACHE="+w.build, "GOPROXY="+osfiletest.FileURL(w.prox), "GOSUMDB=off", "GOFLAGS=",
		"GOWORK=off", "GOTOOLCHAIN=local", "GOENV=off"), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, &stderr)
	}
	return out, err
}

// copies stands for a go command where what it does does not matter: it copies what the real one
// made.
func (w *world) copies(_ context.Context, _ string, env []string, args ...string) ([]byte, error) {
	switch strings.Join(args[:min(2, len(args))], " ") {
	case "mod download":
		dir := filepath.Join(stock.base, "mod")
		return nil, errors.Join(copyMissing(filepath.Join(dir, "cache"), filepath.Join(w.mod, "cache")),
			copyMissing(filepath.Join(dir, "example.com", "dep@v1.0.0"), filepath.Join(w.mod, "example.com", "dep@v1.0.0")))
	case "list -m":
		return []byte(w.proj + "\n"), nil
	case "build -o":
		for _, e := range env {
			if to, ok := strings.CutPrefix(e, "GOCACHE="); ok {
				w.write(filepath.Join(to, "testexpire.txt"), "new")
				return nil, copyShards(filepath.Join(stock.base, "build"), to)
			}
		}
	}
	return nil, nil
}

// copyShards copies the entries of a build cache, and nothing else of it.
func copyShards(from, to string) error {
	for i := range 256 {
		sub := fmt.Sprintf("%02x", i)
		if _, err := os.Stat(filepath.Join(from, sub)); err == nil {
			if err := copyMissing(filepath.Join(from, sub), filepath.Join(to, sub)); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyMissing copies a tree, but for what is there, and the modes of its files.
func copyMissing(from, to string) error {
	var dirs []func() error
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		at := filepath.Join(to, rel)
		if _, err := os.Lstat(at); err == nil {
			return nil
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		if d.IsDir() {
			dirs = append(dirs, func() error { return os.Chmod(at, st.Mode().Perm()) })
			return os.MkdirAll(at, 0o755)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(at, data, st.Mode().Perm())
	})
	for _, do := range dirs {
		err = errors.Join(err, do())
	}
	return err
}

func (w *world) options() Options {
	return Options{
		Dir: w.proj, ModDir: w.mod, BuildDir: w.build, GOCACHE: w.build, Zip: w.zip, Mod: w.gomod,
		Files:  []string{filepath.Join(w.proj, "go.mod"), filepath.Join(w.proj, "go.sum")},
		Backup: filepath.Join(w.base, "backup"), Go: w.copies, Now: time.Now(),
	}
}

// state describes a directory: names, modes, contents. Files that go commands lock do not count.
func state(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		if strings.HasSuffix(rel, ".lock") || rel == filepath.Join("cache", "lock") {
			return nil
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		mode := st.Mode().String()
		if runtime.GOOS == "windows" {
			mode = ""
		}
		fmt.Fprintf(&b, "%s %s", filepath.ToSlash(rel), mode)
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %x", sha256.Sum256(data))
		}
		b.WriteString("\n")
		return nil
	}))
	return b.String()
}

// differ shows the lines in which two states differ.
func differ(a, b string) string {
	var out strings.Builder
	for line := range strings.Lines(gone(a, b)) {
		out.WriteString("- " + line)
	}
	for line := range strings.Lines(gone(b, a)) {
		out.WriteString("+ " + line)
	}
	return out.String()
}

// gone shows the lines of a state that are not in another one.
func gone(a, b string) (out string) {
	have := map[string]bool{}
	for line := range strings.Lines(b) {
		have[line] = true
	}
	for line := range strings.Lines(a) {
		if !have[line] {
			out += line
		}
	}
	return out
}
