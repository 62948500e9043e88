package save

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// overhead is the memory of one pack writer beside the pack: a frame and, while it encodes one, its
// compressed form. Both buffers have room for the largest.
const overhead = 2 * snapshot.MaxFrameStored

// uploader makes objects and uploads them. Safe for concurrent use: its workers share the two
// semaphores, the counter, and what a job shares.
type uploader struct {
	job
	stock    *collect.Stock
	budget   int64               // the size of memory
	memory   *semaphore.Weighted // bytes of objects that are built or uploaded
	building *semaphore.Weighted // objects that are being built: see builders
	// modules that are compared with others, and hold nothing else while they wait for this
	comparing *semaphore.Weighted
	denied    atomic.Int64   // modules that the store refused
	skips     *collect.Skips // modules that are not fit to be stored

	conditions conditions
}

func newUploader(j job, stock *collect.Stock, memory int64) *uploader {
	return &uploader{
		job: j, stock: stock, budget: memory, memory: semaphore.NewWeighted(memory), building: semaphore.NewWeighted(builders()),
		comparing: semaphore.NewWeighted(2 * builders()), skips: collect.NewSkips("module cache", j.ModDir), conditions: newConditions(),
	}
}

// builders is how many objects are built at once. More would only share the cores, and what was
// begun first, which is the largest, would be what all wait for at the end.
func builders() int64 { return int64(max(runtime.GOMAXPROCS(0), 2)) }

// upload does all jobs, several at once, the largest first: they would otherwise be what everyone
// waits for at the end. The outcomes, in no order, are also those that an error leaves behind.
func (u *uploader) upload(ctx context.Context, jobs []collect.Job) ([]collect.Outcome, error) {
	u.Meter.SetPhase("upload")
	jobs = slices.Clone(jobs)
	slices.SortStableFunc(jobs, func(x, y collect.Job) int { return cmp.Compare(y.Bytes, x.Bytes) })
	for _, j := range jobs {
		u.Meter.DiskTotal.Add(j.Bytes)
		u.Meter.FilesTotal.Add(int64(j.Files))
	}
	done := make([]collect.Outcome, len(jobs)) // each worker has one of them
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(u.Concurrency)
	for i, j := range jobs {
		g.Go(func() (err error) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if j.Object != "" {
				done[i], err = u.module(ctx, j)
			} else {
				done[i], err = u.pack(ctx, j)
			}
			return err
		})
	}
	defer u.warnDenied()
	defer u.skips.Warn(u.log.warn)
	return done, g.Wait()
}

// tornTries bounds how often a pack is built whose files change all the time.
const tornTries = 3

// pack builds and uploads one pack. It is built anew while files of it are torn, that is, could not
// be read again. If that never ends, the pack is left out: the rest of the save does not depend on
// it.
func (u *uploader) pack(ctx context.Context, j collect.Job) (collect.Outcome, error) {
	var torn *collect.TornError
	for range tornTries {
		out, err := u.object(ctx, j, store.Condition{})
		if !errors.As(err, &torn) {
			return out, err
		}
	}
	u.log.warn("%s is not saved: %v", j.What, torn)
	return collect.Outcome{}, nil
}

// object builds and uploads one object. Small ones are built in memory; others are streamed. It
// returns no outcome beside an error, or if nothing of a pack could be read.
func (u *uploader) object(ctx context.Context, j collect.Job, cond store.Condition) (collect.Outcome, error) {
	large := j.Size > collect.GroupBytes
	need := j.Size + j.Size/64 + overhead // incompressible data grows a little
	if large {
		need = 2 * overhead
	}
	need = min(need, u.budget)
	done, err := u.startBuilding(ctx, need)
	if err != nil {
		return collect.Outcome{}, err
	}
	defer done()
	defer func() { u.memory.Release(need) }()
	if large {
		return u.stream(ctx, j, cond)
	}
	buf := objectBuffers.Get().(*objectBuffer)
	defer recycle(buf)
	out, err := u.build(ctx, buf, j, true)
	done()
	if err != nil || out.Object == "" {
		return collect.Outcome{}, err
	}
	if out.Size < need {
		u.memory.Release(need - out.Size)
		need = out.Size
	}
	if err := u.put(ctx, out.Object, bytes.NewReader(buf.data), out.Size, cond); err != nil {
		return collect.Outcome{}, err
	}
	return out, nil
}

