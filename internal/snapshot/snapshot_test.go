package snapshot_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
)

// file is a member with its bytes.
type file struct {
	snapshot.Member
	data []byte
}

// noise returns n bytes that do not compress. The same seed gives the same bytes.
func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed)}).Read(b)
	return b
}

func newFile(name string, data []byte) file {
	return file{snapshot.Member{Name: name, Mode: 0o644, Size: int64(len(data))}, data}
}

// sampleFiles returns files that test the limits of frames: empty and tiny files, one that fills a
// frame to the last byte, long names, and one that needs several frames.
func sampleFiles() []file {
	files := []file{
		newFile("00/empty-d", nil),
		newFile("00/tiny-d", []byte("x")),
		newFile("full", bytes.Repeat([]byte("abcdefgh"), (snapshot.FrameSize-512)/8)),
		newFile(strings.Repeat("long/", 100)+"name", []byte("long name")),
		newFile("large", noise(2*snapshot.FrameSize+12345, 1)),
		newFile("after", []byte("after the large one")),
	}
	for i := range 300 {
		files = append(files, newFile(fmt.Sprintf("many/%03d", i), noise(i*100, uint64(i))))
	}
	files[1].Mode = 0o555
	return files
}

func writePack(t testing.TB, files []file) (pack []byte, frames []snapshot.Frame, where []snapshot.Location) {
	t.Helper()
	var buf bytes.Buffer
	w := snapshot.NewWriter(&buf)
	for _, f := range files {
		loc, err := w.Add(f.Member, bytes.NewReader(f.data))
		if err != nil {
			t.Fatal(err)
		}
		where = append(where, loc)
	}
	frames, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if w.Sum() != sha256.Sum256(buf.Bytes()) || w.Size() != int64(buf.Len()) {
		t.Error("Sum or Size does not match the bytes written")
	}
	return buf.Bytes(), frames, where
}

// readAll unpacks everything.
func readAll(src io.Reader, frames []snapshot.Frame) (files []file, err error) {
	r := snapshot.NewReader(contenttest.Stream(src), frames, nil)
	defer r.Close()
	for {
		m, err := r.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return files, err
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return files, err
		}
		files = append(files, file{m, data})
	}
}

func TestPackRoundTrip(t *testing.T) {
	want := sampleFiles()
	pack, frames, _ := writePack(t, want)
	got, err := readAll(bytes.NewReader(pack), frames)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range got {
		if f.Member != want[i].Member || !bytes.Equal(f.data, want[i].data) {
			t.Fatalf("member %d is %v, want %v", i, f.Member, want[i].Member)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d members, want %d", len(got), len(want))
	}
	again, _, _ := writePack(t, want)
	if !bytes.Equal(pack, again) {
		t.Error("the same members made other bytes")
	}
}

// TestLocations reads every member by frame and offset alone, as a restore does.
func TestLocations(t *testing.T) {
	files := sampleFiles()
	pack, frames, where := writePack(t, files)
	var raws [][]byte
	for _, f := range frames {
		raw, err := f.Decode(pack[:f.Size], nil)
		if err != nil {
			t.Fatal(err)
		}
		raws = append(raws, raw)
		pack = pack[f.Size:]
	}
	for i, f := range files {
		loc := where[i]
		stream := bytes.Join(raws[loc.Frame:], nil)[loc.Off:]
		if !bytes.Equal(stream[:f.Size], f.data) {
			t.Errorf("%s is not at %+v", f.Name, loc)
		}
	}
}

func TestEveryDamageIsNoticed(t *testing.T) {
	files := []file{newFile("a", noise(3000, 1)), newFile("b", bytes.Repeat([]byte("b"), 5000))}
	pack, frames, _ := writePack(t, files)
	for i := range pack {
		bad := bytes.Clone(pack)
		bad[i] ^= 1
		if _, err := readAll(bytes.NewReader(bad), frames); err == nil {
			t.Fatalf("flipped bit in byte %d: %v", i, err)
		}
	}
	for n := range len(pack) {
		if _, err := readAll(bytes.NewReader(pack[:n]), frames); err == nil {
			t.Fatalf("truncated to %d bytes: no error", n)
		}
	}
	if _, err := readAll(bytes.NewReader(append(bytes.Clone(pack), pack...)), frames); !errors.Is(err, snapshot.ErrCorrupt) {
		t.Errorf("pack twice: %v", err)
	}
}

func TestWriterRefusesUnsafeNames(t *testing.T) {
	for _, name := range []string{"", "/abs", "../up", "a/../../b", "a//b", "a/", ".", "..", `a\b`, "nul\x00", "line\nfeed", "esc\x1b[2J", "latin\xe9", strings.Repeat("x", 5000)} {
		w := snapshot.NewWriter(io.Discard)
		if _, err := w.Add(snapshot.Member{Name: name}, strings.NewReader("")); err == nil {
			t.Errorf("%q was accepted", name)
		}
		if _, err := w.Close(); err == nil {
			t.Errorf("%q: the writer continued after an error", name)
		}
	}
}

func TestWriterRefusesWrongSize(t *testing.T) {
	for _, size := range []int64{0, 4, 6} {
		w := snapshot.NewWriter(io.Discard)
		if _, err := w.Add(snapshot.Member{Name: "a", Size: size}, strings.NewReader("12345")); err == nil {
			t.Errorf("5 bytes were accepted as %d", size)
		}
		w.Close()
	}
}

func TestEscape(t *testing.T) {
	tests := map[string]string{
		"main":                   "main",
		"refs/heads/main":        "refs~heads~main",
		"../../main":             "=2e.~..~main",
		"..":                     "=2e=2e",
		".":                      "=2e",
		"":                       "=",
		"a b#?%":                 "a=20b=23=3f=25",
		"Main":                   "!main",
		"a~b":                    "a=7eb",
		"a=b":                    "a=3db",
		"nul":                    "=6eul",
		"COM1.txt":               "=43!o!m1.txt",
		"trailing.":              "trailing=2e",
		"\\":                     "=5c",
		"ü":                      "=c3=bc",
		strings.Repeat("x", 300): strings.Repeat("x", 54) + "=h" + fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Repeat("x", 300)))),
	}
	for in, want := range tests {
		if got := snapshot.Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzEscape checks the purpose of escaped names: they stay in place, and no two texts share one.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "main", "../x", "a/b", "A", "con", "=2e", "~", strings.Repeat("é", 150)} {
		f.Add(s, s+"x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := snapshot.Escape(a), snapshot.Escape(b)
		if x == "" || x == "." || x == ".." || len(x) > 120 || strings.Trim(x, "abcdefghijklmnopqrstuvwxyz0123456789._-~!=") != "" || strings.HasSuffix(x, ".") {
			t.Errorf("Escape(%q) = %q", a, x)
		}
		if (a == b) != (x == y) || strings.EqualFold(x, y) != (x == y) {
			t.Errorf("Escape(%q) = %q, Escape(%q) = %q", a, x, b, y)
		}
	})
}

