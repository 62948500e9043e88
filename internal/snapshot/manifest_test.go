package snapshot_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
)

// sampleManifest returns a manifest with one of everything, in canonical order.
func sampleManifest() *snapshot.Manifest {
	id := func(s string) digest.ID { return sha256.Sum256([]byte(s)) }
	pack := func(scope, s string, chunks int, frames ...snapshot.Frame) snapshot.Pack {
		p := snapshot.Pack{Object: snapshot.PackObject("github.com/org/x", scope, id(s)), Chunks: chunks, Frames: frames}
		for _, f := range frames {
			p.Size += f.Size
		}
		for _, f := range p.Content() {
			p.Raw += f.Raw
		}
		return p
	}
	const h1 = "h1:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
	const hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	m := &snapshot.Manifest{
		Repo: "github.com/org/x", Scope: "refs/heads/main",
		Key: []string{"build", "linux", "amd64", "go1.26.8", "d1"}, Digest: "d1",
		Writer: snapshot.Writing{Time: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC), Commit: "abc", Run: "42", Tool: "v1.0.0"},
		Packs: []snapshot.Pack{
			pack("refs/heads/feature", "p1", 3, snapshot.Frame{Size: 100, Raw: 10000, Sum: id("f1")},
				snapshot.Frame{Size: 50, Raw: 6000, Sum: id("f2")}, snapshot.Frame{Size: 120, Raw: 102, Sum: id("l1")}),
			pack("refs/heads/main", "p2", 0, snapshot.Frame{Size: 70, Raw: 700, Sum: id("f3")}),
		},
		Modules: []snapshot.Module{
			{Path: "example.com/a", Version: "v1.0.0", Sum: h1, ModSum: h1, Object: "v2/modules/example.com/a/@v/v1.0.0/" + hash, Size: 10, Files: 2, Bytes: 30, LastUse: 1767312245, InSum: true},
			{Path: "private.example/b", Version: "v0.1.0", Sum: h1, Object: "v2/repos/r/s/modules/private.example/b/@v/v0.1.0/" + hash, Size: 11, Files: 1, Bytes: 20, LastUse: 1767312240},
		},
		Trees: []snapshot.Tree{{Name: snapshot.TreeModGraph, Pack: 1, Files: 3, Bytes: 99, Sum: hash}},
		Outputs: []snapshot.Output{
			{ID: id("o3")},
			{ID: id("o1"), Size: 400, Extents: []snapshot.Extent{{Off: 512, Len: 400}}},
			{ID: id("o2"), Size: 9000, Exec: "stringer", Extents: []snapshot.Extent{
				{Frame: 0, Off: 912, Len: 3000}, {Frame: 1, Off: 0, Len: 5500}, {Frame: 0, Off: 512, Len: 500}}},
		},
		Trend: []snapshot.Saved{{Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Stored: 220, Uploaded: 220, Actions: 4, Modules: 2}},
	}
	for i := range 4 {
		a := snapshot.Action{Output: (i + 1) % 3, Time: 1767312245123456789 + int64(i), LastUse: 1767312245 - int64(i*i)}
		a.ID = digest.ID{byte(i), 7}
		m.Actions = append(m.Actions, a)
	}
	return m
}

func TestManifestRoundTrip(t *testing.T) {
	want := sampleManifest()
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := snapshot.DecodeManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if again, _ := got.Encode(); !bytes.Equal(data, again) {
		t.Error("encoding is not canonical")
	}
	if err := got.IsFor(want.Repo, want.Scope, want.Key); err != nil {
		t.Error(err)
	}
	if err := got.IsFor(want.Repo, want.Scope, []string{"build", "linux", "amd64", "go1.26.8", "d2"}); err == nil {
		t.Error("a manifest of another key was accepted")
	}
}