// startBuilding waits until an object can be built, with need bytes of memory. done, which can be
// called more than once, lets the next one begin; the memory is the caller's to release.
func (u *uploader) startBuilding(ctx context.Context, need int64) (done func(), err error) {
	if err := u.building.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	if err := u.memory.Acquire(ctx, need); err != nil {
		u.building.Release(1)
		return nil, err
	}
	return sync.OnceFunc(func() { u.building.Release(1) }), nil
}

// objectBuffers hold objects that are built in memory; what Options.Memory allows for them bounds
// their number. Fresh ones cost more time, for growing and for the zeroing of their pages, than a
// module takes to compress.
var objectBuffers = sync.Pool{New: func() any { return new(objectBuffer) }}

// objectBuffer grows by a quarter, where a bytes.Buffer doubles: an object that does not compress
// would take a hundred megabytes.
type objectBuffer struct{ data []byte }

func (b *objectBuffer) Write(p []byte) (int, error) {
	b.data = append(b.data, p...)
	return len(p), nil
}

func recycle(b *objectBuffer) {
	b.data = b.data[:0]
	objectBuffers.Put(b)
}

// build builds one object into dst. It ends within a frame when ctx is cancelled. Files count as
// read if counted says so, and only in the end if it was whole.
func (u *uploader) build(ctx context.Context, dst io.Writer, j collect.Job, counted bool) (out collect.Outcome, err error) {
	read := progress{meter: u.Meter}
	note := collect.Note{Wrote: func(int64) {}, Read: func(int64) {}, Warn: u.log.warn}
	if counted {
		note.Wrote, note.Read = read.file, read.part
		defer func() {
			if err != nil {
				read.undo()
			}
		}()
	}
	if j.Chunks != nil {
		return u.buildChunks(ctx, dst, j, note)
	}
	w := newWriter(ctxWriter{ctx, dst}, j)
	out.Content, err = j.Write(ctx, w, note)
	frames, closeErr := w.Close()
	if err = cmp.Or(err, closeErr); err != nil {
		return collect.Outcome{}, err
	}
	out.Object, out.Size, out.Uploaded = j.Object, w.Size(), true
	if j.Object == "" {
		if out.Members == 0 {
			return collect.Outcome{}, nil
		}
		out.Object = snapshot.PackObject(u.Repo, u.Scope, w.Sum())
		out.Pack = snapshot.Pack{Object: out.Object, Size: out.Size, Raw: out.Raw, Frames: frames}
	}
	return out, nil
}

func newWriter(dst io.Writer, j collect.Job) *snapshot.Writer {
	switch {
	case j.Head != nil:
		return snapshot.NewDeltaWriter(dst, *j.Head)
	case j.Object != "":
		return snapshot.NewModuleWriter(dst)
	}
	return snapshot.NewWriter(dst)
}

// buildChunks builds a pack of chunks into dst.
func (u *uploader) buildChunks(ctx context.Context, dst io.Writer, j collect.Job, note collect.Note) (out collect.Outcome, err error) {
	w := snapshot.NewChunkWriter(ctxWriter{ctx, dst})
	out.Content, err = j.Chunks(ctx, w, note)
	pack, closeErr := w.Close()
	if err = cmp.Or(err, closeErr); err != nil {
		return collect.Outcome{}, err
	}
	if out.Members == 0 {
		return collect.Outcome{}, nil
	}
	pack.Object = snapshot.PackObject(u.Repo, u.Scope, w.Sum())
	out.Pack, out.Object, out.Size, out.Uploaded = pack, pack.Object, pack.Size, true
	return out, nil
}

// ctxWriter makes what compresses for seconds stop when ctx is cancelled.
type ctxWriter struct {
	ctx context.Context
	w   io.Writer
}

func (c ctxWriter) Write(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.w.Write(p)
}

// put uploads one object and counts it.
func (j job) put(ctx context.Context, object string, body io.Reader, size int64, cond store.Condition) error {
	info, err := j.Store.Put(ctx, object, body, size, cond)
	return j.wrote(object, info, err)
}

// wrote counts an object that was uploaded, unless err says that it was not.
func (j job) wrote(object string, info store.Info, err error) error {
	if err != nil {
		return store.Named("object", object, err)
	}
	j.notes.renewed(object)
	kind, _ := snapshot.KindOf(object)
	j.Meter.Transfer(string(kind), info.Size)
	j.log.wrote(object)
	return nil
}
