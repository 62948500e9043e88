package restore

import (
	"context"
	"io"
	"sync"

	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store"
)

// Bytes from the network wait in chunks of one pool until they are decoded, so that the network goes on while the cores are busy, and
// the other way round.
const chunkSize = 256 << 10

// chunkPool lends a fixed number of chunks. They are made when first needed.
type chunkPool chan []byte

func newChunkPool(bytes int64) chunkPool {
	p := make(chunkPool, max(1, bytes/chunkSize))
	for range cap(p) {
		p <- nil
	}
	return p
}

// get waits for a free chunk; it is nil when ctx ends before.
func (p chunkPool) get(ctx context.Context) []byte {
	select {
	case c := <-p:
		if c == nil {
			c = make([]byte, chunkSize)
		}
		return c
	case <-ctx.Done():
		return nil
	}
}

func (p chunkPool) put(c []byte) { p <- c[:chunkSize] }

// ahead reads an object before its bytes are needed. Nobody waits for a chunk while holding decoded frames, and who holds
// chunks hands them to a reader that takes them, so the pool cannot lock up.
type ahead struct {
	pool   chunkPool
	cancel context.CancelFunc
	chunks chan []byte // in order; closed at the end
	end    error       // why it ended; to be read after chunks is closed
	chunk  []byte      // the current one
	left   []byte      // of it
}

// fetch opens an object and reads ahead. fetched is called when the network is no longer needed, also after an error.
func (r *run) fetch(ctx context.Context, fetched func(), open func(context.Context) (io.ReadCloser, store.Info, error)) (io.ReadCloser, store.Info, error) {
	ctx, cancel := context.WithCancel(ctx)
	body, info, err := open(ctx)
	if err != nil {
		cancel()
		fetched()
		return nil, info, err
	}
	a := &ahead{pool: r.chunks, cancel: cancel, chunks: make(chan []byte, cap(r.chunks))}
	go func() {
		defer close(a.chunks)
		defer fetched()
		defer body.Close()
		a.end = a.readAll(ctx, body, r.Meter)
	}()
	return a, info, nil
}

// readAll reads to the end of body; the error is io.EOF there.
func (a *ahead) readAll(ctx context.Context, body io.Reader, m *report.Meter) error {
	for {
		chunk := a.pool.get(ctx)
		if chunk == nil {
			return context.Cause(ctx)
		}
		n, err := 0, error(nil)
		for n < len(chunk) && err == nil {
			var k int
			k, err = body.Read(chunk[n:])
			n += k
			m.Bytes.Add(int64(k))
		}
		a.chunks <- chunk[:n] // there is room for all chunks of the pool
		if err != nil {
			return err
		}
	}
}

func (a *ahead) Read(p []byte) (int, error) {
	for len(a.left) == 0 {
		a.release()
		var ok bool
		if a.chunk, ok = <-a.chunks; !ok {
			return 0, a.end
		}
		a.left = a.chunk
	}
	n := copy(p, a.left)
	a.left = a.left[n:]
	return n, nil
}

func (a *ahead) release() {
	if a.chunk != nil {
		a.pool.put(a.chunk)
		a.chunk, a.left = nil, nil
	}
}

// Close ends the transfer and waits for its goroutine.
func (a *ahead) Close() error {
	a.cancel()
	a.release()
	for c := range a.chunks {
		a.pool.put(c)
	}
	return nil
}

// slots bounds what is done at once: n transfers, and twice as many jobs, of which those whose bytes have all arrived
// need the network no more.
type slots struct{ transfers, jobs chan struct{} }

func newSlots(n int) slots {
	return slots{make(chan struct{}, n), make(chan struct{}, 2*n)}
}

// take waits for a place. The job calls fetched after its transfer and done at its end; done includes fetched.
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
