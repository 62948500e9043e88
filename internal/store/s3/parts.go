package s3

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/org/gocache-action/internal/store"
)

// maxParts is how many parts S3 allows in one upload.
const maxParts = 10000

// partPool bounds how many uploads of a store run at once, and thereby its memory: Concurrency
// buffers of PartSize bytes.
type partPool struct {
	size   int64
	tokens chan struct{}
	free   chan []byte
}

func newPartPool(size int64, n int) *partPool {
	return &partPool{size: size, tokens: make(chan struct{}, n), free: make(chan []byte, n)}
}

// acquire waits for a token. Its holder may use one buffer and send one request.
func (p *partPool) acquire(ctx context.Context) error {
	select {
	case p.tokens <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *partPool) release() { <-p.tokens }

// buffer returns n bytes to the holder of a token. Buffers of the usual part size are reused.
func (p *partPool) buffer(n int64) []byte {
	if n != p.size {
		return make([]byte, n)
	}
	select {
	case b := <-p.free:
		return b
	default:
		return make([]byte, n)
	}
}

func (p *partPool) recycle(b []byte) {
	if int64(cap(b)) != p.size { // of a short last part, or of an unusually large one
		return
	}
	select {
	case p.free <- b[:p.size]:
	default:
	}
}

// part is a piece of a body that can be sent again. It holds a token until done is called. Its
// checksum is computed before it is sent and goes into a header: that works with servers that do
// not understand the SDK's trailing checksums, and makes the upload fail if the bytes change
// meanwhile.
type part struct {
	r    io.ReadSeeker
	size int64
	crc  uint32 // Castagnoli
	last bool
	done func()
}

// checksum returns the value of the header x-amz-checksum-crc32c.
func (p *part) checksum() *string {
	s := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, p.crc))
	return &s
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// splitter cuts a body into parts: views of a body that has random access, else copies.
type splitter struct {
	pool *partPool
	at   io.ReaderAt // nil: read in, by copy
	in   io.Reader
	pos  int64 // next byte
	end  int64 // -1: not known
	part int64 // bytes of all parts but the last
}

func newSplitter(pool *partPool, body io.Reader, size int64) (*splitter, error) {
	sp := &splitter{pool: pool, end: size, part: pool.size}
	view, ok, err := store.View(body, size)
	switch {
	case err != nil:
		return nil, err
	case ok:
		sp.at, sp.end = view, view.Size()
	default:
		sp.in = store.SizedBody(body, size)
	}
	// Larger parts for a body of more than maxParts of them: 80 GB with 8 MiB.
	if need := (sp.end + maxParts - 1) / maxParts; need > sp.part {
		sp.part = need
	}
	return sp, nil
}

// next waits for a token and returns the next part. The last part can be empty, if a stream ended
// exactly where the part before it did.
func (sp *splitter) next(ctx context.Context) (*part, error) {
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

func (sp *splitter) cut(ctx context.Context) (*part, error) {
	n := sp.part
	if sp.end >= 0 {
		n = min(n, sp.end-sp.pos)
	}
	if sp.at != nil {
		return sp.cutView(n)
	}
	return sp.cutCopy(ctx, n)
}

func (sp *splitter) cutView(n int64) (*part, error) {
	r := io.NewSectionReader(sp.at, sp.pos, n)
	sum := crc32.New(castagnoli)
	if _, err := io.Copy(sum, r); err != nil {
		return nil, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	sp.pos += n
	return &part{r: r, size: n, crc: sum.Sum32(), last: sp.pos == sp.end, done: sp.pool.release}, nil
}

func (sp *splitter) cutCopy(ctx context.Context, n int64) (*part, error) {
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
	done := func() { sp.pool.recycle(buf); sp.pool.release() }
	return &part{
		r: bytes.NewReader(buf[:got]), size: int64(got), crc: crc32.Checksum(buf[:got], castagnoli),
		last: last, done: done,
	}, nil
}

// expectEnd lets SizedBody find bytes after the announced size.
func (sp *splitter) expectEnd() error {
	var one [1]byte
	if _, err := sp.in.Read(one[:]); err != io.EOF {
		return err
	}
	return nil
}
