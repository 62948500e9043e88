package fetch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// TestStoredFramesAreBounded: however many objects are read at once, and whatever their frames
// claim, no more memory is lent than there is. All of it is returned, also by readers that end
// early. A frame that is larger than all memory can be read as well.
func TestStoredFramesAreBounded(t *testing.T) {
	const size = 1 << 20
	r := fetcher(size)
	object := framed(bytes.Repeat([]byte("frames of no interest"), 1<<13), 1<<14)
	random := make([]byte, 3*size) // this does not compress
	for i := range random {
		random[i] = byte(i * i >> 7)
	}
	huge := framed(random, len(random))
	var lent atomic.Int64
	var g errgroup.Group
	for i := range 40 {
		g.Go(func() error {
			data := object
			if i%8 == 0 {
				data = huge
			}
			src, _, err := r.Open(t.Context(), func() {}, nil, opened(data))
			if err != nil {
				return err
			}
			defer src.Close()
			for n := 0; n < 5 || i%2 == 0; n++ {
				frame, err := src.NextFrame()
				if err == io.EOF {
					return nil
				}
				if err != nil {
					return err
				}
				_, took := frameClass(len(frame))
				took = min(took, size)
				if sum := lent.Add(took); sum > size {
					t.Errorf("%d bytes are lent, of %d", sum, size)
				}
				time.Sleep(time.Millisecond)
				lent.Add(-took)
				src.Release()
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if !r.Frames.free.TryAcquire(size) {
		t.Error("not all memory was returned")
	}
}

// TestFrameBeyondObject: a header alone gets no memory, so an object of a few bytes cannot make a
// restore allocate a frame.
func TestFrameBeyondObject(t *testing.T) {
	r := fetcher(1 << 20)
	whole := framed(make([]byte, 1<<16), 1<<16)
	short := append([]byte(nil), whole[:20]...)
	short[10] = 0xff // claims slightly less than 16 MiB
	src, _, err := r.Open(t.Context(), func() {}, nil, opened(short))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if frame, err := src.NextFrame(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("NextFrame is %d bytes, %v", len(frame), err)
	}
}

// TestWaitingForMemoryEnds: a reader that waits for memory ends with its context.
func TestWaitingForMemoryEnds(t *testing.T) {
	r := fetcher(1 << 16)
	ctx, cancel := context.WithCancelCause(t.Context())
	src, _, err := r.Open(ctx, func() {}, nil, opened(framed(make([]byte, 1<<10), 1<<9)))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if _, err := src.NextFrame(); err != nil {
		t.Fatal(err)
	}
	reason := errors.New("enough")
	cancel(reason)
	if frame, ok := <-src.frames; ok { // the first one stays lent
		t.Errorf("a second frame of %d bytes", len(frame))
	}
	if !errors.Is(src.end, reason) || !store.IsFailure(src.end) {
		t.Errorf("the reader ended with %v", src.end)
	}
}

// framed stores bytes as frames of at most size bytes.
func framed(raw []byte, size int) []byte { return contenttest.Framed(raw, size) }

// fetcher returns a fetcher with this much memory for stored frames.
func fetcher(bytes int64) *Fetcher {
	return &Fetcher{Frames: NewMemory(bytes), Buffers: NewBuffers(2), Meter: new(report.Meter)}
}

// opened returns a function that opens an object with this content.
func opened(data []byte) func(context.Context) (io.ReadCloser, store.Info, error) {
	return func(context.Context) (io.ReadCloser, store.Info, error) {
		return io.NopCloser(bytes.NewReader(data)), store.Info{Size: int64(len(data))}, nil
	}
}

var _ snapshot.Source = (*Source)(nil)
