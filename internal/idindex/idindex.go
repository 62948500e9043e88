// Package idindex finds things by their SHA-256 where there are a million of them. An Index keeps
// positions in a list that its user has anyway, and no copy of an ID: 4 to 11 bytes for each thing,
// where a map from IDs takes 75 to 250.
package idindex

import (
	"hash/maphash"

	"github.com/org/gocache-action/internal/digest"
)

// Index maps IDs to positions. Find is safe for concurrent use while nothing is added.
type Index struct {
	at   func(pos int32) *digest.ID
	seed maphash.Seed // who makes up IDs must not be able to make searches slow
	// open addressing: 1 + position, 0 where nothing is; their number is a power of 2
	slots []int32
	used  int
}

// New returns an empty Index with room for n things. at returns the ID of the thing at a position
// that was added; it must not change.
func New(n int, at func(pos int32) *digest.ID) *Index {
	size := 16
	for size*3 < n*4 {
		size *= 2
	}
	return &Index{at: at, seed: maphash.MakeSeed(), slots: make([]int32, size)}
}

// Len is the number of things that were added.
func (x *Index) Len() int { return x.used }

// Find returns the position of the thing with this ID.
func (x *Index) Find(id *digest.ID) (pos int32, ok bool) {
	pos = x.slots[x.slot(id)] - 1
	return pos, pos >= 0
}

// Add adds the thing at a position. If one with the same ID was added before, that stays, and its
// position is returned.
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

// slot is where an ID is, or would be put.
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
