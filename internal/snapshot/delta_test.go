package snapshot_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/snapshot"
)

var (
	hex64     = strings.Repeat("0a", 32)
	wholeName = "v2/modules/example.com/!m/@v/v1.0.0/" + hex64
	newName   = "v2/modules/example.com/!m/@v/v1.1.0/" + hex64
)

func sampleDelta() snapshot.Delta {
	base := snapshot.Base{Object: wholeName, Size: 1 << 20, Files: 1000, Bytes: 5 << 20}
	return snapshot.NewDelta(base, []snapshot.Run{{First: 0, Count: 1}, {First: 2, Count: 300}, {First: 999, Count: 1}})
}

func TestDelta(t *testing.T) {
	want := sampleDelta()
	stored := want.Append(nil)
	r := bytes.NewReader(append(stored, "frames"...))
	got, err := snapshot.ReadDelta(r)
	if err != nil || !reflect.DeepEqual(*got, want) || r.Len() != len("frames") {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if got := want.BaseObject(snapshot.DeltaObject(newName)); got != wholeName || want.BaseVersion() != "v1.0.0" {
		t.Errorf("%s, %s", got, want.BaseVersion())
	}
	for n := range stored {
		if _, err := snapshot.ReadDelta(bytes.NewReader(stored[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
	want.Runs = nil
	if got, err := snapshot.ReadDeltaStart(append(stored, "frames"...)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if _, err := snapshot.ReadDeltaStart(stored[:7]); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("seven bytes: %v", err)
	}
}

// start makes the beginning of a delta of any content.
func start(magic uint32, content string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, magic)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(content))), content...)
}

const deltaMagic = 0x184D2A5D

func TestForgedDelta(t *testing.T) {
	head := func(base, files, size string) string {
		return "base " + base + "\nfiles " + files + "\nbytes " + size + "\n\n"
	}
	good, base := head("v1.0.0/"+hex64, "10", "100"), "v1.0.0/"+hex64
	if d, err := snapshot.ReadDelta(bytes.NewReader(start(deltaMagic, good+"\x09\x01"))); err != nil || d.Runs[0].First != 9 {
		t.Fatalf("%+v, %v", d, err)
	}
	for name, stored := range map[string][]byte{
		"another magic number":  start(deltaMagic+1, good+"\x00\x01"),
		"too long":              binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, deltaMagic), 1<<20+1),
		"no lines":              start(deltaMagic, ""),
		"lines without end":     start(deltaMagic, strings.Repeat("x y\n", 200)),
		"no base":               start(deltaMagic, "files 10\nbytes 1\n\n\x00\x01"),
		"base elsewhere":        start(deltaMagic, head("../v1.0.0/"+hex64, "10", "100")+"\x00\x01"),
		"base of a scope":       start(deltaMagic, head("v1.0.0/x/"+hex64, "10", "100")+"\x00\x01"),
		"base is the directory": start(deltaMagic, head("../"+hex64, "10", "100")+"\x00\x01"),
		"base is a delta":       start(deltaMagic, head(base+"-delta", "10", "100")+"\x00\x01"),
		"base of no version":    start(deltaMagic, head("V1.0.0/"+hex64, "10", "100")+"\x00\x01"),
		"base without hash":     start(deltaMagic, head("v1.0.0/x", "10", "100")+"\x00\x01"),
		"no files":              start(deltaMagic, head(base, "0", "100")+"\x00\x01"),
		"many files":            start(deltaMagic, head(base, fmt.Sprint(snapshot.MaxModuleFiles+1), "100")+"\x00\x01"),
		"negative size":         start(deltaMagic, head(base, "10", "-1")+"\x00\x01"),
		"vast size":             start(deltaMagic, head(base, "10", "9000000000000000000")+"\x00\x01"),
		"no runs":               start(deltaMagic, good),
		"half a run":            start(deltaMagic, good+"\x01"),
		"endless number":        start(deltaMagic, good+"\xff\xff"),
		"run of nothing":        start(deltaMagic, good+"\x00\x00"),
		"run beyond the end":    start(deltaMagic, good+"\x00\x0b"),
		"second run touches":    start(deltaMagic, good+"\x00\x01\x00\x01"),
		"second run beyond":     start(deltaMagic, good+"\x00\x05\x01\x05"),
		"vast run":              start(deltaMagic, good+"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
		"vast gap":              start(deltaMagic, good+"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01"),
	} {
		if d, err := snapshot.ReadDelta(bytes.NewReader(stored)); err == nil || !errors.Is(err, snapshot.ErrCorrupt) {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
}

// FuzzDelta: what is accepted names a base beside the object, and takes files that the base has.
func FuzzDelta(f *testing.F) {
	d := sampleDelta()
	f.Add(d.Append(nil))
	f.Add(start(deltaMagic, "base v1.0.0/"+hex64+"\nfiles 10\nbytes 1\n\n\x00\x05\x01\x04"))
	f.Fuzz(func(t *testing.T, stored []byte) {
		d, err := snapshot.ReadDelta(bytes.NewReader(stored))
		if err != nil {
			if !errors.Is(err, snapshot.ErrCorrupt) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%v", err)
			}
			return
		}
		object := snapshot.DeltaObject(newName)
		if b := d.BaseObject(object); !strings.HasPrefix(b, "v2/modules/example.com/!m/@v/") || strings.Count(b, "/") != strings.Count(object, "/") || snapshot.IsDelta(b) || !snapshot.SameModule(object, b) {
			t.Errorf("base %q", b)
		}
		end := -1
		for _, r := range d.Runs {
			if r.First <= end || r.Count < 1 {
				t.Errorf("runs %v", d.Runs)
			}
			end = r.First + r.Count
		}
		if end > d.Files || d.Files > snapshot.MaxModuleFiles {
			t.Errorf("runs %v of %d files", d.Runs, d.Files)
		}
		back, err := snapshot.ReadDelta(bytes.NewReader(d.Append(nil)))
		if err != nil || !reflect.DeepEqual(d, back) {
			t.Errorf("%+v becomes %+v, %v", d, back, err)
		}
		short, err := snapshot.ReadDeltaStart(stored[:min(len(stored), snapshot.DeltaStart)])
		if err != nil || short.Base != d.Base || short.Files != d.Files || short.Bytes != d.Bytes {
			t.Errorf("begins as %+v, %v", short, err)
		}
	})
}

// writeModule makes a module object, whole or, with a delta, what it has beyond its base.
func writeModule(t testing.TB, files []file, d *snapshot.Delta) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := snapshot.NewModuleWriter(&buf)
	if d != nil {
		w = snapshot.NewDeltaWriter(&buf, *d)
	}
	for _, f := range files {
		if _, err := w.Add(f.Member, bytes.NewReader(f.data)); err != nil {
			t.Fatal(err)
		}
		w.List(snapshot.HashFile(f.Name, f.Mode&0o111 != 0, sha256.Sum256(f.data)))
	}
	if _, err := w.Close(); err != nil || w.Size() != int64(buf.Len()) {
		t.Fatalf("%v, %d of %d bytes", err, w.Size(), buf.Len())
	}
	return buf.Bytes()
}

