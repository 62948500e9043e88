package save

import "golang.org/x/sync/semaphore"

// Bytes of memory for each thing in the lists, on 64-bit machines. The lists are what grows with
// the caches; all else has fixed bounds.
const (
	localBytes  = 56      // of an entry in local
	outputBytes = 64 + 11 // in inv, with its place in an index
	placedBytes = 12
	// builtBytes is for an entry of the new manifest: its action, its output, its place in an
	// index, and the stored form.
	builtBytes = 56 + 80 + 11 + 94
)

// shareMemory divides the memory between the lists, whose size is known now, and the objects that
// are built and uploaded.
func (r *run) shareMemory() {
	n := r.previousBytes() + int64(localBytes*r.local.len())
	if r.inv != nil {
		n += int64((outputBytes + placedBytes) * len(r.inv.Outputs))
	}
	budget := max(min(leastMemory, r.Memory), r.Memory-n)
	r.memory = semaphore.NewWeighted(budget)
	// The new manifest is made when the uploads are over.
	peak := n + max(budget, int64(builtBytes*r.expected(r.prev.own())))
	r.tellMemory(peak)
}

// tellMemory tells how much of the lists, and of what is uploaded, lies above the usual.
func (r *run) tellMemory(peak int64) {
	if r.MoreMemory != nil {
		r.MoreMemory(max(0, peak-r.Memory) * 9 / 8)
	}
}

// previousBytes is the memory of the manifests that were read, with an index of their outputs.
func (r *run) previousBytes() (n int64) {
	for _, m := range r.prev.manifests {
		n += int64(m.Memory() + 11*len(m.Outputs))
	}
	return n
}
