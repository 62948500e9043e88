package keys

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/module"
)

const (
	h1a = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	h1b = "h1:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
)

// TestDigestVector freezes the digest. If this test fails, the keys of all users change.
func TestDigestVector(t *testing.T) {
	in := Input{Name: "test", OS: "linux", Arch: "amd64", GoVersion: "go1.26.8", Files: []File{
		{Path: "go.sum", Data: []byte("example.com/a v1.0.0 " + h1a + "\n")},
		{Path: "go.mod", Data: []byte("module example.com/m\n")},
		{Path: "../lib/go.mod", Data: []byte("module example.com/lib\n\ngo 1.26\n")},
	}}
	p, err := Derive(in)
	if err != nil {
		t.Fatal(err)
	}
	const want = "ff1cf96a7551fc7608ac60f7ce7fc51fcbc35d1dfdc16613f1ed1e0f757f6176"
	if p.Key.Digest != want {
		t.Errorf("digest %s, want %s", p.Key.Digest, want)
	}
	if got, want := p.Key.Exact(), []string{"test", "linux", "amd64", "go1.26.8", want}; !cmp.Equal(got, want) {
		t.Errorf("exact key %q, want %q", got, want)
	}
	if got, want := p.Key.Latest(), []string{"test", "linux", "amd64", "go1.26.8", "latest"}; !cmp.Equal(got, want) {
		t.Errorf("latest key %q, want %q", got, want)
	}
}

// TestDeriveNotes: an error in a file is reported, and the rest of it and the other files are used.
func TestDeriveNotes(t *testing.T) {
	good := File{Path: "x/go.sum", Data: []byte("example.com/good v1.0.0 " + h1a + "\n")}
	tests := []struct {
		name  string
		files []File
		want  string
	}{
		{"go.mod", []File{{Path: "a/go.mod", Data: []byte("module m\n\nrequir x v1.0.0\n")}}, "a/go.mod:3"},
		{"go.work", []File{{Path: "go.work", Data: []byte("go 1.26\nuse (\n")}}, "go.work:"},
		{"fields", []File{{Path: "go.sum", Data: []byte("\nexample.com/a v1.0.0\n")}}, "go.sum:2: malformed line: wrong number of fields 2"},
		{"conflict", []File{{Path: "go.sum", Data: []byte("<<<<<<< HEAD\n=======\n>>>>>>> other branch\n")}}, "go.sum:1: malformed line: wrong number of fields 2: the line and 1 more"},
		{"hash", []File{{Path: "go.sum", Data: []byte("example.com/a v1.0.0 h1:abc\n")}}, "go.sum:1: example.com/a@v1.0.0"},
		{"contradiction", []File{
			{Path: "a/go.sum", Data: []byte("example.com/a v1.0.0 " + h1a + "\n")},
			{Path: "go.work.sum", Data: []byte("\nexample.com/a v1.0.0 " + h1b + "\n")},
		}, "go.work.sum:2: checksum of example.com/a@v1.0.0 contradicts a/go.sum:1"},
		{"contradiction of go.mod", []File{
			{Path: "go.sum", Data: []byte("example.com/a v1.0.0/go.mod " + h1a + "\nexample.com/a v1.0.0/go.mod " + h1b + "\n")},
		}, "go.sum:2: checksum of example.com/a@v1.0.0/go.mod contradicts go.sum:1"},
		{"nested", []File{
			{Path: "a/go.sum", Data: []byte("example.com/a v1.0.0 " + h1b + "\n"), Nested: true},
			{Path: "go.sum", Data: []byte("example.com/a v1.0.0 " + h1a + "\n")},
		}, "a/go.sum:1: checksum of example.com/a@v1.0.0 contradicts go.sum:1"},
	}
	for _, tt := range tests {
		p, err := Derive(Input{Files: append(tt.files, good)})
		if err != nil || len(p.Notes) != 1 || !strings.Contains(p.Notes[0], tt.want) {
			t.Errorf("%s: notes %q, error %v, want %q", tt.name, p.Notes, err, tt.want)
		}
		if p.Sums.Zip[module.Version{Path: "example.com/good", Version: "v1.0.0"}] != h1a {
			t.Errorf("%s: the other file is lost as well: %v", tt.name, p.Sums)
		}
		if h := p.Sums.Zip[module.Version{Path: "example.com/a", Version: "v1.0.0"}]; h != "" && h != h1a {
			t.Errorf("%s: the sum is %s, not the first one", tt.name, h)
		}
	}
}

