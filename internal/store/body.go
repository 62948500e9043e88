package store

import (
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
	if err == io.EOF { // the next Read probes, so it does not matter whether EOF comes with the bytes
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
