package contenttest

import (
	"io"
	"slices"

	"github.com/org/gocache-action/internal/snapshot"
)

// Stream returns a Source that reads r as frames are asked for, all into the same memory.
func Stream(r io.Reader) snapshot.Source { return &stream{r: r} }

type stream struct {
	r   io.Reader
	buf []byte
}

func (s *stream) NextFrame() ([]byte, error) {
	return snapshot.ReadFrame(s.r, func(n int) ([]byte, error) {
		s.buf = slices.Grow(s.buf[:0], n)
		return s.buf[:n], nil
	})
}

func (s *stream) Release() {}
