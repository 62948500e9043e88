package build

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/org/gocache-action/internal/chunk"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/snapshot"
)

// size sums the bytes of outputs.
func (l Local) size(outputs []int32) (n int64) {
	for _, i := range outputs {
		n += l.inv.Outputs[i].Size
	}
	return n
}

// jobs are the packs of a layout that are to be made.
func (l Local) jobs(lay *layout) (jobs []collect.Job) {
	for n := range lay.jobs {
		p := &lay.jobs[n]
		jobs = append(jobs, collect.Job{
			What: "a pack of build outputs", Bytes: p.raw, Size: p.memory(),
			Chunks: func(ctx context.Context, w *snapshot.ChunkWriter, note collect.Note) (collect.Content, error) {
				return l.writeChunks(ctx, w, lay, n, note)
			},
		})
	}
	return jobs
}

// packed says that a pack of a layout was made.
type packed struct {
	lay  *layout
	job  int
	lost []snapshot.Extent // chunks that could not be read again; Pack is not set
}

// errOtherPlaces: the outputs would be put together from other bytes.
var errOtherPlaces = errors.New("its chunks do not lie where they were planned")

// writeChunks writes the chunks of a pack. All other places in it are decided. So in the place of a
// chunk that was there a moment ago and cannot be read again, there are some other bytes, and the
// outputs that have it are not saved, or not moved. A pack of nothing else has no members.
func (l Local) writeChunks(ctx context.Context, w *snapshot.ChunkWriter, lay *layout, job int, note collect.Note) (collect.Content, error) {
	src := source{local: l, tags: lay.cuts.tags, index: -1}
	defer src.close()
	done := packed{lay: lay, job: job}
	p := &lay.jobs[job]
	var spot snapshot.Spot
	var frames []int64
	warned := int32(-1) // the last output that was warned of
	for n, x := range p.pieces {
		if ctx.Err() != nil {
			return collect.Content{}, context.Cause(ctx)
		}
		e := lay.cuts.table.entry(x.chunk)
		sum, data, err := src.read(x, e)
		frame, off := spot.Place(len(data))
		frames = inFrame(frames, frame, int32(len(data)))
		if err != nil {
			if x.index != warned { // its other chunks are lost as well
				note.Warn("build cache output %s is not %s: it changed meanwhile: %v", l.inv.Outputs[x.index].ID, saving(n >= p.proven), err)
			}
			warned = x.index
			done.lost = append(done.lost, snapshot.Extent{Frame: frame, Off: off, Len: int32(len(data))})
		}
		if err := w.Add(sum, data); err != nil {
			return collect.Content{}, err
		}
		note.Read(int64(len(data)))
	}
	if !slices.Equal(frames, p.frames) {
		return collect.Content{}, &collect.TornError{Err: errOtherPlaces}
	}
	return collect.Content{Members: len(p.pieces) - len(done.lost), Raw: p.raw, Of: done}, nil
}

// source reads chunks of outputs. It belongs to one goroutine.
type source struct {
	local Local
	tags  *tags // nil: there are none
	tag   tag   // of the chunk that is read
	index int32 // of the open output; -1: none
	f     *os.File
	err   error // of opening it
	buf   [chunk.Max]byte
}

// read reads a chunk and proves it. Beside an error it returns some bytes of the same length, and
// their hash.
func (s *source) read(x freshChunk, e *chunkEntry) (sum snapshot.ChunkSum, data []byte, err error) {
	data = s.buf[:e.at.size()]
	if x.index != s.index {
		s.close()
		s.index = x.index
		s.f, s.err = s.local.cache.OpenOutput(s.local.inv.Outputs[x.index])
	}
	if err = s.err; err == nil {
		_, err = s.f.ReadAt(data, x.off)
	}
	if err != nil {
		clear(data)
	} else if s.isTagged(x.chunk, data) {
		return e.sum, data, nil
	}
	sum = snapshot.ChunkSumOf(sha256.Sum256(data))
	if err == nil && sum != e.sum {
		err = fmt.Errorf("chunk at %d: %w", x.off, errBadOutput)
	}
	return sum, data, err
}

// isTagged reports whether the tag of a chunk is known and shows that these are its bytes.
func (s *source) isTagged(chunk int32, data []byte) bool {
	want, ok := s.tags.of(chunk)
	if !ok {
		return false
	}
	s.tags.sum(&s.tag, data)
	return s.tag == want
}

func (s *source) close() {
	if s.f != nil {
		s.f.Close()
		s.f = nil
	}
}
