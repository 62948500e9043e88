package snapshot_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"path/filepath"
	"runtime"
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

// lists returns a pack of chunks that fill several frames, or one, and its decoded list.
func lists(t testing.TB, chunks [][]byte) (p snapshot.Pack, list []byte) {
	t.Helper()
	stored, p := writeChunks(t, chunks)
	f, off := p.List()
	list, err := f.Decode(stored[off:], nil)
	if err != nil {
		t.Fatal(err)
	}
	return p, list
}

// planned is lists without the bytes of the pack, which take long to encode where the encoder
// counts its branches.
func planned(chunks [][]byte) (p snapshot.Pack, list []byte) {
	var spot snapshot.Spot
	for i, c := range chunks {
		if frame, _ := spot.Place(len(c)); int(frame) == len(p.Frames) {
			p.Frames = append(p.Frames, snapshot.Frame{})
		}
		p.Frames[len(p.Frames)-1].Raw += int64(len(c))
		list = append(list, bytes.Repeat([]byte{byte(i)}, 24)...)
		list = binary.AppendUvarint(list, uint64(len(c)))
	}
	p.Chunks = len(chunks)
	p.Frames = append(p.Frames, snapshot.Frame{Raw: int64(len(list))})
	return p, list
}

// TestListLies: a list must say exactly what fills the frames; with a wrong one, outputs would be
// assembled from wrong bytes.
func TestListLies(t *testing.T) {
	p, good := lists(t, frozenChunks())
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

// TestListLiesOfFrames: each frame has to be filled, and no other.
func TestListLiesOfFrames(t *testing.T) {
	p, good := lists(t, sampleChunks())
	if _, err := p.DecodeList(good); err != nil || len(p.Frames) != 3 {
		t.Fatal(err)
	}
	last := len(good) - 26 // the chunk of chunk.Min bytes at the end of the second frame
	size := func(n uint64) []byte { return binary.AppendUvarint(bytes.Clone(good[:last+24]), n) }
	for name, c := range map[string]struct {
		raw    []byte
		change func(frames []snapshot.Frame)
	}{
		"the last is shorter":   {size(chunk.Min - 1), nil},
		"the last is longer":    {size(chunk.Min + 1), nil},
		"the first frame is":    {good, func(f []snapshot.Frame) { f[0].Raw-- }},
		"the second frame is":   {good, func(f []snapshot.Frame) { f[1].Raw++ }},
		"both are":              {good, func(f []snapshot.Frame) { f[0].Raw--; f[1].Raw++ }},
		"there is a third":      {good, func(f []snapshot.Frame) { f[2], f[1] = f[1], snapshot.Frame{Raw: 1} }},
		"the frames are turned": {good, func(f []snapshot.Frame) { f[0], f[1] = f[1], f[0] }},
	} {
		q := p
		if q.Frames = slices.Clone(p.Frames); c.change != nil {
			c.change(q.Frames)
		}
		if _, err := q.DecodeList(c.raw); !errors.Is(err, snapshot.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.Frames = p.Frames[1:]
	if _, err := p.DecodeList(good); !errors.Is(err, snapshot.ErrCorrupt) {
		t.Errorf("a frame is missing: %v", err)
	}
}

// TestListMemory: what a manifest says of the number of chunks takes no memory.
func TestListMemory(t *testing.T) {
	p, good := lists(t, frozenChunks())
	p.Chunks = snapshot.MaxPackChunks
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := p.DecodeList(good)
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; err == nil || got > 1<<20 {
		t.Errorf("%d bytes for a list of %d, %v", got, len(good), err)
	}
}

// TestReadList: a list that is longer than its chunks can be is not read at all.
func TestReadList(t *testing.T) {
	stored, p := writeChunks(t, frozenChunks())
	reads := 0
	read := func(off, n int64) ([]byte, error) {
		reads++
		return stored[off : off+n], nil
	}
	if list, err := p.ReadList(read); err != nil || len(list) != p.Chunks || reads != 1 {
		t.Errorf("%d of %d chunks, %v, %d reads", len(list), p.Chunks, err, reads)
	}
	for name, c := range map[string]struct {
		change func(list *snapshot.Frame)
		reads  int
	}{
		"as long as can be":  {func(f *snapshot.Frame) { f.Raw = 27 * 3 }, 1},
		"longer":             {func(f *snapshot.Frame) { f.Raw = 27*3 + 1 }, 0},
		"stored, it is long": {func(f *snapshot.Frame) { f.Size = 27*3 + 64<<10 + 1 }, 0},
		"another hash":       {func(f *snapshot.Frame) { f.Sum[0]++ }, 1},
	} {
		q := p
		q.Frames = slices.Clone(p.Frames)
		c.change(&q.Frames[1])
		reads = 0
		if _, err := q.ReadList(read); !errors.Is(err, snapshot.ErrCorrupt) || reads != c.reads {
			t.Errorf("%s: %v, %d reads", name, err, reads)
		}
	}
	failed := errors.New("no answer")
	if _, err := p.ReadList(func(int64, int64) ([]byte, error) { return nil, failed }); !errors.Is(err, failed) || errors.Is(err, snapshot.ErrCorrupt) {
		t.Errorf("%v", err)
	}
}

// FuzzDecodeList: the chunks of an accepted list fill the frames of its pack, one after the other,
// and are what the list says.
func FuzzDecodeList(f *testing.F) {
	small, good := lists(f, frozenChunks())
	large, two := planned(sampleChunks())
	f.Add(good, small.Chunks, false)
	f.Add(good[:40], 1, false)
	f.Add(two, large.Chunks, true)
	f.Fuzz(func(t *testing.T, raw []byte, chunks int, several bool) {
		q := small
		if several {
			q = large
		}
		q.Chunks = min(max(chunks, 1), snapshot.MaxPackChunks)
		list, err := q.DecodeList(raw)
		if err != nil {
			return
		}
		filled := make([]int64, len(q.Content()))
		var again []byte
		for _, c := range list {
			if int64(c.Off) != filled[c.Frame] || c.Len < 1 || c.Len > chunk.Max {
				t.Errorf("chunk of %d bytes at %d, %d, behind %d", c.Len, c.Frame, c.Off, filled[c.Frame])
			}
			filled[c.Frame] += int64(c.Len)
			again = binary.AppendUvarint(append(again, c.Sum[:]...), uint64(c.Len))
		}
		for i, f := range q.Content() {
			if filled[i] != f.Raw {
				t.Errorf("%d bytes in frame %d of %d", filled[i], i, f.Raw)
			}
		}
		if back, err := q.DecodeList(again); err != nil || !slices.Equal(back, list) {
			t.Errorf("the same chunks make another list: %v", err)
		}
		if len(again) == len(raw) && !bytes.Equal(again, raw) {
			t.Error("the list says something else")
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