// TestModuleObject: a whole object ends with the list of its files, which lies where its size and
// their number say; a delta begins with its base and has no list. Only readers of module objects
// accept a list, and only at the end.
func TestModuleObject(t *testing.T) {
	files := []file{newFile("m@v1/a", []byte("a")), newFile("m@v1/b", []byte("b")), newFile("m@v1/c", noise(1000, 1))}
	files[1].Mode = 0o755
	stored := writeModule(t, files, nil)
	off, n := snapshot.Base{Size: int64(len(stored)), Files: len(files)}.ListRange()
	list, err := snapshot.DecodeFileList(stored[off:][:n])
	if err != nil || len(list) != 3 || list[1] != snapshot.HashFile("m@v1/b", true, sha256.Sum256([]byte("b"))) || list[1] == snapshot.HashFile("m@v1/b", false, sha256.Sum256([]byte("b"))) {
		t.Errorf("%v, %v", list, err)
	}
	read := func(stored []byte, stream func(io.Reader) snapshot.Source) (names []string, err error) {
		r := snapshot.NewReader(stream(bytes.NewReader(stored)), nil, nil)
		defer r.Close()
		for {
			m, err := r.Next()
			if err == io.EOF {
				return names, nil
			}
			if err != nil {
				return names, err
			}
			names = append(names, m.Name)
		}
	}
	if names, err := read(stored, snapshot.StreamModule); err != nil || len(names) != 3 {
		t.Errorf("%q, %v", names, err)
	}
	if _, err := read(stored, contenttest.Stream); !errors.Is(err, snapshot.ErrCorrupt) {
		t.Errorf("a pack ends with a list of files: %v", err)
	}
	for n := off + 1; n < int64(len(stored)); n++ {
		if _, err := read(stored[:n], snapshot.StreamModule); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut off after %d of %d bytes: %v", n, len(stored), err)
		}
	}
	if _, err := read(append(slices.Clone(stored), 0), snapshot.StreamModule); !errors.Is(err, snapshot.ErrCorrupt) {
		t.Errorf("a byte behind the list: %v", err)
	}
	d := sampleDelta()
	stored = writeModule(t, files, &d)
	r := bytes.NewReader(stored)
	if got, err := snapshot.ReadDelta(r); err != nil || !reflect.DeepEqual(*got, d) {
		t.Errorf("%+v, %v", got, err)
	}
	if names, err := read(stored[len(stored)-r.Len():], contenttest.Stream); err != nil || len(names) != 3 {
		t.Errorf("%q, %v", names, err)
	}
}

