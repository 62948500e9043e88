package build

import (
	"hash/maphash"

	"github.com/org/gocache-action/internal/chunk"
	"github.com/org/gocache-action/internal/snapshot"
)

// Bytes of memory: of a chunk in a chunkTable at most, which are 32 for its entry, and its slots,
// of which between 53 and 80 % are in use; of each place in an output at which there is a chunk; of
// an output in cuts and in a layout, without its extents, of which each chunk can be one; and of a
// movedOutput.
const (
	ChunkBytes      = 32 + 8
	occurrenceBytes = 4
	outputCutBytes  = 16 + 12
	extentBytes     = 16
	movedBytes      = 24
)

// chunkTable knows chunks by their hashes, and where they lie. It is made for one save and belongs
// to one goroutine at a time.
//
// A chunk can lie in several packs, and has an entry for each: a search finds the first, and
// chunkTable.others the rest.
type chunkTable struct {
	seed  maphash.Seed   // who makes up content must not be able to make searches slow
	pages [][]chunkEntry // of pageChunks each, so that nothing is copied when there are more
	count int            // of all entries
	slots []int32        // open addressing: 1 + number of an entry, 0 where nothing is
	twice bool           // whether any chunk has several entries
}

// chunkEntry is a chunk at one place, or at none yet.
type chunkEntry struct {
	sum snapshot.ChunkSum
	at  place
}

// place says how long a chunk is and where it lies: 24 bits for a frame, counted over all packs of
// a save; 24 for the offset in it; 16 for the length less 1. An offset is below
// snapshot.FrameSize, a length at most chunk.Max.
type place uint64

// nowhere is the frame of a chunk that lies nowhere yet.
const nowhere = 1<<24 - 1

var _ [1<<24 - snapshot.FrameSize]struct{} // offsets fit
var _ [1<<16 - chunk.Max]struct{}          // lengths fit

func newPlace(frame, off, size int32) place {
	return place(frame)<<40 | place(off)<<16 | place(size-1)
}

func (p place) frame() int32    { return int32(p >> 40) }
func (p place) off() int32      { return int32(p >> 16 & (1<<24 - 1)) }
func (p place) size() int32     { return int32(p&(1<<16-1)) + 1 }
func (p place) isNowhere() bool { return p.frame() == nowhere }

// follows reports whether a chunk lies behind another one, in the same frame.
func (p place) follows(q place) bool { return p.frame() == q.frame() && p.off() == q.off()+q.size() }

const pageChunks = 1 << 12

func newChunkTable() *chunkTable {
	return &chunkTable{seed: maphash.MakeSeed(), slots: make([]int32, 64)}
}

// entry returns an entry by its number.
func (t *chunkTable) entry(n int32) *chunkEntry { return &t.pages[n/pageChunks][n%pageChunks] }

// is reports whether an entry is of a chunk of this hash and size. What a list calls by the same
// hash and has another size is not the same: the list is wrong.
func (e *chunkEntry) is(sum *snapshot.ChunkSum, size int32) bool {
	return e.sum == *sum && e.at.size() == size
}

// find returns the number of the first entry of a chunk. If there is none, it adds one for a chunk
// that lies nowhere.
func (t *chunkTable) find(sum snapshot.ChunkSum, size int32) int32 {
	i := t.home(&sum)
	for ; t.slots[i] != 0; i = t.next(i) {
		if n := t.slots[i] - 1; t.entry(n).is(&sum, size) {
			return n
		}
	}
	return t.put(i, chunkEntry{sum, newPlace(nowhere, 0, size)})
}

// maxPlaces is how many places in packs of earlier saves are known of a chunk. All are tried with
// each output that has it, and a list can name one chunk some hundred thousand times.
const maxPlaces = 8

// addStored adds a place in a pack of an earlier save to a chunk, behind those that are known,
// unless they are maxPlaces.
func (t *chunkTable) addStored(sum snapshot.ChunkSum, at place) { t.addUpTo(maxPlaces, sum, at) }

// add adds a place to a chunk, behind those that are known.
func (t *chunkTable) add(sum snapshot.ChunkSum, at place) { t.addUpTo(maxPlaces+1, sum, at) }

func (t *chunkTable) addUpTo(most int, sum snapshot.ChunkSum, at place) {
	i, n := t.home(&sum), 0
	for ; t.slots[i] != 0; i = t.next(i) {
		if e := t.entry(t.slots[i] - 1); !e.is(&sum, at.size()) {
			continue
		} else if e.at.isNowhere() {
			e.at = at
			return
		}
		t.twice = true
		if n++; n == most {
			return
		}
	}
	t.put(i, chunkEntry{sum, at})
}

// others goes through all places of the chunk that an entry is of, in the order in which they were
// added, until yield returns false.
func (t *chunkTable) others(n int32, yield func(place) bool) {
	e := t.entry(n)
	if !t.twice {
		yield(e.at)
		return
	}
	for i := t.home(&e.sum); t.slots[i] != 0; i = t.next(i) {
		if x := t.entry(t.slots[i] - 1); x.is(&e.sum, e.at.size()) && !yield(x.at) {
			return
		}
	}
}

// home is the slot at which a search begins.
func (t *chunkTable) home(sum *snapshot.ChunkSum) int {
	return int(maphash.Bytes(t.seed, sum[:]) % uint64(len(t.slots)))
}

func (t *chunkTable) next(slot int) int {
	if slot++; slot == len(t.slots) {
		return 0
	}
	return slot
}

// put adds an entry, whose slot is free, and returns its number.
func (t *chunkTable) put(slot int, e chunkEntry) int32 {
	if t.count%pageChunks == 0 {
		t.pages = append(t.pages, make([]chunkEntry, 0, pageChunks))
	}
	last := len(t.pages) - 1
	t.pages[last] = append(t.pages[last], e)
	t.count++
	t.slots[slot] = int32(t.count)
	if t.count*5 >= len(t.slots)*4 {
		t.grow()
	}
	return int32(t.count - 1)
}

// grow makes half as many slots more, in which the entries of one chunk keep their order.
func (t *chunkTable) grow() {
	size := len(t.slots) + len(t.slots)/2
	t.slots = nil // they are not needed for it
	t.slots = make([]int32, size)
	for n := range int32(t.count) {
		i := t.home(&t.entry(n).sum)
		for t.slots[i] != 0 {
			i = t.next(i)
		}
		t.slots[i] = n + 1
	}
}

// fresh is how many bytes of memory the chunks take in packs that lie nowhere yet, those included
// that only outputs have that are not fit to be stored. It decides how large packs are.
func (t *chunkTable) fresh() (n int64) {
	for _, page := range t.pages {
		for i := range page {
			if at := page[i].at; at.isNowhere() {
				n += int64(at.size()) + chunkRoom
			}
		}
	}
	return n
}

// memory is how many bytes the table takes.
func (t *chunkTable) memory() int64 { return int64(len(t.pages)*pageChunks*32 + 4*len(t.slots)) }
