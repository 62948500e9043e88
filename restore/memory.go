package restore

import (
	"runtime"

	"github.com/org/gocache-action/internal/snapshot"
)

// How Options.Memory is shared out. A transfer is small, but a module of bigModule has parts of 16
// MiB in flight.
const (
	// decoded frames that are held on machines with many cores: 160 MiB
	maxBuffers = 10
	// bytes of stored frames, of all objects together: those that arrive, and those that wait to be
	// decoded
	maxStored    = 40 << 20
	minBuffers   = 2 // one is decoded while the other is written
	minTransfers = 2 // one for large objects, one for small ones
	perTransfer  = 16 << 20
)

// transfers bounds n, the objects in transfer: half of the memory is theirs.
func (o *Options) transfers(n int) int {
	if o.Memory <= 0 {
		return n
	}
	return min(n, max(minTransfers, int(o.Memory/2/perTransfer)))
}

// decodedFrames is how many decoded frames are held at once: a bit more than can be decoded at
// once, or what lies in three eighths of the memory.
func (o *Options) decodedFrames() int {
	n := min(runtime.GOMAXPROCS(0)+2, maxBuffers)
	if o.Memory <= 0 {
		return n
	}
	return min(n, max(minBuffers, int(o.Memory/8*3/snapshot.FrameSize)))
}

// storedBytes is a quarter of the memory at most.
func (o *Options) storedBytes() int64 {
	if o.Memory <= 0 {
		return maxStored
	}
	return min(maxStored, o.Memory/4)
}

// planBytes is what the plan takes for each action, in bytes: whether it is wanted, the actions of
// its output, the job.
const planBytes = 32

// usualLists are the bytes of lists that fit into the memory of a restore beside what is in
// transfer.
const usualLists = 100 << 20

// transferMemory is free while the caches are compared, in bytes.
const transferMemory = 160 << 20

// listMemory is how many bytes the lists of a manifest take, and more for other lists, beyond what
// fits into the usual memory.
func listMemory(m *snapshot.Manifest, more int64) int64 {
	n := int64(m.Memory()+planBytes*len(m.Actions)) + max(more, 0)
	return max(n+n/8-usualLists, 0)
}

// tellMemory tells Options.MoreMemory of the lists.
func (o *Options) tellMemory(m *snapshot.Manifest, more int64) {
	if o.MoreMemory != nil {
		o.MoreMemory(listMemory(m, more))
	}
}
