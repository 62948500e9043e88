package save

import "golang.org/x/sync/semaphore"

// Bytes of memory for each thing in the lists, on 64-bit machines. The lists are what grows with the caches; all else has fixed bounds.
const (
	localBytes  = 56      // of an entry in local
	outputBytes = 64 + 11 // in inv, with its place in an index
	placedBytes = 12
	// builtBytes is for an entry of the new manifest: its action, its output, its place in an index, and the stored form.
	builtBytes = 56 + 80 + 11 + 94
)

// shareMemory divides the memory between the lists, whose size is known now, and the objects that are built and uploaded.
func (r *run) shareMemory() {
	n := localBytes * r.local.len()
	if r.inv != nil {
		n += (outputBytes + placedBytes) * len(r.inv.Outputs)
	}
	for _, m := range r.prev.manifests {
		n += m.Memory() + 11*len(m.Outputs)
	}
	budget := max(min(leastMemory, r.Memory), r.Memory-int64(n))
	r.memory = semaphore.NewWeighted(budget)
	// The new manifest is made when the uploads are over.
	peak := int64(n) + max(budget, int64(builtBytes*r.expected(r.prev.own())))
	if peak += peak / 8; peak > r.Memory*9/8 && r.MoreMemory != nil {
		r.MoreMemory(peak - r.Memory*9/8)
	}
}
