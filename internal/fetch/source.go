package fetch

import (
	"context"
	"io"

	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
)

// Source reads the stored frames of an object before they are needed. It is a snapshot.Source, to
// be used by one goroutine. Another one, started by Open, fills it: it owns end until it closes
// frames.
type Source struct {
	memory *Memory
	cancel context.CancelFunc
	frames chan []byte // in order; closed at the end
	end    error       // why there are no more frames; valid once frames is closed
	frame  []byte      // the current frame
}

// readFrames reads frames of known sizes; the error is io.EOF after the last.
func (s *Source) readFrames(ctx context.Context, src io.Reader, frames []snapshot.Frame) error {
	for _, f := range frames {
		frame, err := s.memory.get(ctx, int(f.Size))
		if err != nil {
			return err
		}
		if _, err := io.ReadFull(src, frame); err != nil {
			s.memory.put(frame)
			return err
		}
		s.frames <- frame // never blocks: there is room for all frames that can be lent
	}
	return io.EOF
}

// readAll reads frames to the end of an object of size bytes; the error is io.EOF there.
func (s *Source) readAll(ctx context.Context, src io.Reader, size int64, next readFunc) error {
	for {
		frame, err := next(src, func(n int) ([]byte, error) {
			if int64(n) > size { // a header alone gets no memory
				return nil, io.ErrUnexpectedEOF
			}
			return s.memory.get(ctx, n)
		})
		if err != nil {
			if frame != nil {
				s.memory.put(frame)
			}
			return err
		}
		s.frames <- frame
	}
}

// NextFrame waits for the next frame.
func (s *Source) NextFrame() ([]byte, error) {
	s.Release()
	frame, ok := <-s.frames
	if !ok {
		return nil, s.end
	}
	s.frame = frame
	return frame, nil
}

// Release returns the memory of the current frame.
func (s *Source) Release() {
	if s.frame != nil {
		s.memory.put(s.frame)
		s.frame = nil
	}
}

// Close ends the transfer and waits for its goroutine.
func (s *Source) Close() error {
	s.cancel()
	s.Release()
	for f := range s.frames {
		s.memory.put(f)
	}
	return nil
}

// metered counts what is read from an object.
type metered struct {
	r     io.Reader
	meter *report.Meter
	kind  string // of object
}

// Read reads in pieces that are small enough for the progress display to move.
func (m metered) Read(p []byte) (int, error) {
	n, err := m.r.Read(p[:min(len(p), 256<<10)])
	m.meter.Transfer(m.kind, int64(n))
	return n, err
}
