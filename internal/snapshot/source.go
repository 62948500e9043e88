package snapshot

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// Source gives the stored frames of an object in their order. It is not safe for concurrent use.
type Source interface {
	// NextFrame returns a stored frame, which is good until another call; io.EOF after the last
	// one, and io.ErrUnexpectedEOF in the middle of one. What is no frame is ErrCorrupt.
	NextFrame() ([]byte, error)
	// Release tells that the frame is not needed any more. It may be called at any time.
	Release()
}

// StreamModule returns a Source that reads a module object, or what follows the beginning of a
// delta, as frames are asked for, all into the same memory.
func StreamModule(r io.Reader) Source { return &stream{r: r} }

type stream struct {
	r   io.Reader
	buf []byte
}

func (s *stream) NextFrame() ([]byte, error) {
	return ReadModuleFrame(s.r, func(n int) ([]byte, error) {
		s.buf = slices.Grow(s.buf[:0], n)
		return s.buf[:n], nil
	})
}

func (s *stream) Release() {}

// ReadFrame reads the next stored frame from r into what room returns, which has n bytes. It
// returns io.EOF at the end of r, io.ErrUnexpectedEOF in the middle of a frame, ErrCorrupt for
// bytes that are no frame, and an error of room as it is. It does not decode. n is what a header
// claims, and not more than MaxFrameStored.
func ReadFrame(r io.Reader, room func(n int) ([]byte, error)) ([]byte, error) {
	return readFrame(r, room, false)
}

// ReadModuleFrame is ReadFrame for a module object, which can end with a list of its files: it
// passes over that and returns io.EOF.
func ReadModuleFrame(r io.Reader, room func(n int) ([]byte, error)) ([]byte, error) {
	return readFrame(r, room, true)
}

func readFrame(r io.Reader, room func(n int) ([]byte, error), module bool) ([]byte, error) {
	var h [frameHeaderSize]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return nil, err
	}
	if module && binary.LittleEndian.Uint32(h[:]) == listMagic {
		return nil, skipFileList(r, h)
	}
	n, ok := storedSize(h[:])
	if !ok {
		return nil, fmt.Errorf("%w: no frame header", ErrCorrupt)
	}
	buf, err := room(int(n))
	if err != nil {
		return nil, err
	}
	_, err = io.ReadFull(r, buf[copy(buf, h[:]):])
	return buf, noEOF(err)
}
