package snapshot_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/chunk"
	"github.com/org/gocache-action/internal/snapshot"
)

// sampleChunks returns chunks that fill a frame except for a few bytes, so that the next one lies
// in another frame, and then some small ones.
func sampleChunks() (list [][]byte) {
	for i := range snapshot.FrameSize/chunk.Max - 1 {
		list = append(list, bytes.Repeat([]byte{byte(i)}, chunk.Max))
	}
	list = append(list, noise(chunk.Max-10, 7), noise(100, 8), []byte("x"))
	return append(list, noise(chunk.Min, 9))
}

// frozenChunks returns the chunks of the frozen pack.
func frozenChunks() [][]byte {
	return [][]byte{bytes.Repeat([]byte("0123456789abcdef"), 200), []byte("small"), noise(3000, 10)}
}

func writeChunks(t testing.TB, chunks [][]byte) ([]byte, snapshot.Pack) {
	t.Helper()
	var buf bytes.Buffer
	w := snapshot.NewChunkWriter(&buf)
	for _, c := range chunks {
		if err := w.Add(snapshot.ChunkSumOf(sha256.Sum256(c)), c); err != nil {
			t.Fatal(err)
		}
	}
	p, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	p.Object = snapshot.PackObject("r", "s", w.Sum())
	if w.Sum() != sha256.Sum256(buf.Bytes()) || p.Size != int64(buf.Len()) {
		t.Error("sum or size does not match the bytes written")
	}
	return buf.Bytes(), p
}

