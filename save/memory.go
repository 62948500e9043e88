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
	placedBytes = 12
	// builtBytes is for an entry of the new manifest: its action, its output, its place in an
	// index, and the stored form.
	builtBytes = 56 + 80 + 11 + 94
)

// shareMemory divides the memory between the lists, whose size is known now, and the objects that
// are built and uploaded, and returns what is for these.
func (j gatherer) shareMemory(stock *collect.Stock, l build.Local, own *snapshot.Manifest) int64 {
	n := previousBytes(stock.Manifests()) + int64(localBytes*l.Len()) + int64((outputBytes+placedBytes)*l.Outputs())
	budget := max(min(leastMemory, j.Memory), j.Memory-n)
	// The new manifest is made when the uploads are over.
	j.tellMemory(n + max(budget, int64(builtBytes*l.Expected(own))))
	return budget
}

// tellMemory tells how much of the lists, and of what is uploaded, lies above the usual.
func (j gatherer) tellMemory(peak int64) {
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
