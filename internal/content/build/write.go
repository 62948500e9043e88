package build

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/snapshot"
)

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
	src := l.newChunkReader(lay.cuts.tags)
	defer src.close()
	done := packed{lay: lay, job: job}
	p := &lay.jobs[job]
	var spot snapshot.Spot
	var frames []int64
	for n, x := range p.pieces {
		if ctx.Err() != nil {
			return collect.Content{}, context.Cause(ctx)
		}
		sum, data, err := src.read(x, lay.cuts.table.entry(x.chunk))
		frame, off := spot.Place(len(data))
		frames = inFrame(frames, frame, int32(len(data)))
		if err != nil {
			lay.unfit.warn(x.index, note.Warn, "build cache output %s is not %s: %s", l.inv.Outputs[x.index].ID, saving(n >= p.proven), whyNotAgain(err))
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

// unfit knows of which outputs of a layout a warning said that they cannot be read again. Their
// chunks can lie in several packs. Safe for concurrent use.
type unfit struct {
	mu    sync.Mutex
	named map[int32]bool // by their index in the inventory
}

// warn gives a warning about an output, unless there was one.
func (u *unfit) warn(index int32, warn collect.Warn, format string, args ...any) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.named[index] {
		return
	}
	if u.named == nil {
		u.named = map[int32]bool{}
	}
	u.named[index] = true
	warn(format, args...)
}

// warnOthers tells of outputs that rest on what could not be read again. There can be many.
func (u *unfit) warnOthers(lost []int32, warn collect.Warn) {
	u.mu.Lock()
	defer u.mu.Unlock()
	more := len(slices.DeleteFunc(lost, func(index int32) bool { return u.named[index] }))
	if more > 0 {
		warn("not saved either: %s, which have parts in common with what could not be read again", quantity.Counted(more, "more build cache output"))
	}
}
