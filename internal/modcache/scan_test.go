package modcache

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/module"
)

const someSum = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

func TestScan(t *testing.T) {
	dir := tempDir(t)
	download := filepath.Join(dir, "cache", "download")
	add := func(base string, suffixes ...string) {
		for _, s := range suffixes {
			data := "x"
			if s == "ziphash" {
				data = someSum
			}
			writeFile(t, filepath.Join(download, base+"."+s), data)
		}
	}
	add("github.com/!burnt!sushi/toml/@v/v1.0.0", "info", "mod", "zip", "ziphash", "lock")
	writeFile(t, filepath.Join(dir, "github.com/!burnt!sushi/toml@v1.0.0/a.go"), "")
	add("example.com/a/@v/v1.10.0", "mod")
	add("example.com/a/@v/v1.9.0", "info")
	add("example.com/a/@v/v1.2.3-!r!c1", "info")
	add("example.com/a/@v/v1.8.0", "lock")
	add("example.com/a/b/@v/v0.0.0-20200102030405-0123456789ab", "ziphash", "mod")
	writeFile(t, filepath.Join(dir, "example.com/a/b@v0.0.0-20200102030405-0123456789ab/go.mod"), "")
	add("example.com/old/@v/v2.0.0+incompatible", "mod", "partial")
	add("golang.org/toolchain/@v/v0.0.1-go1.24.6.linux-amd64", "ziphash")
	writeFile(t, filepath.Join(dir, "golang.org/toolchain@v0.0.1-go1.24.6.linux-amd64/bin/go"), "")
	add("golang.org/fips140/@v/v1.0.0", "lock")
	writeFile(t, filepath.Join(dir, "golang.org/fips140@v1.0.0/a.go"), "")
	writeFile(t, filepath.Join(dir, "example.com/lost@v1.0.0/a.go"), "")
	add("example.com/a/@v/v1.9.0.zip123456", "tmp")
	add("example.com/a/@v/master", "info")
	add("Upper.com/a/@v/v1.0.0", "info")
	writeFile(t, filepath.Join(dir, "example.com/a@v1.9.0.tmp-123/a.go"), "")
	writeFile(t, filepath.Join(download, "example.com/a/@v/list"), "v1.9.0\n")
	writeFile(t, filepath.Join(download, "sumdb/sum.golang.org/lookup/x@v1.0.0"), "x")
	writeFile(t, filepath.Join(dir, "cache/vcs/0123/info"), "x")
	writeFile(t, filepath.Join(dir, "cache/gocache-stage-1/1/tree/example.com/x@v1.0.0/a.go"), "x")

	var skipped []string
	c := Open(dir, Options{Skipped: func(name string, err error) { skipped = append(skipped, name) }})
	got, err := c.Scan(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	v := func(path, version string) module.Version { return module.Version{Path: path, Version: version} }
	want := []Module{
		{Version: v("example.com/a", "v1.2.3-RC1"), State: ModOnly, HasInfo: true},
		{Version: v("example.com/a", "v1.9.0"), State: ModOnly, HasInfo: true},
		{Version: v("example.com/a", "v1.10.0"), State: ModOnly, HasMod: true},
		{Version: v("example.com/a/b", "v0.0.0-20200102030405-0123456789ab"), Sum: someSum, HasMod: true, HasTree: true},
		{Version: v("example.com/lost", "v1.0.0"), State: Broken, Problem: ".ziphash is missing: file does not exist", HasTree: true},
		{Version: v("example.com/old", "v2.0.0+incompatible"), State: Broken, Problem: "extraction was interrupted", HasMod: true, Partial: true},
		{Version: v("github.com/BurntSushi/toml", "v1.0.0"), Sum: someSum, HasZip: true, HasInfo: true, HasMod: true, HasTree: true},
		{Version: v("golang.org/toolchain", "v0.0.1-go1.24.6.linux-amd64"), Sum: someSum, HasTree: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	slices.Sort(skipped)
	wantSkipped := []string{"cache/download/Upper.com/a/@v/v1.0.0.info", "cache/download/example.com/a/@v/master.info", "example.com/a@v1.9.0.tmp-123"}
	if diff := cmp.Diff(wantSkipped, skipped); diff != "" {
		t.Errorf("skipped: %s", diff)
	}
	none := Open(filepath.Join(dir, "none"), Options{})
	if got, err := none.Scan(context.Background()); err != nil || len(got) != 0 {
		t.Errorf("missing directory: %v, %v", got, err)
	}
}

func TestFiles(t *testing.T) {
	w := newWorld(t)
	files, err := w.src.Files(toml)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	base, tree := "cache/download/example.com/!burnt!sushi/!toml/@v/v1.2.3", "example.com/!burnt!sushi/!toml@v1.2.3/"
	want := []string{base + ".info", base + ".mod", base + ".ziphash",
		tree + "a-b.txt", tree + "a.go", tree + "a/b.txt", tree + "a/deep/er/c", tree + "go.mod", tree + "testdata/large"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if runtime.GOOS != "windows" {
		dir := w.src.path(strings.TrimSuffix(tree, "/"))
		if err := errors.Join(os.Chmod(dir, 0o777), os.Symlink("a.go", filepath.Join(dir, "link"))); err != nil {
			t.Fatal(err)
		}
		if _, err := w.src.Files(toml); err == nil {
			t.Error("a symbolic link in a tree is accepted")
		}
	}
	for _, name := range []string{"", "..", "../x", "a/../../x", "/etc/passwd"} {
		if f, err := w.src.OpenFile(name); err == nil && name != "" {
			f.Close()
			t.Errorf("OpenFile accepts %q", name)
		}
	}
}

// TestToolchain installs a toolchain as it is after its first use.
func TestToolchain(t *testing.T) {
	v := module.Version{Path: "golang.org/toolchain", Version: "v0.0.1-go1.24.6.linux-amd64"}
	p, err := locate(v)
	if err != nil {
		t.Fatal(err)
	}
	src, dst := Open(tempDir(t), Options{}), Open(tempDir(t), Options{})
	inZip := map[string]string{"bin/go": "go", "src/_go.mod": "module std\n", "src/cmd/_go.mod": "module cmd\n", "src/a.go": "package a\n"}
	var sum TreeHash
	for name, data := range inZip {
		writeFile(t, src.path(p.tree+"/"+name), data)
		sum.Add(v.String()+"/"+name, sha(data))
	}
	writeFile(t, src.path(p.tree+"/src/go.mod"), "module std\n")
	writeFile(t, src.path(p.tree+"/src/cmd/go.mod"), "module cmd\n")
	writeFile(t, src.path(p.base+".ziphash"), sum.Sum())
	if err := os.Chmod(src.path(p.tree+"/bin/go"), 0o555); err != nil {
		t.Fatal(err)
	}
	if m := src.Stat(v); m.State != Complete {
		t.Fatalf("Stat: %+v", m)
	}
	if n, _, err := src.Measure(v); n != len(inZip) || err != nil {
		t.Errorf("Measure: %d files, %v", n, err)
	}
	if err := copyAll(dst, src); err != nil {
		t.Fatal(err)
	}
	if m := dst.Stat(v); m.State != Complete || !m.HasZip {
		t.Errorf("installed: %+v", m)
	}
	if st, err := os.Stat(dst.path(p.tree + "/bin/go")); runtime.GOOS != "windows" && (err != nil || st.Mode().Perm() != 0o555) {
		t.Errorf("bin/go: %v, %v", st.Mode(), err)
	}
	if _, err := os.Stat(dst.path(p.tree + "/src/go.mod")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the copy of _go.mod was installed: %v", err)
	}
}

func TestCreateRefuses(t *testing.T) {
	const tree, base = "example.com/!burnt!sushi/!toml@v1.2.3/", "cache/download/example.com/!burnt!sushi/!toml/@v/v1.2.3"
	for _, tc := range []struct {
		name, file string
		mode       fs.FileMode
		size       int64
	}{
		{name: "parent", file: tree + "../x"},
		{name: "parent inside", file: tree + "a/../b"},
		{name: "absolute", file: "/etc/passwd"},
		{name: "absolute in the tree", file: tree + "/etc/passwd"},
		{name: "empty", file: ""},
		{name: "the tree itself", file: tree},
		{name: "dot", file: tree + "./a"},
		{name: "backslash", file: tree + `a\b`},
		{name: "newline", file: tree + "a\nb"},
		{name: "NUL", file: tree + "a\x00b"},
		{name: "drive", file: tree + "c:x"},
		{name: "reserved by Windows", file: tree + "aux.go"},
		{name: "trailing dot", file: tree + "a."},
		{name: "not UTF-8", file: tree + "a\xff"},
		{name: "too long", file: tree + strings.Repeat("a/", MaxName/2) + "b"},
		{name: "symbolic link", file: tree + "b", mode: fs.ModeSymlink},
		{name: "directory", file: tree + "b", mode: fs.ModeDir},
		{name: "negative size", file: tree + "b", size: -1},
		{name: "too large", file: tree + "b", size: MaxTreeSize},
		{name: "second file", file: tree + "dir/file"},
		{name: "file for a directory", file: tree + "dir"},
		{name: "directory for a file", file: tree + "dir/file/x"},
		{name: "other case", file: tree + "DIR/other"},
		{name: "other case beyond ASCII", file: tree + "dir/\u212Aelvin"},
		{name: "another version", file: strings.Replace(tree, "3/", "4/", 1) + "a"},
		{name: "unescaped", file: "example.com/BurntSushi/Toml@v1.2.3/a"},
		{name: "zip", file: base + ".zip"},
		{name: "lock", file: base + ".lock"},
		{name: "mod of a longer version", file: base + ".0.mod"},
		{name: "second mod", file: base + ".mod"},
		{name: "large info", file: base + ".info", size: MaxInfo + 1},
		{name: "build cache", file: "cache/lock"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := Open(tempDir(t), Options{})
			s, err := c.NewStage()
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			i, err := s.Begin(toml, InstallOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{tree + "dir/file", tree + "dir/kelvin", base + ".mod"} {
				if err := i.WriteFile(name, 0o444, []byte("x")); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := i.Create(tc.file, tc.mode, tc.size); err == nil {
				t.Errorf("Create accepts %q", tc.file)
			}
		})
	}
}

func TestWriterSizes(t *testing.T) {
	s, err := Open(tempDir(t), Options{}).NewStage()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, _ := locate(toml)
	for _, name := range []string{p.base + ".mod", p.tree + "/a"} {
		for _, got := range []string{"12", "1234"} {
			i, err := s.Begin(toml, InstallOptions{})
			if err != nil {
				t.Fatal(err)
			}
			w, err := i.Create(name, 0, 3)
			if err != nil {
				t.Fatal(err)
			}
			_, werr := w.Write([]byte(got))
			cerr := w.Close()
			if werr == nil && cerr == nil {
				t.Errorf("%s: %q is accepted for 3 bytes", name, got)
			}
			if err := i.Commit(i.hash.Sum(), ""); err == nil {
				t.Errorf("%s: Commit after %q of 3 bytes", name, got)
			}
		}
	}
}

func TestGraphFiles(t *testing.T) {
	w := newWorld(t)
	p, _ := locate(toml)
	if err := errors.Join(os.RemoveAll(w.src.path(p.tree)), os.Remove(w.src.path(p.base+".zip"))); err != nil {
		t.Fatal(err)
	}
	tile := sumdbDir + "/sum.golang.org/tile/8/0/x001/234.p/2"
	lookup := sumdbDir + "/sum.golang.org/lookup/github.com/!burnt!sushi/toml@v1.0.0"
	writeFile(t, w.src.path(tile), strings.Repeat("x", 64))
	writeFile(t, w.src.path(lookup), "1\nsomething\n")
	files, err := w.src.GraphFiles(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	dst := Open(tempDir(t), Options{})
	s, err := dst.NewStage()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimPrefix(f.Name, downloadDir+"/example.com/"))
		data, err := os.ReadFile(w.src.path(f.Name))
		if err != nil {
			t.Fatal(err)
		}
		for n, want := range []bool{true, false} {
			if written, err := s.InstallGraphFile(f.Name, data, false); written != want || err != nil {
				t.Errorf("InstallGraphFile(%s), time %d: %v, %v", f.Name, n+1, written, err)
			}
		}
		if got, _ := os.ReadFile(dst.path(f.Name)); !bytes.Equal(got, data) {
			t.Errorf("%s: %q, want %q", f.Name, got, data)
		}
	}
	want := []string{"!burnt!sushi/!toml/@v/v1.2.3.info", "!burnt!sushi/!toml/@v/v1.2.3.mod", "old/@v/v2.0.0+incompatible.info",
		"pseudo/@v/v0.0.0-20200102030405-0123456789ab.info", lookup, tile}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestInstallGraphFile(t *testing.T) {
	base := "cache/download/example.com/a/@v/v1.0.0"
	info, mod := `{"Version":"v1.0.0"}`, "module example.com/a\n"
	tile := sumdbDir + "/sum.golang.org/tile/8/0/001"
	full := strings.Repeat("x", 8192)
	const missing = "\x00missing"
	for _, tc := range []struct {
		what, name, old, data string
		verified              bool
		want                  string // content afterwards; "" for an error
	}{
		{"new mod", base + ".mod", missing, mod, false, mod},
		{"empty mod", base + ".mod", "", mod, false, mod},
		{"junk mod", base + ".mod", "xx", mod, false, mod},
		{"other mod", base + ".mod", "module x\n", mod, false, "module x\n"},
		{"other mod, verified", base + ".mod", "module x\n", mod, true, mod},
		{"new info", base + ".info", missing, info, false, info},
		{"cut info", base + ".info", info[:9], info, false, info},
		{"info of another", base + ".info", `{"Version":"v1.0.1"}`, info, false, info},
		{"more info", base + ".info", `{"Version":"v1.0.0","Time":"x"}`, info, true, `{"Version":"v1.0.0","Time":"x"}`},
		{"cut tile", tile, full[:100], full, false, full},
		{"junk data", base + ".mod", missing, "xx", false, ""},
		{"wrong data", base + ".info", missing, `{"Version":"v1.0.1"}`, false, ""},
		{"short tile", tile, missing, full[1:], false, ""},
		{"ziphash", base + ".ziphash", missing, someSum, false, ""},
		{"tree", "example.com/a@v1.0.0/a.go", missing, "package a\n", false, ""},
		{"not canonical", "cache/download/example.com/a/@v/v1.0.mod", missing, mod, false, ""},
		{"unescaped", "cache/download/example.com/A/@v/v1.0.0.mod", missing, mod, false, ""},
		{"outside", "cache/download/../../../@v/v1.0.0.mod", missing, mod, false, ""},
		{"outside by sumdb", sumdbDir + "/../../../x", missing, "x", false, ""},
		{"elsewhere", "example.com/a/@v/v1.0.0.mod", missing, mod, false, ""},
	} {
		t.Run(tc.what, func(t *testing.T) {
			c := Open(tempDir(t), Options{})
			if tc.old != missing {
				writeFile(t, c.path(tc.name), tc.old)
			}
			s, err := c.NewStage()
			if err != nil {
				t.Fatal(err)
			}
			written, err := s.InstallGraphFile(tc.name, []byte(tc.data), tc.verified)
			if (err != nil) != (tc.want == "") || written != (tc.want != "" && tc.want != tc.old) {
				t.Errorf("InstallGraphFile: %v, %v", written, err)
			}
			if got, _ := os.ReadFile(c.path(tc.name)); tc.want != "" && string(got) != tc.want {
				t.Errorf("content is %.60q", got)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// FuzzNames creates files with any names, all of which must lie in the tree.
func FuzzNames(f *testing.F) {
	const tree, base = "example.com/!burnt!sushi/!toml@v1.2.3/", "cache/download/example.com/!burnt!sushi/!toml/@v/v1.2.3"
	for _, s := range []string{tree + "a/b", tree + "../x", base + ".mod", base + "/../../x", "/x", tree + "A\x00a", sumdbDir + "/a/../../b", sumdbDir + "/sum.golang.org/tile/8/0/001"} {
		f.Add(s, tree+"a")
	}
	root := tempDir(f)
	f.Fuzz(func(t *testing.T, a, b string) {
		c := Open(filepath.Join(root, "mod"), Options{Writable: true})
		s, err := c.NewStage()
		if err != nil {
			t.Fatal(err)
		}
		i, err := s.Begin(toml, InstallOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{a, b} {
			if err := i.WriteFile(name, 0, []byte(name)); err == nil && !strings.HasPrefix(name, tree) && !strings.HasPrefix(name, base+".") {
				t.Errorf("Create accepts %q", name)
			}
			if check, err := graphFile(name); err == nil && (check == nil || !filepath.IsLocal(name) || !strings.HasPrefix(name, downloadDir+"/")) {
				t.Errorf("graphFile accepts %q", name)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if list, _ := os.ReadDir(root); len(list) != 1 {
			t.Errorf("files outside the cache: %v", list)
		}
	})
}