// FuzzFileList: a list that is accepted is as long as its bytes, and any other bit refuses it.
func FuzzFileList(f *testing.F) {
	stored := writeModule(f, []file{newFile("a", []byte("a")), newFile("b", nil)}, nil)
	off, n := snapshot.Base{Size: int64(len(stored)), Files: 2}.ListRange()
	f.Add(stored[off:][:n], uint(70))
	f.Fuzz(func(t *testing.T, data []byte, bit uint) {
		list, err := snapshot.DecodeFileList(data)
		if err != nil {
			if !errors.Is(err, snapshot.ErrCorrupt) {
				t.Errorf("%v", err)
			}
			return
		}
		if len(list)*16+40 != len(data) {
			t.Errorf("%d files in %d bytes", len(list), len(data))
		}
		bit %= uint(len(data)) * 8
		data = slices.Clone(data)
		data[bit/8] ^= 1 << (bit % 8)
		if _, err := snapshot.DecodeFileList(data); !errors.Is(err, snapshot.ErrCorrupt) {
			t.Errorf("bit %d: %v", bit, err)
		}
	})
}

// manifestWithDelta has a module that builds upon another.
func manifestWithDelta() *snapshot.Manifest {
	base := snapshot.Base{Object: wholeName, Size: 1000, Files: 10, Bytes: 5000}
	return &snapshot.Manifest{Modules: []snapshot.Module{
		{Path: "example.com/M", Version: "v1.0.0", Object: wholeName, Size: 1000, Files: 10, Bytes: 5000},
		{Path: "example.com/M", Version: "v1.1.0", Object: snapshot.DeltaObject(newName), Size: 50, Files: 10, Bytes: 5010, Base: &base},
	}}
}

