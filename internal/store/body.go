package store

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// ErrBodySize: the body of a Put is longer or shorter than its announced size.
var ErrBodySize = errors.New("body differs from its announced size")

// SizedBody returns a reader of body that fails with ErrBodySize, instead of
// io.EOF, unless body holds exactly size bytes. With a negative size it returns body.
func SizedBody(body io.Reader, size int64) io.Reader {
	if size < 0 {
		return body
	}
	return &sizedBody{r: body, size: size}
}

type sizedBody struct {
	r         io.Reader
	size, got int64
}

func (b *sizedBody) Read(p []byte) (int, error) {
	left := b.size - b.got
	// The caller may see io.EOF only after the body itself has ended here.
	if left == 0 {
		return 0, b.probe()
	}
	if int64(len(p)) > left {
		p = p[:left]
	}
	n, err := b.r.Read(p)
	b.got += int64(n)
	if err == io.EOF && b.got < b.size {
		return n, fmt.Errorf("%w: %d bytes instead of %d", ErrBodySize, b.got, b.size)
	}
	// the next Read probes, so it does not matter whether EOF comes with the bytes
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// probe looks for a byte after the end. A Reader may return no byte and no error, but not for ever.
func (b *sizedBody) probe() error {
	var one [1]byte
	for range 100 {
		n, err := b.r.Read(one[:])
		if n > 0 {
			return fmt.Errorf("%w: more than %d bytes", ErrBodySize, b.size)
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// View returns the rest of a body that has random access, such as a *bytes.Reader or a file, so
// that it need not be copied, and moves the body to its end, as reading would. ok is false for
// other bodies. It returns ErrBodySize unless there are just size bytes; a negative size says
// nothing.
func View(body io.Reader, size int64) (view *io.SectionReader, ok bool, err error) {
	at, ok := body.(interface {
		io.ReaderAt
		io.Seeker
	})
	if !ok {
		return nil, false, nil
	}
	pos, err := at.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, false, nil // a pipe is an *os.File, too
	}
	end, err := at.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, false, err
	}
	if got := end - pos; size >= 0 && got != size {
		return nil, false, fmt.Errorf("%w: %d bytes instead of %d", ErrBodySize, got, size)
	}
	return io.NewSectionReader(at, pos, end-pos), true, nil
}

// Fill reads until buf is full or r ends. It does not use io.ReadFull, which does not distinguish a
// body that ends from one that fails with io.ErrUnexpectedEOF.
func Fill(ctx context.Context, r io.Reader, buf []byte) (n int, eof bool, err error) {
	for n < len(buf) {
		if ctx.Err() != nil {
			return n, false, Ended(ctx)
		}
		m, err := r.Read(buf[n:])
		n += m
		if err == io.EOF {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}
