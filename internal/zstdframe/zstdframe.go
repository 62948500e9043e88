// Package zstdframe has what all goroutines of the process share to encode and decode frames, so
// that memory depends on the number of cores and not on how much is done at once: encoders, a
// decoder, buffers, and the proof of what was encoded. How frames are stored is decided elsewhere.
package zstdframe

import (
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/org/gocache-action/internal/zstdenc"
)

// MaxRaw is the most bytes that a frame may have, decoded, and MaxStored as it is stored: what does
// not compress grows a little.
const (
	MaxRaw    = 16 << 20
	MaxStored = MaxRaw + 64<<10
)

// decoder runs at most GOMAXPROCS frames at once, however many goroutines call, which bounds its
// memory.
var decoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithDecoderMaxMemory(MaxRaw))
	if err != nil {
		panic(err) // the options are valid constants
	}
	return d
})

// encoders are as many as frames can be encoded at once. They are made when first needed.
var encoders = sync.OnceValue(func() chan *zstdenc.Encoder {
	c := make(chan *zstdenc.Encoder, runtime.GOMAXPROCS(0))
	for range cap(c) {
		c <- nil
	}
	return c
})

// Append appends raw as a zstd frame, with its checksum inside, to dst. It waits for an encoder
// that is free.
func Append(dst, raw []byte) []byte {
	enc := <-encoders()
	if enc == nil {
		enc = new(zstdenc.Encoder)
	}
	dst = enc.Append(dst, raw)
	encoders() <- enc
	return dst
}

// Decode appends what a zstd frame decodes to, at most MaxRaw bytes, to dst.
func Decode(dst, frame []byte) ([]byte, error) { return decoder().DecodeAll(frame, dst) }

// buffers saves most modules, which are small, the cost of a fresh 16 MiB.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, MaxStored); return &b }}

// Buffer returns an empty buffer with room for a frame, decoded or stored. Release gives it back.
func Buffer() []byte { return *buffers.Get().(*[]byte) }

// Release makes a buffer that Buffer returned available to others. One that has moved, since more
// was appended than it had room for, is dropped.
func Release(b []byte) {
	if cap(b) != MaxStored {
		return
	}
	b = b[:0]
	buffers.Put(&b)
}