// TestBases: a manifest names a base for each delta and for nothing else, and only one that can be
// it. gc sees it, and it counts once.
func TestBases(t *testing.T) {
	base := snapshot.Base{Object: wholeName, Size: 1000, Files: 10, Bytes: 5000}
	manifest := func(object string, base *snapshot.Base, more ...snapshot.Module) *snapshot.Manifest {
		list := append(more, snapshot.Module{Path: "example.com/M", Version: "v1.1.0", Object: object, Size: 50, Base: base})
		return &snapshot.Manifest{Modules: list}
	}
	delta := snapshot.DeltaObject(newName)
	data, err := manifest(delta, &base).Encode()
	if err != nil {
		t.Fatal(err)
	}
	m, err := snapshot.DecodeManifest(data)
	if err != nil || !reflect.DeepEqual(*m.Modules[0].Base, base) {
		t.Errorf("%+v, %v", m, err)
	}
	if names, err := snapshot.Names(data); err != nil || !slices.Equal(names, []string{delta, wholeName}) {
		t.Errorf("%q, %v", names, err)
	}
	if kind, _ := snapshot.KindOf(delta); kind != snapshot.KindModule {
		t.Errorf("%s is a %s", delta, kind)
	}
	whole := snapshot.Module{Path: "example.com/M", Version: "v1.0.0", Object: wholeName, Size: 1000}
	if a, b := m.StoredBytes(), manifest(delta, &base, whole).StoredBytes(); a != 1050 || b != 1050 {
		t.Errorf("%d bytes, and %d with the base named as a module too", a, b)
	}
	scoped := strings.Replace(wholeName, "v2/", "v2/repos/r/s/", 1)
	for name, m := range map[string]*snapshot.Manifest{
		"a delta without base": manifest(delta, nil),
		"a whole with base":    manifest(newName, &base),
		"base is a delta":      manifest(delta, &snapshot.Base{Object: snapshot.DeltaObject(wholeName), Size: 1, Files: 1}),
		"its own base":         manifest(delta, &snapshot.Base{Object: newName, Size: 1, Files: 1}),
		"another module":       manifest(delta, &snapshot.Base{Object: strings.Replace(wholeName, "!m", "m", 1), Size: 1, Files: 1}),
		"another prefix":       manifest(delta, &snapshot.Base{Object: scoped, Size: 1, Files: 1}),
		"no module":            manifest(delta, &snapshot.Base{Object: "v2/gc/unnamed", Size: 1, Files: 1}),
		"no files":             manifest(delta, &snapshot.Base{Object: wholeName, Size: 1}),
		"too many files":       manifest(delta, &snapshot.Base{Object: wholeName, Size: 1, Files: snapshot.MaxModuleFiles + 1}),
		"negative size":        manifest(delta, &snapshot.Base{Object: wholeName, Size: -1, Files: 1}),
	} {
		if _, err := m.Encode(); !errors.Is(err, snapshot.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// frozenModules are two versions of a module, the second as what it has beyond the first.
func frozenModules(t *testing.T) (whole, delta []byte) {
	t.Helper()
	files := func(version, text string) []file {
		return []file{
			newFile("cache/download/example.com/!m/@v/"+version+".info", []byte(`{"Version":"`+version+`"}`)),
			newFile("example.com/!m@"+version+"/a.go", []byte("package m\n")),
			newFile("example.com/!m@"+version+"/b.go", []byte(text)),
			newFile("example.com/!m@"+version+"/c.go", []byte("package m\n\nconst c = 1\n")),
		}
	}
	first, second := files("v1.0.0", "old"), files("v1.1.0", "new")
	base := snapshot.Base{Object: wholeName, Size: 1, Files: 3, Bytes: 36}
	d := snapshot.NewDelta(base, []snapshot.Run{{First: 0, Count: 1}, {First: 2, Count: 1}})
	return writeTree(t, first, nil), writeTree(t, []file{second[0], second[2]}, &d)
}

// writeTree is writeModule for files of which those in a tree are listed.
func writeTree(t *testing.T, files []file, d *snapshot.Delta) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := snapshot.NewModuleWriter(&buf)
	if d != nil {
		w = snapshot.NewDeltaWriter(&buf, *d)
	}
	for _, f := range files {
		if _, err := w.Add(f.Member, bytes.NewReader(f.data)); err != nil {
			t.Fatal(err)
		}
		if _, rel, ok := strings.Cut(f.Name, ".0/"); ok && strings.HasPrefix(f.Name, "example.com/") {
			w.List(snapshot.HashFile(rel, false, sha256.Sum256(f.data)))
		}
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestFrozenModules reads module objects that an earlier build wrote.
func TestFrozenModules(t *testing.T) {
	dir := filepath.Join("..", "..", "testdata", "format2")
	m, err := snapshot.DecodeManifest(readFile(t, dir, "manifest-delta"))
	if err != nil || !reflect.DeepEqual(m.Modules, manifestWithDelta().Modules) {
		t.Errorf("%+v, %v", m, err)
	}
	whole := readFile(t, dir, "module")
	off, n := snapshot.Base{Size: int64(len(whole)), Files: 3}.ListRange()
	list, err := snapshot.DecodeFileList(whole[off:][:n])
	if err != nil || list[2] != snapshot.HashFile("c.go", false, sha256.Sum256([]byte("package m\n\nconst c = 1\n"))) {
		t.Errorf("%x, %v", list, err)
	}
	r := bytes.NewReader(readFile(t, dir, "module-delta"))
	d, err := snapshot.ReadDelta(r)
	if err != nil || d.BaseObject(snapshot.DeltaObject(newName)) != wholeName || d.Files != 3 || d.Bytes != 36 || fmt.Sprint(d.Runs) != "[{0 1} {2 1}]" {
		t.Errorf("%+v, %v", d, err)
	}
	for name, c := range map[string]struct {
		src  snapshot.Source
		want string
	}{
		"module":       {snapshot.StreamModule(bytes.NewReader(whole)), "v1.0.0.info a.go b.go c.go"},
		"module-delta": {snapshot.StreamModule(r), "v1.1.0.info b.go"},
	} {
		rd := snapshot.NewReader(c.src, nil, nil)
		var got []string
		member, err := rd.Next()
		for ; err == nil; member, err = rd.Next() {
			got = append(got, path.Base(member.Name))
		}
		if rd.Close(); err != io.EOF || strings.Join(got, " ") != c.want {
			t.Errorf("%s has %q, %v", name, got, err)
		}
	}
}
