// Package idindex finds elements of long lists by their ID. An Index holds positions in a list that
// its user has anyway, and no copies of IDs: that takes 4 to 11 bytes an element, where a map from
// IDs takes 75 to 250.
package idindex

import (
	"hash/maphash"

	"github.com/org/gocache-action/internal/digest"
)

// Index maps IDs to positions. Find is safe for concurrent use while nothing is added.
type Index struct {
	at   func(pos int32) *digest.ID
	seed maphash.Seed // random, so that nobody can craft IDs that make searches slow
	// open addressing: 1 + position, or 0 if empty; the length is a power of 2
	slots []int32
	used  int
}

// New returns an empty Index with room for n elements. at returns the ID of the element at a
// position that was added. That ID must not change.
func New(n int, at func(pos int32) *digest.ID) *Index {
	size := 16
	for size*3 < n*4 {
		size *= 2
	}
	return &Index{at: at, seed: maphash.MakeSeed(), slots: make([]int32, size)}
}

// Len is the number of elements that were added.
func (x *Index) Len() int { return x.used }

// Find returns the position of the element with this ID.
func (x *Index) Find(id *digest.ID) (pos int32, ok bool) {
	pos = x.slots[x.slot(id)] - 1
	return pos, pos >= 0
}

// Add adds the element at a position. If an element with the same ID was added before, it stays,
// and its position is returned.
func (x *Index) Add(pos int32) (first int32, added bool) {
	if x.used*4 >= len(x.slots)*3 {
		x.grow()
	}
	i := x.slot(x.at(pos))
	if old := x.slots[i]; old > 0 {
		return old - 1, false
	}
	x.slots[i] = pos + 1
	x.used++
	return pos, true
}

// slot returns the slot that has an ID, or the empty one where it belongs.
func (x *Index) slot(id *digest.ID) int {
	mask := len(x.slots) - 1
	i := int(maphash.Bytes(x.seed, id[:])) & mask
	for x.slots[i] > 0 && *x.at(x.slots[i] - 1) != *id {
		i = (i + 1) & mask
	}
	return i
}

func (x *Index) grow() {
	old := x.slots
	x.slots = make([]int32, 2*len(old))
	for _, s := range old {
		if s > 0 {
			x.slots[x.slot(x.at(s-1))] = s
		}
	}
}
