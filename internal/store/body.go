package store

import (
	"errors"
	"fmt"
	"io"
)

// ErrBodySize: the body of a Put is longer or shorter than the size it was announced with.
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
	// The end must be seen to be the end before the caller may believe in it.
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
	if err == io.EOF { // probed by the next Read, so that both ways to say EOF end the same
		err = nil
	}
	return n, err
}

// probe looks for a byte after the end. Readers may return nothing and no error, but not
// for ever.
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
