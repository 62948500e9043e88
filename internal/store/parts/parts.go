// Package parts cuts the body of a Put into parts that can be sent again, within memory that all
// Puts of a store share.
package parts

import (
	"bytes"
	"context"
	"errors"
	"hash"
	"io"
	"sync"

	"github.com/org/gocache-action/internal/store"
)

// Pool bounds how many uploads of a store run at once, and thereby its memory: as many buffers of
// Size bytes. All methods are safe for concurrent use.
type Pool struct {
	Size   int64 // of a part
	tokens chan struct{}
	free   chan []byte
}

// NewPool returns a pool for n parts of size bytes at once.
func NewPool(size int64, n int) *Pool {
	return &Pool{Size: size, tokens: make(chan struct{}, n), free: make(chan []byte, n)}
}

// acquire waits for a token. Its holder may use one buffer and send one request.
func (p *Pool) acquire(ctx context.Context) error {
	select {
	case p.tokens <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Pool) release() { <-p.tokens }

// buffer returns n bytes to the holder of a token. Buffers of the usual part size are reused.
func (p *Pool) buffer(n int64) []byte {
	if n != p.Size {
		return make([]byte, n)
	}
	select {
	case b := <-p.free:
		return b
	default:
		return make([]byte, n)
	}
}

func (p *Pool) recycle(b []byte) {
	if int64(cap(b)) != p.Size { // of a short last part, or of an unusually large one
		return
	}
	select {
	case p.free <- b[:p.Size]:
	default:
	}
}

// Part is a piece of a body that can be sent again. Whoever has one calls Done when it is not used
// any more. Its checksum is computed before it is sent, so that the upload fails if the bytes
// change meanwhile.
type Part struct {
	Body io.ReadSeeker // reads fail after Done
	Size int64
	Sum  []byte // of Body, by the hash of the splitter
	Last bool
	Done func()
}

// errDone is what a reader gets that goes on after the part is done, as net/http can after it has
// returned an error: its buffer may be that of another part by then.
var errDone = errors.New("the part is not sent any more")

// lent is a body that can be taken back.
type lent struct {
	mu   sync.Mutex
	r    io.ReadSeeker
	over bool
}

func (l *lent) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return 0, errDone
	}
	return l.r.Read(p)
}

func (l *lent) Seek(offset int64, whence int) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Seek(offset, whence)
}

// end waits for a Read that is under way, and refuses others.
func (l *lent) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

// Splitter cuts a body into parts: views of a body that has random access, else copies. It is for
// one goroutine.
type Splitter struct {
	pool *Pool
	sum  func() hash.Hash
	at   io.ReaderAt // nil: read in, by copy
	in   io.Reader
	pos  int64 // next byte
	end  int64 // -1: not known
	part int64 // bytes of all parts but the last
}

// Options say what the parts of a store are like.
type Options struct {
	Sum func() hash.Hash // of each part
	Max int64            // parts of one body; those of large bodies are larger
}

// NewSplitter returns what cuts a body of size bytes, or -1, as the contract of Store.Put has it.
func NewSplitter(pool *Pool, body io.Reader, size int64, o Options) (*Splitter, error) {
	sp := &Splitter{pool: pool, sum: o.Sum, end: size, part: pool.Size}
	view, ok, err := store.View(body, size)
	switch {
	case err != nil:
		return nil, err
	case ok:
		sp.at, sp.end = view, view.Size()
	default:
		sp.in = store.SizedBody(body, size)
	}
	// S3 allows 10,000 parts, which are 80 GB with 8 MiB.
	if need := (sp.end + o.Max - 1) / o.Max; need > sp.part {
		sp.part = need
	}
	return sp, nil
}

// PartSize is how many bytes all parts but the last have.
func (sp *Splitter) PartSize() int64 { return sp.part }

// Next waits until there is memory, and returns the next part. The last part can be empty, if a
// stream ended exactly where the part before it did.
func (sp *Splitter) Next(ctx context.Context) (*Part, error) {
	if err := sp.pool.acquire(ctx); err != nil {
		return nil, err
	}
	p, err := sp.cut(ctx)
	if err != nil {
		sp.pool.release()
		return nil, err
	}
	return p, nil
}

func (sp *Splitter) cut(ctx context.Context) (*Part, error) {
	n := sp.part
	if sp.end >= 0 {
		n = min(n, sp.end-sp.pos)
	}
	if sp.at != nil {
		return sp.cutView(n)
	}
	return sp.cutCopy(ctx, n)
}

func (sp *Splitter) cutView(n int64) (*Part, error) {
	r := io.NewSectionReader(sp.at, sp.pos, n)
	sum := sp.sum()
	if _, err := io.Copy(sum, r); err != nil {
		return nil, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	sp.pos += n
	body := &lent{r: r}
	done := func() { body.end(); sp.pool.release() }
	return &Part{Body: body, Size: n, Sum: sum.Sum(nil), Last: sp.pos == sp.end, Done: done}, nil
}

func (sp *Splitter) cutCopy(ctx context.Context, n int64) (*Part, error) {
	buf := sp.pool.buffer(n)
	got, last, err := store.Fill(ctx, sp.in, buf)
	sp.pos += int64(got)
	if err == nil && sp.pos == sp.end {
		last, err = true, sp.expectEnd()
	}
	if err != nil {
		sp.pool.recycle(buf)
		return nil, err
	}
	body := &lent{r: bytes.NewReader(buf[:got])}
	done := func() { body.end(); sp.pool.recycle(buf); sp.pool.release() }
	sum := sp.sum()
	sum.Write(buf[:got])
	return &Part{Body: body, Size: int64(got), Sum: sum.Sum(nil), Last: last, Done: done}, nil
}

// expectEnd lets SizedBody find bytes after the announced size.
func (sp *Splitter) expectEnd() error {
	var one [1]byte
	if _, err := sp.in.Read(one[:]); err != io.EOF {
		return err
	}
	return nil
}