func TestManifestDamage(t *testing.T) {
	data, err := sampleManifest().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 1
		if _, err := snapshot.DecodeManifest(bad); !errors.Is(err, snapshot.ErrCorrupt) && !errors.Is(err, snapshot.ErrFormat) {
			t.Fatalf("flipped bit in byte %d: %v", i, err)
		}
		if _, err := snapshot.DecodeManifest(data[:i]); !errors.Is(err, snapshot.ErrCorrupt) && !errors.Is(err, snapshot.ErrFormat) {
			t.Fatalf("truncated to %d bytes: %v", i, err)
		}
	}
	later := bytes.Replace(data, []byte("gocache-manifest 2"), []byte("gocache-manifest 3"), 1)
	if _, err := snapshot.DecodeManifest(later); !errors.Is(err, snapshot.ErrFormat) {
		t.Errorf("later format: %v", err)
	}
	if _, err := snapshot.DecodeManifest([]byte("<html>not found</html>")); !errors.Is(err, snapshot.ErrCorrupt) {
		t.Errorf("a web page: %v", err)
	}
}

// TestManifestLies: manifests that point to something that does not exist are refused, so that no
// reader has to check an index again.
func TestManifestLies(t *testing.T) {
	lies := map[string]func(*snapshot.Manifest){
		"output behind its frame": func(m *snapshot.Manifest) { m.Outputs[1].Size, m.Outputs[1].Extents[0].Len = 50000, 50000 },
		"more than its extents":   func(m *snapshot.Manifest) { m.Outputs[1].Size = 401 },
		"less than its extents":   func(m *snapshot.Manifest) { m.Outputs[1].Size = 399 },
		"nothing and an extent":   func(m *snapshot.Manifest) { m.Outputs[1].Size = 0 },
		"something and no extent": func(m *snapshot.Manifest) { m.Outputs[0].Size = 1 },
		"negative size":           func(m *snapshot.Manifest) { m.Outputs[0].Size = -1 },
		"empty extent":            func(m *snapshot.Manifest) { m.Outputs[0].Extents = make([]snapshot.Extent, 1) },
		"extent offset":           func(m *snapshot.Manifest) { m.Outputs[1].Extents[0].Off = 9601 },
		"negative offset":         func(m *snapshot.Manifest) { m.Outputs[1].Extents[0].Off = -1 },
		"extent pack":             func(m *snapshot.Manifest) { m.Outputs[1].Extents[0].Pack = 2 },
		"extent of a tree":        func(m *snapshot.Manifest) { m.Outputs[1].Extents[0] = snapshot.Extent{Pack: 1, Len: 400} },
		"extent frame":            func(m *snapshot.Manifest) { m.Outputs[1].Extents[0].Frame = 3 },
		"extent in the list": func(m *snapshot.Manifest) {
			m.Outputs[1].Size, m.Outputs[1].Extents[0] = 50, snapshot.Extent{Frame: 2, Len: 50}
		},
		"tiny extent":             tinyExtents,
		"chunks without a frame":  func(m *snapshot.Manifest) { m.Packs[1].Chunks = 1 },
		"negative chunks":         func(m *snapshot.Manifest) { m.Packs[1].Chunks = -1 },
		"too many chunks":         func(m *snapshot.Manifest) { m.Packs[0].Chunks = snapshot.MaxPackChunks + 1 },
		"tree of chunks":          func(m *snapshot.Manifest) { m.Trees[0].Pack = 0 },
		"executable leaves":       func(m *snapshot.Manifest) { m.Outputs[2].Exec = "../x" },
		"executable in directory": func(m *snapshot.Manifest) { m.Outputs[2].Exec = "a/b" },
		"action without output":   func(m *snapshot.Manifest) { m.Actions[0].Output = 3 },
		"tree without pack":       func(m *snapshot.Manifest) { m.Trees[0].Pack = 2 },
		"pack size":               func(m *snapshot.Manifest) { m.Packs[0].Size++ },
		"pack elsewhere":          func(m *snapshot.Manifest) { m.Packs[0].Object = "v2/repos/a/b/snapshots/x" },
		"pack leaves":             func(m *snapshot.Manifest) { m.Packs[0].Object = "v2/repos/a/b/packs/../../c" },
		"module elsewhere":        func(m *snapshot.Manifest) { m.Modules[0].Object = "v2/repos/a/b/packs/x" },
		"frame too large":         func(m *snapshot.Manifest) { m.Packs[1].Frames[0].Raw = 1 << 40 },
		"empty frame":             func(m *snapshot.Manifest) { m.Packs[1].Frames[0].Raw = 0 },
		"pack twice":              func(m *snapshot.Manifest) { m.Packs[1] = m.Packs[0] },
		"packs out of order": func(m *snapshot.Manifest) {
			m.Packs[0].Object, m.Packs[1].Object = m.Packs[1].Object, m.Packs[0].Object
		},
		"output twice":         func(m *snapshot.Manifest) { m.Outputs[2].ID = m.Outputs[0].ID },
		"outputs out of order": func(m *snapshot.Manifest) { m.Outputs[1], m.Outputs[2] = m.Outputs[2], m.Outputs[1] },
		"empty output behind":  func(m *snapshot.Manifest) { m.Outputs[0], m.Outputs[1] = m.Outputs[1], m.Outputs[0] },
		"output of 2^62 bytes": func(m *snapshot.Manifest) { m.Outputs[2].Size = 1 << 62 },
		"action twice":         func(m *snapshot.Manifest) { m.Actions[1].ID = m.Actions[0].ID },
		"actions out of order": func(m *snapshot.Manifest) { m.Actions[0], m.Actions[1] = m.Actions[1], m.Actions[0] },
		"module twice": func(m *snapshot.Manifest) {
			m.Modules[1].Path, m.Modules[1].Version = m.Modules[0].Path, m.Modules[0].Version
		},
		"modules out of order":    func(m *snapshot.Manifest) { m.Modules[0], m.Modules[1] = m.Modules[1], m.Modules[0] },
		"module with a line feed": func(m *snapshot.Manifest) { m.Modules[0].Path = "example.com/a\n::error::x" },
		"module of 2^62 bytes":    func(m *snapshot.Manifest) { m.Modules[0].Bytes = 1 << 62 },
		"files of a tree":         func(m *snapshot.Manifest) { m.Trees[0].Files = -1 },
		"sum of a tree":           func(m *snapshot.Manifest) { m.Trees[0].Sum = "" },
		"negative reuse":          func(m *snapshot.Manifest) { m.Trend[0].Reused = -1 },
		"a hundred trees":         func(m *snapshot.Manifest) { m.Trees = slices.Repeat(m.Trees, 100) },
	}
	for name, lie := range lies {
		m := sampleManifest()
		lie(m)
		if _, err := m.Encode(); !errors.Is(err, snapshot.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// tinyExtents gives an output an extent for each byte. A small manifest of this kind could keep its
// reader busy without end.
func tinyExtents(m *snapshot.Manifest) {
	o := &m.Outputs[1]
	o.Extents = slices.Repeat([]snapshot.Extent{{Off: 512, Len: 1}}, 400)
}

// TestSharedTables: two manifests of one save share their tables in memory, and those of two saves
// never do.
func TestSharedTables(t *testing.T) {
	exact, latest := sampleManifest(), sampleManifest()
	latest.Key[4] = "latest"
	read := func(m, like *snapshot.Manifest) *snapshot.Manifest {
		data, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := (*snapshot.Trust)(nil).DecodeManifestLike(data, time.Now(), like)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(m, got); d != "" {
			t.Error(d)
		}
		return got
	}
	first := read(exact, nil)
	if second := read(latest, first); !second.SharesTables(first) || &second.Outputs[0] != &first.Outputs[0] {
		t.Error("two manifests of one save share no tables")
	}
	if read(latest, nil).SharesTables(first) {
		t.Error("tables that were read apart are taken for shared ones")
	}
	for name, change := range map[string]func(*snapshot.Manifest){
		"time":    func(m *snapshot.Manifest) { m.Writer.Time = m.Writer.Time.Add(time.Millisecond) },
		"run":     func(m *snapshot.Manifest) { m.Writer.Run = "43" },
		"actions": func(m *snapshot.Manifest) { m.Actions = m.Actions[:3] },
		"packs":   func(m *snapshot.Manifest) { m.Packs[1].Raw++ },
	} {
		other := sampleManifest()
		change(other)
		if read(other, first).SharesTables(first) {
			t.Errorf("another %s: tables are shared", name)
		}
	}
}

// TestUnknownHeaderLine: later versions can add header lines, such as a signature.
func TestUnknownHeaderLine(t *testing.T) {
	data, err := sampleManifest().Encode()
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.Replace(data, []byte("\n"), []byte("\nsomething new\n"), 1)
	if _, err := snapshot.DecodeManifest(data); err != nil {
		t.Error(err)
	}
}

var update = flag.Bool("update", false, "write the frozen vectors anew; only for a new format version")

// TestFrozenFormat reads objects that an earlier build wrote. They must stay readable forever.
func TestFrozenFormat(t *testing.T) {
	dir := filepath.Join("..", "..", "testdata", "format2")
	if *update {
		freeze(t, dir)
	}
	m, err := snapshot.DecodeManifest(readFile(t, dir, "manifest"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(sampleManifest(), m); d != "" {
		t.Errorf("manifest: %s", d)
	}
	pack := readFile(t, dir, "pack")
	files, err := readAll(bytes.NewReader(pack), nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(describe(frozenFiles()), describe(files)); d != "" {
		t.Errorf("pack: %s", d)
	}
}

// frozenFiles returns the members of the frozen pack, one of which spans two frames.
func frozenFiles() []file {
	return []file{
		newFile("00/empty-d", nil),
		newFile("01/small-d", []byte("small")),
		newFile("02/large-d", bytes.Repeat([]byte("0123456789abcdef"), 3<<20>>4*6)),
		newFile("03/prog-d/prog", []byte("#!/bin/sh\n")),
	}
}

func describe(files []file) (s []string) {
	for _, f := range files {
		s = append(s, fmt.Sprintf("%s %o %d %x", f.Name, f.Mode, f.Size, sha256.Sum256(f.data)))
	}
	return s
}

func freeze(t *testing.T, dir string) {
	t.Helper()
	data, err := sampleManifest().Encode()
	if err != nil {
		t.Fatal(err)
	}
	paths, err := manifestWithPaths().Encode()
	if err != nil {
		t.Fatal(err)
	}
	builds, err := manifestWithBuilds().Encode()
	if err != nil {
		t.Fatal(err)
	}
	deltas, err := manifestWithDelta().Encode()
	if err != nil {
		t.Fatal(err)
	}
	pack, _, _ := writePack(t, frozenFiles())
	whole, delta := frozenModules(t)
	for name, b := range map[string][]byte{
		"manifest": data, "manifest-paths": paths, "manifest-builds": builds, "manifest-delta": deltas, "pack": pack, "module": whole, "module-delta": delta,
	} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, name), b)
	}
	writeFrozenChunks(t, dir)
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, elem ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func FuzzDecodeManifest(f *testing.F) {
	data, err := sampleManifest().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("gocache-manifest 2\n"))
	signed, err := os.ReadFile(filepath.Join("..", "..", "testdata", "format2", "manifest-signed"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	v, err := note.NewVerifier(vectorPublic)
	if err != nil {
		f.Fatal(err)
	}
	trusted := &snapshot.Trust{Keys: []note.Verifier{v}}
	hash, _ := signedLines(signed)
	f.Fuzz(func(t *testing.T, data []byte) {
		// The private key has signed only one manifest.
		if _, err := trusted.DecodeManifest(data, sampleManifest().Writer.Time); err == nil {
			if got, _ := signedLines(data); got != hash {
				t.Error("a manifest that was never signed is trusted")
			}
		}
		m, err := snapshot.DecodeManifest(resum(data))
		if err != nil {
			return
		}
		if _, err := m.Encode(); err != nil {
			t.Errorf("a manifest that was accepted cannot be written: %v", err)
		}
	})
}

// resum corrects the hash of a fuzzed manifest, so that the fuzzer gets past it.
func resum(data []byte) []byte {
	head, body, ok := bytes.Cut(data, []byte("\n\n"))
	if !ok || !bytes.HasPrefix(head, []byte("gocache-manifest 2\nsha256 ")) {
		return data
	}
	return append(fmt.Appendf(nil, "gocache-manifest 2\nsha256 %x\n\n", sha256.Sum256(body)), body...)
}

func FuzzReader(f *testing.F) {
	pack, _, _ := writePack(f, []file{newFile("a/b", []byte("hello")), newFile("c", noise(2000, 3))})
	f.Add(pack)
	f.Add(pack[:20])
	f.Fuzz(func(t *testing.T, data []byte) {
		files, err := readAll(bytes.NewReader(data), nil)
		if err != nil {
			return
		}
		for _, x := range files {
			if filepath.IsAbs(x.Name) || !filepath.IsLocal(x.Name) {
				t.Errorf("unsafe name %q", x.Name)
			}
		}
	})
}