func TestDeriveErrors(t *testing.T) {
	tests := []struct {
		name  string
		files []File
		want  string
	}{
		{"twice", []File{{Path: "go.sum"}, {Path: "go.sum"}}, "go.sum is given twice"},
		{"kind", []File{{Path: "main.go"}}, "main.go is not a module file"},
	}
	for _, tt := range tests {
		_, err := Derive(Input{Files: tt.files})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestLaterGo: files for a later version of Go may use unknown directives.
func TestLaterGo(t *testing.T) {
	data := []byte("module m\n\ngo 1.99\n\nfuture x\n")
	if _, err := Derive(Input{Files: []File{{Path: "go.mod", Data: data}}}); err != nil {
		t.Error(err)
	}
}

func TestSums(t *testing.T) {
	p, err := Derive(Input{Files: []File{
		{Path: "go.sum", Data: []byte("example.com/a v1.0.0 " + h1a + "\r\n\r\n  example.com/a   v1.0.0/go.mod\t" + h1b + "\n")},
		{Path: "b/go.sum", Data: []byte("example.com/a v1.0.0 " + h1a + "\nexample.com/b v1.0.0 h2:later\n../evil v1.0.0 " + h1a + "\n")},
		{Path: "c/go.sum", Data: []byte("example.com/c v1.0.0 " + h1a), Vendored: true},
		{Path: "go.work.sum", Data: []byte("example.com/d v1.0.0/go.mod " + emptyGoModHash)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	a := module.Version{Path: "example.com/a", Version: "v1.0.0"}
	want := Sums{Zip: map[module.Version]string{a: h1a}, Mod: map[module.Version]string{a: h1b}}
	if diff := cmp.Diff(want, p.Sums); diff != "" {
		t.Errorf("sums: -want +got\n%s", diff)
	}
}

// FuzzSums: no file makes Derive panic, and whatever is accepted is a valid module with a valid
// hash.
func FuzzSums(f *testing.F) {
	f.Add([]byte("example.com/a v1.0.0 " + h1a + "\n"))
	f.Add([]byte("example.com/a v1.0.0/go.mod " + h1b + "\r\n \n"))
	if data, err := os.ReadFile("../go.sum"); err == nil {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Derive(Input{Files: []File{{Path: "x/go.sum", Data: data}}})
		if err != nil || len(p.Notes) > 1 || len(p.Notes) == 1 && !strings.HasPrefix(p.Notes[0], "x/go.sum:") {
			t.Errorf("notes %q, error %v: want one that names file and line", p.Notes, err)
		}
		for _, table := range []map[module.Version]string{p.Sums.Zip, p.Sums.Mod} {
			for v, h := range table {
				if module.Check(v.Path, v.Version) != nil || !strings.HasPrefix(h, "h1:") {
					t.Errorf("accepted %v %q", v, h)
				}
			}
		}
	})
}

// FuzzMod: no go.mod or go.work makes Derive panic.
func FuzzMod(f *testing.F) {
	f.Add([]byte("module m\n\ngo 1.26\n\nrequire example.com/a v1.0.0\n"))
	f.Add([]byte("go 1.26\nuse ./a\nreplace a => ../b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, name := range []string{"go.mod", "go.work"} {
			p, err := Derive(Input{Files: []File{{Path: name, Data: data}}})
			if err != nil || len(p.Notes) > 1 || len(p.Notes) == 1 && !strings.HasPrefix(p.Notes[0], name) {
				t.Errorf("notes %q, error %v: want one that names %s", p.Notes, err, name)
			}
		}
	})
}

// FuzzEncoding: what is hashed can be read back, so no two inputs have the same encoding, whatever
// the paths and contents are.
func FuzzEncoding(f *testing.F) {
	f.Add("go.sum", []byte("1:a1:b"), "a/go.sum", []byte(""), true)
	f.Add("1:", []byte("vendor\n"), "", []byte("3:a"), false)
	f.Fuzz(func(t *testing.T, pathA string, dataA []byte, pathB string, dataB []byte, vendor bool) {
		files := []File{{Path: pathA, Data: dataA}, {Path: pathB, Data: dataB}}
		var b bytes.Buffer
		encode(&b, files, vendor)
		back, backVendor, err := decode(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if backVendor != vendor || len(back) != 2 || back[0].Path != pathA || back[1].Path != pathB ||
			!bytes.Equal(back[0].Data, dataA) || !bytes.Equal(back[1].Data, dataB) {
			t.Errorf("read back %v %v", back, backVendor)
		}
	})
}

// decode reads the encoding that the comment of digest describes.
func decode(data []byte) (files []File, vendor bool, err error) {
	data, ok := bytes.CutPrefix(data, []byte("gocache key 1\n"))
	half, data, ok2 := bytes.Cut(data, []byte("\n"))
	if !ok || !ok2 {
		return nil, false, fmt.Errorf("no header")
	}
	next := func() []byte {
		digits, rest, _ := bytes.Cut(data, []byte(":"))
		n, convErr := strconv.Atoi(string(digits))
		if convErr != nil || n > len(rest) {
			err = fmt.Errorf("bad length %q", digits)
			data = nil
			return nil
		}
		data = rest[n:]
		return rest[:n]
	}
	for len(data) > 0 {
		files = append(files, File{Path: string(next()), Data: next()})
	}
	return files, string(half) == "vendor", err
}

// FuzzDigest: the order of files and their line ends do not affect the digest; any other change of
// a file does.
func FuzzDigest(f *testing.F) {
	f.Add("a", "example.com/a v1.0.0 "+h1a, uint64(1))
	f.Add("../b", "\n\n", uint64(2))
	f.Fuzz(func(t *testing.T, dir, sum string, seed uint64) {
		in := Input{Files: []File{
			{Path: "go.work", Data: []byte("go 1.26\n")},
			{Path: "go.work.sum", Data: []byte(sum)},
			{Path: "x/" + dir + "/go.sum", Data: []byte(sum + "\n")},
			{Path: "y/go.mod", Data: []byte("module y\n")},
		}}
		p, err := Derive(in)
		if err != nil {
			t.Skip()
		}
		same := Input{Files: append([]File(nil), in.Files...)}
		rand.New(rand.NewPCG(seed, 0)).Shuffle(4, func(i, j int) {
			same.Files[i], same.Files[j] = same.Files[j], same.Files[i]
		})
		for i, f := range same.Files {
			unix := strings.ReplaceAll(string(f.Data), "\r\n", "\n")
			same.Files[i].Data = []byte(strings.ReplaceAll(unix, "\n", "\r\n"))
		}
		if q, err := Derive(same); err != nil || q.Key.Digest != p.Key.Digest {
			t.Errorf("other order or line ends: %v, digest %s, want %s", err, q.Key.Digest, p.Key.Digest)
		}
		for i, f := range in.Files {
			for _, changed := range []File{
				{Path: f.Path, Data: append([]byte("\n"), f.Data...)},
				{Path: path.Dir(f.Path) + "z/" + path.Base(f.Path), Data: f.Data},
			} {
				other := Input{Files: append([]File(nil), in.Files...)}
				other.Files[i] = changed
				if q, err := Derive(other); err == nil && q.Key.Digest == p.Key.Digest {
					t.Errorf("change of %s to %s leaves digest", f.Path, changed.Path)
				}
			}
		}
		if q, _ := Derive(Input{Files: in.Files, Vendor: true}); q.Key.Digest == p.Key.Digest {
			t.Error("vendoring leaves digest")
		}
	})
}
