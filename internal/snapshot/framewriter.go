package snapshot

import (
	"crypto/sha256"
	"hash"
	"io"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/zstdframe"
)

// frameWriter encodes frames of one object. It belongs to a writer.
type frameWriter struct {
	dst    io.Writer
	raw    []byte // of the frame that is being filled; nil once released
	frames []Frame
	sum    hash.Hash // of the object; nil: nobody wants hashes
	size   int64     // bytes written to dst
}

func newFrameWriter(dst io.Writer) *frameWriter {
	return &frameWriter{dst: dst, sum: sha256.New(), raw: zstdframe.Buffer()}
}

// room is how many bytes the frame can still take.
func (w *frameWriter) room() int { return FrameSize - len(w.raw) }

// fill adds bytes to the frame until it is full, and returns how many.
func (w *frameWriter) fill(p []byte) int {
	n := min(w.room(), len(p))
	w.raw = append(w.raw, p[:n]...)
	return n
}

// cut ends the current frame, if it holds anything.
func (w *frameWriter) cut() error {
	if len(w.raw) == 0 {
		return nil
	}
	stored := encodeFrame(w.raw, zstdframe.Buffer())
	defer zstdframe.Release(stored)
	if err := prove(&proofs, stored, w.raw); err != nil {
		return err
	}
	if w.sum != nil {
		w.frames = append(w.frames, Frame{Size: int64(len(stored)), Raw: int64(len(w.raw)), Sum: sha256.Sum256(stored)})
		w.sum.Write(stored)
	}
	w.raw = w.raw[:0]
	w.size += int64(len(stored))
	_, err := w.dst.Write(stored)
	return err
}

// skippable writes what decoders pass over. The object must not need a hash.
func (w *frameWriter) skippable(frame []byte) error {
	w.size += int64(len(frame))
	_, err := w.dst.Write(frame)
	return err
}

// release gives the buffer back. Nothing can be written afterwards.
func (w *frameWriter) release() {
	if w.raw != nil {
		zstdframe.Release(w.raw)
		w.raw = nil
	}
}

// name is the SHA-256 of what was written.
func (w *frameWriter) name() (sum digest.ID) {
	w.sum.Sum(sum[:0])
	return sum
}