// frameAt decodes a frame of a pack.
func frameAt(t testing.TB, stored []byte, p snapshot.Pack, i int) []byte {
	t.Helper()
	for _, f := range p.Frames[:i] {
		stored = stored[f.Size:]
	}
	raw, err := p.Frames[i].Decode(stored[:p.Frames[i].Size], nil)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestChunks(t *testing.T) {
	chunks := sampleChunks()
	stored, p := writeChunks(t, chunks)
	if again, q := writeChunks(t, chunks); !bytes.Equal(stored, again) || cmp.Diff(p, q) != "" {
		t.Error("the same chunks made other bytes")
	}
	f, off := p.List()
	raw, err := f.Decode(stored[off:], nil)
	if err != nil {
		t.Fatal(err)
	}
	list, err := p.DecodeList(raw)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != len(chunks) || len(p.Content()) != 2 {
		t.Fatalf("%d of %d chunks, %d frames", len(list), len(chunks), len(p.Content()))
	}
	contents := [][]byte{frameAt(t, stored, p, 0), frameAt(t, stored, p, 1)}
	var spot snapshot.Spot
	for i, c := range list {
		if frame, off := spot.Place(len(chunks[i])); frame != c.Frame || off != c.Off {
			t.Errorf("chunk %d lies at %d, %d, not in its planned place", i, c.Frame, c.Off)
		}
		if !bytes.Equal(contents[c.Frame][c.Off:c.Off+c.Len], chunks[i]) || c.Sum != snapshot.ChunkSumOf(sha256.Sum256(chunks[i])) {
			t.Errorf("chunk %d has other bytes or another sum", i)
		}
	}
}

func TestNoChunks(t *testing.T) {
	stored, p := writeChunks(t, nil)
	if len(stored) != 0 || p.Chunks != 0 || len(p.Frames) != 0 {
		t.Errorf("%d bytes, %+v", len(stored), p)
	}
}

func TestChunkWriterRefuses(t *testing.T) {
	for _, n := range []int{0, chunk.Max + 1} {
		w := snapshot.NewChunkWriter(new(bytes.Buffer))
		if err := w.Add(snapshot.ChunkSum{}, make([]byte, n)); err == nil {
			t.Errorf("a chunk of %d bytes was accepted", n)
		}
		if _, err := w.Close(); err == nil {
			t.Error("the writer continued after an error")
		}
	}
}

// TestListLies: a list must say exactly what fills the frames; with a wrong one, outputs would be
// assembled from wrong bytes.
func TestListLies(t *testing.T) {
	stored, p := writeChunks(t, frozenChunks())
	f, off := p.List()
	good, err := f.Decode(stored[off:], nil)
	if err != nil {
		t.Fatal(err)
	}
	entry := func(n int) []byte { return binary.AppendUvarint(make([]byte, 24), uint64(n)) }
	for name, raw := range map[string][]byte{
		"nothing":      nil,
		"cut short":    good[:len(good)-1],
		"cut in a sum": good[:10],
		"one more":     append(bytes.Clone(good), entry(10)...),
		"twice":        slices.Concat(good, good),
		"one size":     append(bytes.Clone(good[:len(good)-2]), entry(3001)[24:]...),
		"empty chunk":  append(bytes.Clone(good[:len(good)-26]), entry(0)...),
		"large chunk":  append(bytes.Clone(good[:len(good)-26]), entry(chunk.Max+1)...),
	} {
		if _, err := p.DecodeList(raw); !errors.Is(err, snapshot.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	q := p
	q.Chunks++
	if _, err := q.DecodeList(good); !errors.Is(err, snapshot.ErrCorrupt) {
		t.Errorf("a chunk is missing: %v", err)
	}
}

// FuzzDecodeList: the chunks of an accepted list fill the frames of its pack.
func FuzzDecodeList(f *testing.F) {
	stored, p := writeChunks(f, frozenChunks())
	last, off := p.List()
	good, err := last.Decode(stored[off:], nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, p.Chunks)
	f.Add(good[:40], 1)
	f.Fuzz(func(t *testing.T, raw []byte, chunks int) {
		q := p
		q.Chunks = min(max(chunks, 1), snapshot.MaxPackChunks)
		list, err := q.DecodeList(raw)
		if err != nil {
			return
		}
		sum := int64(0)
		for _, c := range list {
			sum += int64(c.Len)
			if c.Frame != 0 || c.Off < 0 || c.Len < 1 || int64(c.Off)+int64(c.Len) > q.Frames[0].Raw {
				t.Errorf("chunk at %d, %d of %d bytes", c.Frame, c.Off, c.Len)
			}
		}
		if sum != q.Frames[0].Raw {
			t.Errorf("%d bytes in a frame of %d", sum, q.Frames[0].Raw)
		}
	})
}

// TestFrozenChunks reads a pack that an earlier build wrote.
func TestFrozenChunks(t *testing.T) {
	stored := readFile(t, "..", "..", "testdata", "format2", "pack-chunks")
	_, p := writeChunks(t, frozenChunks())
	rest := stored
	for i, f := range p.Frames {
		n := min(int(12+binary.LittleEndian.Uint32(rest[8:])), len(rest))
		raw, err := snapshot.DecodeFrame(rest[:n], nil)
		if err != nil || int64(len(raw)) != f.Raw {
			t.Fatalf("frame %d: %d bytes, %v", i, len(raw), err)
		}
		if i == 0 && !bytes.Equal(raw, bytes.Join(frozenChunks(), nil)) {
			t.Error("other content")
		}
		if i == 1 {
			list, err := p.DecodeList(raw)
			if err != nil || len(list) != 3 || list[1].Sum != snapshot.ChunkSumOf(sha256.Sum256([]byte("small"))) {
				t.Errorf("list %v, %v", list, err)
			}
		}
		rest = rest[n:]
	}
	if len(rest) > 0 {
		t.Errorf("%d bytes are left over", len(rest))
	}
}

func TestCoverage(t *testing.T) {
	for _, tc := range []struct {
		name    string
		extents []snapshot.Extent
		want    int64
	}{
		{"none", nil, 0},
		{"one", []snapshot.Extent{{Off: 5, Len: 10}}, 10},
		{"the same twice", []snapshot.Extent{{Off: 5, Len: 10}, {Off: 5, Len: 10}}, 10},
		{"one in another", []snapshot.Extent{{Off: 0, Len: 100}, {Off: 50, Len: 10}, {Off: 99, Len: 1}}, 100},
		{"overlapping", []snapshot.Extent{{Off: 50, Len: 100}, {Off: 0, Len: 100}}, 150},
		{"neighbours", []snapshot.Extent{{Off: 0, Len: 10}, {Off: 10, Len: 10}, {Off: 30, Len: 1}}, 21},
		{"two frames", []snapshot.Extent{{Frame: 1, Off: 0, Len: 10}, {Off: 0, Len: 10}, {Frame: 1, Off: 9, Len: 3}}, 22},
	} {
		var c snapshot.Coverage
		for _, e := range tc.extents {
			c.Add(e)
		}
		if got := c.Bytes(); got != tc.want {
			t.Errorf("%s: %d bytes, want %d", tc.name, got, tc.want)
		}
	}
}

// TestExtentLimit: a writer pads a manifest that has more extents than its stored bytes justify,
// and a reader refuses one that is not padded.
func TestExtentLimit(t *testing.T) {
	m := sampleManifest()
	// 300,000 equal extents compress to nearly nothing.
	const n = 300_000
	o := &m.Outputs[1]
	o.Extents = slices.Repeat([]snapshot.Extent{{Off: 512, Len: chunk.Min}}, n)
	o.Size = n * chunk.Min
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := snapshot.DecodeManifest(data)
	if err != nil || back.NumExtents() != m.NumExtents() {
		t.Fatal(err)
	}
	if _, err := snapshot.DecodeManifest(manifestOf(bodyOf(t, data))); !errors.Is(err, snapshot.ErrCorrupt) {
		t.Errorf("extents out of nothing: %v", err)
	}
	o.Extents = slices.Repeat(o.Extents[:1], snapshot.MaxExtents)
	o.Size = snapshot.MaxExtents * chunk.Min
	if _, err := m.Encode(); !errors.Is(err, snapshot.ErrCorrupt) {
		t.Errorf("too many extents: %v", err)
	}
}

func writeFrozenChunks(t *testing.T, dir string) {
	t.Helper()
	stored, _ := writeChunks(t, frozenChunks())
	writeFile(t, filepath.Join(dir, "pack-chunks"), stored)
}
