package save

import (
	"github.com/org/gocache-action/internal/content/build"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/snapshot"
)

// Bytes of memory for each entry or output in the lists, on 64-bit machines. The lists are what
// grows with the caches; all else has fixed bounds.
const (
	localBytes  = 56      // of an entry that is here
	outputBytes = 64 + 11 // in the inventory, with its place in an index
	placedBytes = 8       // of an output that this save can place, without its extents
	// builtBytes is for an entry of the new manifest: its action, its output, its place in an
	// index, and the stored form.
	builtBytes = 56 + 80 + 11 + 94
	// Of extents: in any list; and of a new manifest in its list, in the stored form, and while
	// what is alive is counted. An output can have thousands.
	extentBytes      = 16
	builtExtentBytes = extentBytes + 7 + 12
)

// shared says what the lists take, whose size is known now, and what that leaves.
type shared struct {
	lists  int64 // bytes
	built  int64 // of the new manifest, which is made when the uploads are over
	budget int64 // for objects that are built and uploaded
}

// shareMemory divides the memory between the lists and the objects.
func (j gatherer) shareMemory(stock *collect.Stock, l build.Local, own *snapshot.Manifest) shared {
	m := shared{lists: previousBytes(stock.Manifests()) + int64(localBytes*l.Len()) + int64((outputBytes+placedBytes)*l.Outputs())}
	m.built, m.budget = int64(builtBytes*l.Expected(own)+builtExtentBytes*mostExtents(stock.Manifests())), j.left(m.lists)
	j.tellMemory(m.lists + max(m.budget, m.built))
	return m
}

// with takes into account what is known from here on until the uploads are over, and that the
// extents found are among those of the next manifest.
func (m shared) with(j job, p prepared) shared {
	m.budget = j.left(m.lists + p.memory)
	m.built += (extentBytes + builtExtentBytes) * p.extents
	j.tellMemory(m.lists + max(p.memory+m.budget, m.built))
	return m
}

// mostExtents is how many the largest of some manifests has.
func mostExtents(list []*snapshot.Manifest) (n int) {
	for _, m := range list {
		n = max(n, m.NumExtents())
	}
	return n
}

// preparing takes into account what it takes to prepare objects: none is built meanwhile.
func (m shared) preparing(j job, p planned) {
	var n int64
	for _, part := range p.parts {
		n += part.Memory
	}
	j.tellMemory(m.lists + max(n, m.budget, m.built))
}

// left is what is for objects beside lists of this size.
func (j job) left(lists int64) int64 { return max(min(leastMemory, j.Memory), j.Memory-lists) }

// tellMemory tells how much of the lists, and of what is uploaded, lies above the usual.
func (j job) tellMemory(peak int64) {
	if j.MoreMemory != nil {
		j.MoreMemory(max(0, peak-j.Memory) * 9 / 8)
	}
}

// previousBytes is the memory of the manifests that were read, with an index of their outputs.
func previousBytes(list []*snapshot.Manifest) (n int64) {
	for _, m := range list {
		n += int64(m.Memory() + 11*len(m.Outputs))
	}
	return n
}
