package fetch

import (
	"context"
	"math/bits"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// Memory lends memory for the stored frames of all objects. Frames are read before they are needed,
// so that the network stays busy while the cores are, and the other way round. Safe for concurrent
// use.
type Memory struct {
	size int64
	free *semaphore.Weighted
	// pools keep returned memory, by size class, until the garbage collector empties them.
	pools [maxClass + 1]sync.Pool
}

// Sizes are rounded up to powers of two, at least 64 KiB, so that returned memory fits the next
// frame. The last class is that of the largest frame.
const (
	minClass = 16
	maxClass = 25
)

// frameClass returns the size class of a frame of n bytes, and the size of that class.
func frameClass(n int) (class int, size int64) {
	class = max(bits.Len(uint(n-1)), minClass)
	return class, min(int64(1)<<class, snapshot.MaxFrameStored)
}

// NewMemory returns a Memory that lends at most so many bytes at a time.
func NewMemory(bytes int64) *Memory {
	size := max(bytes, 1<<minClass)
	return &Memory{size: size, free: semaphore.NewWeighted(size)}
}

// frames is how many frames can be lent at most.
func (m *Memory) frames() int { return int(m.size >> minClass) }

// get waits for memory for a frame of n > 0 bytes. A frame larger than the limit waits until
// nothing else is lent.
func (m *Memory) get(ctx context.Context, n int) ([]byte, error) {
	class, size := frameClass(n)
	if err := m.free.Acquire(ctx, min(size, m.size)); err != nil {
		return nil, store.Ended(ctx)
	}
	if b, ok := m.pools[class].Get().(*[]byte); ok {
		return (*b)[:n], nil
	}
	return make([]byte, n, size), nil
}

// put takes back what get returned.
func (m *Memory) put(b []byte) {
	class, size := frameClass(cap(b))
	m.pools[class].Put(&b)
	m.free.Release(min(size, m.size))
}

// Buffers lends a fixed number of buffers for decoded frames, which snapshot.DecodeFrame allocates
// when they are first needed, and grows. Safe for concurrent use.
type Buffers struct{ free chan []byte }

// NewBuffers returns n buffers.
func NewBuffers(n int) *Buffers {
	b := &Buffers{make(chan []byte, n)}
	for range n {
		b.free <- []byte{}
	}
	return b
}

// Get waits for a free buffer, which is not nil, and may be too small for any frame.
func (b *Buffers) Get() []byte { return <-b.free }

// Put returns a buffer. One that was made for a larger frame than writers cut is left to the
// garbage collector.
func (b *Buffers) Put(p []byte) {
	if p == nil || cap(p) > snapshot.FrameSize {
		p = []byte{}
	}
	b.free <- p[:0]
}
