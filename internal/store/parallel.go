package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// OpenParallel reads like Open, but in ranges of partSize bytes, of which up to ahead are in flight
// at once, and delivers them in order. The first range is streamed, so an object of at most
// partSize bytes costs one request and no buffer.
//
// Later ranges are buffered, in at most (ahead-1)*partSize bytes of memory. All ranges are of one
// version; if the object is replaced meanwhile, reads fail with ErrConflict. Close cancels the
// requests in flight and waits for their end. As with Open, an object that ends early makes reads
// fail with io.ErrUnexpectedEOF.
func OpenParallel(ctx context.Context, s Store, name string, off, length, partSize int64, ahead int) (io.ReadCloser, Info, error) {
	if partSize < 1 || ahead < 1 {
		return nil, Info{}, fmt.Errorf("read %s: part size %d and %d ranges ahead must be positive", name, partSize, ahead)
	}
	ctx, cancel := context.WithCancel(ctx)
	ask := partSize
	if length >= 0 {
		ask = min(ask, length)
	}
	first, info, err := s.Open(ctx, name, off, ask)
	if err != nil {
		cancel()
		return nil, Info{}, err
	}
	end, err := End(off, length, info.Size)
	if err != nil {
		cancel()
		return nil, Info{}, errors.Join(err, first.Close())
	}
	stop, _ := End(off, ask, info.Size)
	p := &parallel{
		ctx: ctx, cancel: cancel, s: s, name: name, info: info, partSize: partSize,
		first: first, pos: off, firstEnd: min(stop, end, info.Size), end: min(end, info.Size),
		short: end > info.Size || off > info.Size,
	}
	p.next = p.firstEnd
	for range ahead - 1 {
		p.start()
	}
	return p, info, nil
}

// parallel implements OpenParallel. A goroutine that fetches a range owns its buffer until it has
// sent it, and changes nothing else.
type parallel struct {
	mu sync.Mutex // held by Read; Close cancels ctx first, then takes it

	ctx      context.Context
	cancel   context.CancelFunc
	s        Store
	name     string
	info     Info
	partSize int64

	first              io.ReadCloser // streams [off, firstEnd); nil once it is read
	pos, firstEnd, end int64
	short              bool  // the object ends before the range
	next               int64 // offset of the next range to ask for

	queue   []chan fetched // ranges in flight, in order
	current []byte         // the rest of the range being delivered
	buf     []byte         // the whole buffer of that range
	err     error
	wg      sync.WaitGroup
}

type fetched struct {
	buf []byte
	err error
}

// start asks for the next range, if there is one.
func (p *parallel) start() {
	if p.next >= p.end {
		return
	}
	off, n := p.next, min(p.partSize, p.end-p.next)
	p.next += n
	buf := p.buffer(n)
	ch := make(chan fetched, 1) // buffered, so that the goroutine ends even if nobody receives
	p.queue = append(p.queue, ch)
	p.wg.Go(func() { ch <- fetched{buf, p.fetch(off, buf)} })
}

// buffers are shared by all readers. Zeroing the pages of fresh ones takes longer than a fast
// network takes to fill them. The garbage collector empties the pool.
var buffers sync.Pool

// buffer returns n bytes. A reader never has more than ahead-1 buffers, because start is called
// ahead-1 times at the beginning, and then only when a range has been delivered.
func (p *parallel) buffer(n int64) []byte {
	if b, ok := buffers.Get().(*[]byte); ok && int64(cap(*b)) >= n {
		return (*b)[:n]
	}
	return make([]byte, n, min(p.partSize, p.end))
}

func recycle(b []byte) {
	if b != nil {
		buffers.Put(&b)
	}
}

// fetch fills buf. It compares versions itself, since Open takes no condition: ranges of two
// versions must never be joined.
func (p *parallel) fetch(off int64, buf []byte) error {
	r, info, err := p.s.Open(p.ctx, p.name, off, int64(len(buf)))
	if err != nil {
		return err
	}
	defer r.Close()
	if !info.Same(p.info) {
		return fmt.Errorf("read %s at byte %d: %w", p.name, off, ErrConflict)
	}
	_, err = io.ReadFull(r, buf)
	return err
}

func (p *parallel) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return 0, p.err
	}
	if len(b) == 0 {
		return 0, nil
	}
	if p.first != nil {
		n, err := p.readFirst(b)
		if p.err = err; err != nil || p.first != nil {
			return n, err
		}
	}
	if len(p.current) == 0 {
		if p.err = p.advance(); p.err != nil {
			return 0, p.err
		}
	}
	n := copy(b, p.current)
	p.current = p.current[n:]
	return n, nil
}

// readFirst streams the first range, so that its bytes can be used as they arrive; most objects
// have only this range. At its end, readFirst starts fetching another range.
func (p *parallel) readFirst(b []byte) (int, error) {
	if left := p.firstEnd - p.pos; left > 0 {
		n, err := p.first.Read(b[:min(int64(len(b)), left)])
		p.pos += int64(n)
		if err == io.EOF && p.pos < p.firstEnd {
			err = io.ErrUnexpectedEOF
		}
		if err == io.EOF {
			err = nil
		}
		return n, err
	}
	err := p.first.Close()
	p.first = nil
	p.start()
	return 0, err
}

// advance waits for the next range, and starts fetching another one.
func (p *parallel) advance() error {
	if p.buf != nil {
		recycle(p.buf)
		p.buf = nil
		p.start()
	}
	if len(p.queue) == 0 {
		if p.short {
			return io.ErrUnexpectedEOF
		}
		return io.EOF
	}
	select {
	case f := <-p.queue[0]:
		p.queue = p.queue[1:]
		p.buf, p.current = f.buf, f.buf
		return f.err
	case <-p.ctx.Done():
		return fmt.Errorf("read %s: %w", p.name, p.ctx.Err())
	}
}

// Close cancels the requests in flight and waits for their end.
func (p *parallel) Close() error {
	p.cancel() // first, for it ends the Read that holds the lock
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	if p.first != nil {
		err = p.first.Close()
		p.first = nil
	}
	p.wg.Wait()
	if p.err == nil {
		p.err = fmt.Errorf("read %s: %w", p.name, errClosed)
	}
	for _, ch := range p.queue { // each goroutine has ended and sent its buffer
		recycle((<-ch).buf)
	}
	recycle(p.buf)
	p.queue, p.current, p.buf = nil, nil, nil
	return err
}

var errClosed = errors.New("closed")
