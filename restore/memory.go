package restore

import (
	"runtime"

	"github.com/org/gocache-action/internal/snapshot"
)

// How Options.Memory is shared out. A transfer stands for two jobs, of which each can hold a stored frame of 16 MiB if
// its bytes do not compress; those of Go code are a quarter of that.
const (
	maxBuffers   = 10       // decoded frames that are held on machines with many cores: 160 MiB
	maxAhead     = 16 << 20 // bytes that arrived early, of all objects together
	minBuffers   = 2        // one is decoded while the other is written
	minTransfers = 2        // one for large objects, one for small ones
	perTransfer  = 16 << 20
)

// transfers bounds n, the objects in transfer: half of the memory is theirs.
func (o *Options) transfers(n int) int {
	if o.Memory <= 0 {
		return n
	}
	return min(n, max(minTransfers, int(o.Memory/2/perTransfer)))
}

// decodedFrames is how many decoded frames are held at once: a bit more than can be decoded at once, or what lies in
// three eighths of the memory.
func (o *Options) decodedFrames() int {
	n := min(runtime.GOMAXPROCS(0)+2, maxBuffers)
	if o.Memory <= 0 {
		return n
	}
	return min(n, max(minBuffers, int(o.Memory/8*3/snapshot.FrameSize)))
}

// aheadBytes is an eighth of the memory at most.
func (o *Options) aheadBytes() int64 {
	if o.Memory <= 0 {
		return maxAhead
	}
	return min(maxAhead, o.Memory/8)
}