func TestObjectNames(t *testing.T) {
	sum := "h1:" + "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
	v := module.Version{Path: "github.com/BurntSushi/toml", Version: "v1.5.0"}
	got, err := snapshot.ModuleObject(v, sum)
	if err != nil {
		t.Fatal(err)
	}
	const hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if want := "v2/modules/github.com/!burnt!sushi/toml/@v/v1.5.0/" + hash; got != want {
		t.Errorf("module object %s, want %s", got, want)
	}
	if _, err := snapshot.ModuleObject(v, "h1:short"); err == nil {
		t.Error("a bad hash was accepted")
	}
	manifest := func(scope string, key ...string) string {
		return snapshot.ManifestObject("github.com/Org/x", scope, key)
	}
	if got, want := manifest("refs/heads/main", "x-1", "linux"), "v2/repos/github.com~!org~x/refs~heads~main/snapshots/x-1/linux"; got != want {
		t.Errorf("manifest %s, want %s", got, want)
	}
	if manifest("s", "a", "b-c") == manifest("s", "a-b", "c") || manifest("s", "a/b") == manifest("s", "a", "b") || manifest("a/b") == manifest("a", "b") {
		t.Error("two keys share a name")
	}
}

func TestBuilderIsCanonical(t *testing.T) {
	m := sampleManifest()
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		b := snapshot.NewBuilder()
		for _, i := range rnd.Perm(len(m.Packs)) {
			b.AddPack(m.Packs[i])
		}
		b.AddPack(snapshot.Pack{Object: "v2/repos/a/b/packs/unused"})
		for _, i := range rnd.Perm(len(m.Outputs)) {
			b.AddOutputOf(m, m.Outputs[i])
		}
		b.AddOutput(snapshot.Output{ID: digest.ID{99}, Size: 1, Extents: []snapshot.Extent{{Len: 1}}})
		for _, i := range rnd.Perm(len(m.Actions)) {
			a := m.Actions[i]
			if !b.AddAction(a.ID, m.Outputs[a.Output].ID, a.Time, a.LastUse) {
				t.Fatal("output unknown")
			}
		}
		for _, tr := range m.Trees {
			tr.Pack = b.AddPack(m.Packs[tr.Pack])
			b.AddTree(tr)
		}
		got := *m
		b.Build(&got)
		if d := cmp.Diff(m, &got); d != "" {
			t.Fatalf("seed %d: %s", seed, d)
		}
	}
}
