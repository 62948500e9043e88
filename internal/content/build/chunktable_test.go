package build

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/org/gocache-action/internal/chunk"
	"github.com/org/gocache-action/internal/snapshot"
)

func numbered(n int) snapshot.ChunkSum {
	return snapshot.ChunkSumOf(sha256.Sum256(binary.LittleEndian.AppendUint32(nil, uint32(n))))
}

// TestPlace: a place keeps any frame, offset and size in their ranges.
func TestPlace(t *testing.T) {
	for _, frame := range []int32{0, 1, nowhere - 1} {
		for _, off := range []int32{0, 1, snapshot.FrameSize - 1} {
			for _, size := range []int32{1, 2, chunk.Max} {
				p := newPlace(frame, off, size)
				if p.frame() != frame || p.off() != off || p.size() != size || p.isNowhere() {
					t.Errorf("%d, %d, %d: %d, %d, %d", frame, off, size, p.frame(), p.off(), p.size())
				}
			}
		}
	}
	p := newPlace(3, 100, 50)
	for q, want := range map[place]bool{
		newPlace(3, 150, 7): true, newPlace(3, 151, 7): false, newPlace(4, 150, 7): false, newPlace(4, 0, 7): false,
	} {
		if q.follows(p) != want {
			t.Errorf("%x follows: %v", q, !want)
		}
	}
	if !newPlace(nowhere, 0, 9).isNowhere() {
		t.Error("nowhere is somewhere")
	}
}

// TestChunkTable: each chunk is found with all its places, in the order in which they were added,
// however many there are; and a chunk takes no more memory than ChunkBytes says.
func TestChunkTable(t *testing.T) {
	const n = 50_000
	c := newChunkTable()
	want := make([][]place, n)
	for i := range n {
		if i%3 == 0 {
			c.find(numbered(i), int32(i%1000+1)) // its place is added later
		}
	}
	for round := range int32(3) {
		for i := range n {
			if i%(int(round)*5+1) == 0 {
				p := newPlace(round, int32(i), int32(i%1000+1))
				c.add(numbered(i), p)
				want[i] = append(want[i], p)
			}
		}
	}
	for i := range n {
		var got []place
		c.others(c.find(numbered(i), int32(i%1000+1)), func(p place) bool { got = append(got, p); return true })
		if !slices.Equal(got, want[i]) {
			t.Fatalf("chunk %d: %v, want %v", i, got, want[i])
		}
	}
	if e := c.entry(c.find(numbered(n), 77)); !e.at.isNowhere() || e.at.size() != 77 || e.sum != numbered(n) {
		t.Errorf("a new chunk: %+v", e)
	}
	if got := c.memory(); got > int64(ChunkBytes*c.count+pageChunks*32) {
		t.Errorf("%d bytes for %d chunks", got, c.count)
	}
}

// TestChunkTableMany: of the places of a chunk that a list names very often, only a few are kept,
// and a place in this save is always added.
func TestChunkTableMany(t *testing.T) {
	c := newChunkTable()
	for i := range int32(snapshot.MaxPackChunks) {
		c.addStored(numbered(1), newPlace(i/(1<<20), i%(1<<20), 1))
	}
	n, last := 0, newPlace(99, 0, 1)
	c.add(numbered(1), last)
	var got place
	c.others(c.find(numbered(1), 1), func(p place) bool { n++; got = p; return true })
	if n != maxPlaces+1 || got != last || c.count != n {
		t.Errorf("%d places, %d entries", n, c.count)
	}
}

// TestChunkTableOnce: as long as no chunk has two places, there is no search for others.
func TestChunkTableOnce(t *testing.T) {
	c := newChunkTable()
	c.add(numbered(1), newPlace(0, 0, 5))
	n := c.find(numbered(2), 6)
	c.add(numbered(2), newPlace(0, 5, 6))
	if c.twice {
		t.Error("a chunk with one place counts as having two")
	}
	if c.others(n, func(p place) bool { return p == newPlace(0, 5, 6) }); c.count != 2 {
		t.Errorf("%d entries", c.count)
	}
	c.add(numbered(1), newPlace(2, 0, 6))
	if c.twice || c.count != 3 {
		t.Error("a chunk of the same name and another size counts as the same")
	}
	c.add(numbered(1), newPlace(1, 0, 5))
	if !c.twice || c.count != 4 {
		t.Errorf("%v, %d", c.twice, c.count)
	}
}

// TestIsEntry: a chunk is another one if any byte of its hash differs, or its length.
func TestIsEntry(t *testing.T) {
	sum := snapshot.ChunkSumOf(sha256.Sum256([]byte("x")))
	table := newChunkTable()
	n := table.find(sum, 100)
	seen := map[int32]bool{n: true}
	for i := range sum {
		other := sum
		other[i] ^= 1
		m := table.find(other, 100)
		if seen[m] || table.entry(m).sum != other || table.entry(n).is(&other, 100) {
			t.Errorf("byte %d of the hash does not count", i)
		}
		seen[m] = true
	}
	if m := table.find(sum, 101); seen[m] || table.find(sum, 100) != n {
		t.Error("the length does not count, or the chunk was not found")
	}
}
