package restore

import (
	"runtime"

	"github.com/org/gocache-action/internal/snapshot"
)

// How Options.Memory is divided. Most transfers need little, but a large module that is read in
// parallel ranges has 16 MiB in flight.
const (
	// decoded frames on a machine with many cores, of 16 MiB each
	maxBuffers = 10
	// bytes of stored frames, over all objects: those that are arriving, and those that wait to be
	// decoded
	maxStored    = 40 << 20
	againBytes   = snapshot.MaxFrameStored // of the one frame that is read a second time
	minBuffers   = 2                       // one is decoded while the other is written
	minTransfers = 2                       // one for large objects, one for small ones
	perTransfer  = 16 << 20
)

// transfers bounds n, the number of objects in transfer: they get half of the memory.
func (o *Options) transfers(n int) int {
	if o.Memory <= 0 {
		return n
	}
	return min(n, max(minTransfers, int(o.Memory/2/perTransfer)))
}

// decodedFrames is how many decoded frames are held at once: a few more than can be decoded at
// once, or as many as fit into three eighths of the memory.
func (o *Options) decodedFrames() int {
	n := min(runtime.GOMAXPROCS(0)+2, maxBuffers)
	if o.Memory <= 0 {
		return n
	}
	return min(n, max(minBuffers, int(o.Memory/8*3/snapshot.FrameSize)))
}

// storedBytes bounds the memory of stored frames: maxStored, or three sixteenths of the memory if
// less, which leaves room for againBytes.
func (o *Options) storedBytes() int64 {
	if o.Memory <= 0 {
		return maxStored
	}
	return min(maxStored, o.Memory/16*3)
}

// How many bytes a plan takes, and what carries it out: for each action, whether it is wanted and
// its place among the actions of its output; for each output, how far it is; for each extent, what
// it belongs to.
const (
	actionBytes = 16
	outputBytes = 16
	extentBytes = 16
)

// usualLists is how many bytes of lists fit into the usual memory of a restore, beside what is in
// transfer.
const usualLists = 100 << 20

// transferMemory is how many bytes of the memory for transfers are free while caches are compared.
const transferMemory = 160 << 20

// listMemory is by how many bytes the lists of a manifest, and other lists of more bytes, exceed
// what fits into the usual memory.
func listMemory(m *snapshot.Manifest, more int64) int64 {
	plan := actionBytes*len(m.Actions) + outputBytes*len(m.Outputs) + extentBytes*m.NumExtents()
	n := int64(m.Memory()+plan) + max(more, 0)
	return max(n+n/8-usualLists, 0)
}

// tellMemory passes listMemory on to Options.MoreMemory.
func (o *Options) tellMemory(m *snapshot.Manifest, more int64) {
	if o.MoreMemory != nil {
		o.MoreMemory(listMemory(m, more))
	}
}
