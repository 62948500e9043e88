package fetch

import (
	"context"
	"math/bits"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/org/gocache-action/internal/snapshot"
)

// Memory lends the memory of stored frames, of all objects together. Frames are read before they
// are needed, so that the network goes on while the cores are busy, and the other way round. Safe
// for concurrent use.
type Memory struct {
	size int64
	free *semaphore.Weighted
	// pools keep what was given back, by size class. What they hold beside what is lent is left to
	// the collector.
	pools [maxClass + 1]sync.Pool
}

// Frames count, and are kept, as powers of two from 64 KiB on, so that what one gave back fits the
// next. The last class is that of the largest.
const (
	minClass = 16
	maxClass = 25
)

// frameClass returns the class of a frame of n bytes, and how many bytes such ones take.
func frameClass(n int) (class int, size int64) {
	class = max(bits.Len(uint(n-1)), minClass)
	return class, min(int64(1)<<class, snapshot.MaxFrameStored)
}

// NewMemory returns one that lends so many bytes.
func NewMemory(bytes int64) *Memory {
	size := max(bytes, 1<<minClass)
	return &Memory{size: size, free: semaphore.NewWeighted(size)}
}

// frames is how many can be lent at most.
func (m *Memory) frames() int { return int(m.size >> minClass) }

// get waits for memory for a frame of n > 0 bytes. A frame that is larger than all that is lent
// gets it all.
func (m *Memory) get(ctx context.Context, n int) ([]byte, error) {
	class, size := frameClass(n)
	if err := m.free.Acquire(ctx, min(size, m.size)); err != nil {
		return nil, context.Cause(ctx)
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

// Buffers lends a fixed number of decoded frames. They are made when first needed. Safe for
// concurrent use.
type Buffers struct{ free chan []byte }

// NewBuffers returns n buffers.
func NewBuffers(n int) *Buffers {
	b := &Buffers{make(chan []byte, n)}
	for range n {
		b.free <- nil
	}
	return b
}

// Get waits for a free buffer. Each is made for a whole frame at once, of which the system gives
// only what is touched; growing them from frame to frame made twice the garbage.
func (b *Buffers) Get() []byte {
	if p := <-b.free; p != nil {
		return p
	}
	return make([]byte, 0, snapshot.FrameSize)
}

// Put gives a buffer back. A buffer of another size, which was made for a frame larger than those
// that we write, is left to the collector.
func (b *Buffers) Put(p []byte) {
	if cap(p) != snapshot.FrameSize {
		p = nil
	}
	b.free <- p
}
