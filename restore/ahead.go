package restore

import (
	"context"
	"io"
	"math/bits"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// frameMemory lends the memory of stored frames, of all objects together. Frames are read before
// they are needed, so that the network goes on while the cores are busy, and the other way round.
type frameMemory struct {
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

func newFrameMemory(bytes int64) *frameMemory {
	size := max(bytes, 1<<minClass)
	return &frameMemory{size: size, free: semaphore.NewWeighted(size)}
}

// frames is how many can be lent at most.
func (m *frameMemory) frames() int { return int(m.size >> minClass) }

// get waits for memory for a frame of n > 0 bytes. Who holds some waits for a disk or for a
// transfer at most, and not for more of it. A frame that is larger than all that is lent gets it
// all.
func (m *frameMemory) get(ctx context.Context, n int) ([]byte, error) {
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
func (m *frameMemory) put(b []byte) {
	class, size := frameClass(cap(b))
	m.pools[class].Put(&b)
	m.free.Release(min(size, m.size))
}

// ahead reads the stored frames of an object before they are needed. It is a snapshot.Source.
type ahead struct {
	memory *frameMemory
	cancel context.CancelFunc
	frames chan []byte // in order; closed at the end
	end    error       // why it ended; to be read after frames is closed
	frame  []byte      // the current one
}

// fetch opens an object, or a range of one, and reads ahead: the frames that are given, or if there
// are none, what the headers in the object say. fetched is called when the network is no longer
// needed, also after an error.
func (r *run) fetch(ctx context.Context, fetched func(), frames []snapshot.Frame, open func(context.Context) (io.ReadCloser, store.Info, error)) (*ahead, store.Info, error) {
	ctx, cancel := context.WithCancel(ctx)
	body, info, err := open(ctx)
	if err != nil {
		cancel()
		fetched()
		return nil, info, err
	}
	a := &ahead{memory: r.stored, cancel: cancel, frames: make(chan []byte, r.stored.frames())}
	go func() {
		defer close(a.frames)
		defer fetched()
		defer body.Close()
		src := metered{body, r.Meter}
		if frames != nil {
			a.end = a.readFrames(ctx, src, frames)
		} else {
			a.end = a.readAll(ctx, src, info.Size)
		}
	}()
	return a, info, nil
}

// readFrames reads frames of known sizes; the error is io.EOF after the last.
func (a *ahead) readFrames(ctx context.Context, src io.Reader, frames []snapshot.Frame) error {
	for _, f := range frames {
		frame, err := a.memory.get(ctx, int(f.Size))
		if err != nil {
			return err
		}
		if _, err := io.ReadFull(src, frame); err != nil {
			a.memory.put(frame)
			return err
		}
		a.frames <- frame // there is room for all that are lent
	}
	return io.EOF
}

// readAll reads frames to the end of an object of size bytes; the error is io.EOF there.
func (a *ahead) readAll(ctx context.Context, src io.Reader, size int64) error {
	for {
		frame, err := snapshot.ReadFrame(src, func(n int) ([]byte, error) {
			if int64(n) > size { // on the word of a header alone, no memory is lent
				return nil, io.ErrUnexpectedEOF
			}
			return a.memory.get(ctx, n)
		})
		if err != nil {
			if frame != nil {
				a.memory.put(frame)
			}
			return err
		}
		a.frames <- frame
	}
}

// NextFrame waits for the next frame.
func (a *ahead) NextFrame() ([]byte, error) {
	a.Release()
	frame, ok := <-a.frames
	if !ok {
		return nil, a.end
	}
	a.frame = frame
	return frame, nil
}

// Release gives the memory of the current frame back.
func (a *ahead) Release() {
	if a.frame != nil {
		a.memory.put(a.frame)
		a.frame = nil
	}
}

// Close ends the transfer and waits for its goroutine.
func (a *ahead) Close() error {
	a.cancel()
	a.Release()
	for f := range a.frames {
		a.memory.put(f)
	}
	return nil
}

// metered counts what is read from an object.
type metered struct {
	r     io.Reader
	meter *report.Meter
}

// Read reads a piece that is small enough for the display to move.
func (m metered) Read(p []byte) (int, error) {
	n, err := m.r.Read(p[:min(len(p), 256<<10)])
	m.meter.Bytes.Add(int64(n))
	return n, err
}

// slots bounds what is done at once: n transfers, and twice as many jobs, of which those whose
// bytes have all arrived need the network no more.
type slots struct{ transfers, jobs chan struct{} }

func newSlots(n int) slots {
	return slots{make(chan struct{}, n), make(chan struct{}, 2*n)}
}

// take waits for a place. The job calls fetched after its transfer and done at its end; done
// includes fetched.
func (s slots) take(ctx context.Context) (fetched, done func(), err error) {
	for i, c := range []chan struct{}{s.jobs, s.transfers} {
		select {
		case c <- struct{}{}:
		case <-ctx.Done():
			if i > 0 {
				<-s.jobs
			}
			return nil, nil, context.Cause(ctx)
		}
	}
	fetched = sync.OnceFunc(func() { <-s.transfers })
	return fetched, func() { fetched(); <-s.jobs }, nil
}
