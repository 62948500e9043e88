package save

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// groupRaw is how many bytes of outputs go into one pack: about 11 MB compressed, so that
// packs are fetched in parallel and rewritten in small steps, and there are still few.
const groupRaw = 48 << 20

// memberBytes is what the header of a member compresses to, in bytes: its name does not. With
// outputs of a few bytes, it is most of a pack.
const memberBytes = 64

// overhead is the memory of one pack writer beside the pack: a frame and its compressed form.
const overhead = 2 * snapshot.FrameSize

// groupOutputs cuts the outputs to pack into packs. An output larger than
// groupRaw is a pack of its own, which is streamed.
func (r *run) groupOutputs(outputs []int32) (groups [][]int32) {
	var size int64
	first := 0
	for n, i := range outputs {
		o := &r.inv.Outputs[i]
		need := o.Size + memberBytes
		if n > first && size+need > groupRaw {
			groups = append(groups, outputs[first:n])
			first, size = n, 0
		}
		size += need
	}
	if first < len(outputs) {
		groups = append(groups, outputs[first:])
	}
	return groups
}

// rawSize sums the bytes of outputs.
func (r *run) rawSize(outputs []int32) (n int64) {
	for _, i := range outputs {
		n += r.inv.Outputs[i].Size
	}
	return n
}

// packSize is what a pack of outputs takes if none of it compresses.
func (r *run) packSize(outputs []int32) int64 {
	return r.rawSize(outputs) + int64(len(outputs)-1)*memberBytes
}

// built is a pack with its content listed.
type built struct {
	pack    snapshot.Pack
	outputs []int32  // indices into the inventory
	placed  []placed // of each of them; pack is not set yet
	// members counts what is neither an output nor of a tree; they can all be empty files.
	members int
	sum     string // of a tree
}

// savePack builds and uploads one pack. Small ones are built in memory, since
// their name is the hash of their bytes; a large one is built twice, first for its
// name and size alone, which is cheaper than a copy on disk.
func (r *run) savePack(ctx context.Context, outputs []int32) error {
	write := func(w *snapshot.Writer) (built, error) { return r.writeOutputs(w, outputs) }
	var b built
	err := r.untorn("a pack of build entries", func() (err error) {
		b, err = r.upload1(ctx, r.packSize(outputs), write)
		return err
	})
	if err != nil || len(b.placed) == 0 {
		return err
	}
	r.tally.add(func(*Result) {
		r.packs = append(r.packs, b.pack)
		for n, p := range b.placed {
			p.pack = int32(len(r.packs))
			r.placed[b.outputs[n]] = p
		}
	})
	return nil
}

// placed is where this save put an output. The zero value is nowhere.
type placed struct {
	pack       int32 // 1 + index into run.packs
	frame, off int32
}

// uploaded returns an output that this save packed, and its pack.
func (r *run) uploaded(id snapshot.ID) (o snapshot.Output, pack snapshot.Pack, ok bool) {
	if r.placed == nil {
		return o, pack, false
	}
	i, ok := r.localOutput(id)
	if !ok || r.placed[i].pack == 0 {
		return o, pack, false
	}
	here, p := &r.inv.Outputs[i], r.placed[i]
	return snapshot.Output{ID: id, Size: here.Size, Frame: int(p.frame), Off: int64(p.off), Exec: here.Exec}, r.packs[p.pack-1], true
}

// upload1 uploads one pack that write produces; it is called twice for a pack
// of more than groupRaw bytes, and must write the same both times.
func (r *run) upload1(ctx context.Context, raw int64, write func(*snapshot.Writer) (built, error)) (built, error) {
	need := raw + raw/64 + overhead // incompressible data grows a little
	if raw > groupRaw {
		need = 2 * overhead
	}
	need = min(need, r.Memory)
	done, err := r.startBuilding(ctx, need)
	if err != nil {
		return built{}, err
	}
	defer done()
	defer func() { r.memory.Release(need) }()
	if raw > groupRaw {
		return r.streamPack(ctx, write)
	}
	buf := objectBuffers.Get().(*objectBuffer)
	defer recycle(buf)
	b, err := r.build1(ctx, buf, write)
	done()
	if err != nil || b.pack.Size == 0 {
		return built{}, err
	}
	if size := int64(len(buf.data)); size < need {
		r.memory.Release(need - size)
		need = size
	}
	if err := r.put(ctx, b.pack.Object, bytes.NewReader(buf.data), b.pack.Size, store.Condition{}); err != nil {
		return built{}, err
	}
	return b, nil
}

// startBuilding waits until an object can be built, with need bytes of memory. done, which can be
// called more than once, lets the next one begin; the memory is the caller's to release.
func (r *run) startBuilding(ctx context.Context, need int64) (done func(), err error) {
	if err := r.building.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	if err := r.memory.Acquire(ctx, need); err != nil {
		r.building.Release(1)
		return nil, err
	}
	return sync.OnceFunc(func() { r.building.Release(1) }), nil
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

// streamPack returns the zero built beside an error: a pack that is not in the store is in no
// manifest.
func (r *run) streamPack(ctx context.Context, write func(*snapshot.Writer) (built, error)) (built, error) {
	b, err := r.build1(ctx, io.Discard, write)
	if err != nil || b.pack.Size == 0 {
		return b, err
	}
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	go func() {
		again, err := r.build1(ctx, pw, write)
		if err == nil && again.pack.Object != b.pack.Object {
			err = errTorn{fmt.Errorf("pack %s: its files changed while it was uploaded", b.pack.Object)}
		}
		pw.CloseWithError(err)
		done <- err
	}()
	err = r.put(ctx, b.pack.Object, pr, b.pack.Size, store.Condition{})
	// ends the goroutine if Put did not read to the end
	pr.CloseWithError(errors.Join(err, io.ErrClosedPipe))
	var torn errTorn
	if errors.As(<-done, &torn) { // stores do not pass on what a body said
		err = torn
	}
	if err != nil {
		return built{}, err
	}
	return b, nil
}

// build1 builds one pack into dst. It ends within a frame when ctx is cancelled.
func (r *run) build1(ctx context.Context, dst io.Writer, write func(*snapshot.Writer) (built, error)) (built, error) {
	w := snapshot.NewWriter(ctxWriter{ctx, dst})
	b, err := write(w)
	frames, err2 := w.Close()
	if err = errors.Join(err, err2); err != nil || b.pack.Raw == 0 && len(b.placed) == 0 && b.members == 0 {
		return built{}, err
	}
	b.pack.Frames, b.pack.Size = frames, w.Size()
	b.pack.Object = snapshot.PackObject(r.Repo, r.Scope, w.Sum())
	return b, nil
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
func (r *run) put(ctx context.Context, object string, body io.Reader, size int64, cond store.Condition) error {
	info, err := r.Store.Put(ctx, object, body, size, cond)
	if err != nil {
		return store.Named("object", object, err)
	}
	r.renewed(object)
	r.Meter.Bytes.Add(info.Size)
	r.tally.add(func(res *Result) { res.Objects = append(res.Objects, object) })
	return nil
}

// writeOutputs writes outputs whose bytes are what their name says. Others, and those that
// vanished meanwhile, are left out.
func (r *run) writeOutputs(w *snapshot.Writer, outputs []int32) (b built, err error) {
	buf := make([]byte, 0, 1<<20)
	b.outputs, b.placed = make([]int32, 0, len(outputs)), make([]placed, 0, len(outputs))
	for _, i := range outputs {
		o := r.inv.Outputs[i]
		loc, err := r.writeOutput(w, o, &buf)
		var unfit errUnfit
		if errors.As(err, &unfit) {
			r.tally.warn("build cache output %s is not saved: %v", o.ID, err)
			continue
		}
		if err != nil {
			return b, err
		}
		b.outputs = append(b.outputs, i)
		b.placed = append(b.placed, placed{frame: int32(loc.Frame), off: int32(loc.Off)})
		b.pack.Raw += o.Size
		r.Meter.Disk.Add(o.Size)
		r.Meter.Files.Add(1)
	}
	return b, nil
}

// errBadOutput: the go command would link such bytes without a word, so they must not spread.
var errBadOutput = errors.New("its content does not match its name")

// writeOutput checks an output before it writes it: nothing can be taken out of a pack again.
func (r *run) writeOutput(w *snapshot.Writer, o buildcache.Output, buf *[]byte) (snapshot.Location, error) {
	f, err := r.build.OpenOutput(o)
	if err != nil {
		return snapshot.Location{}, errUnfit{err}
	}
	defer f.Close()
	name := outputName(o)
	mode := fs.FileMode(0o644)
	if o.Exec != "" {
		mode = 0o755
	}
	m := snapshot.Member{Name: name, Mode: mode, Size: o.Size}
	if o.Size > snapshot.FrameSize {
		return r.writeLarge(w, m, o.ID, f)
	}
	if int64(cap(*buf)) < o.Size {
		*buf = make([]byte, o.Size)
	}
	data := (*buf)[:o.Size]
	if _, err := io.ReadFull(f, data); err != nil || sha256.Sum256(data) != o.ID {
		return snapshot.Location{}, errUnfit{errBadOutput}
	}
	return w.Add(m, bytes.NewReader(data))
}

// writeLarge reads a large output twice rather than hold it in memory.
func (r *run) writeLarge(w *snapshot.Writer, m snapshot.Member, id buildcache.ID, f io.ReadSeeker) (snapshot.Location, error) {
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return snapshot.Location{}, errUnfit{err}
	}
	if buildcache.ID(h.Sum(nil)) != id {
		return snapshot.Location{}, errUnfit{errBadOutput}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return snapshot.Location{}, errUnfit{err}
	}
	return addRead(w, m, f)
}

// outputName is the path of an output in GOCACHE, so that a pack unpacks to a cache with standard
// tools too.
func outputName(o buildcache.Output) string {
	id := o.ID.String()
	name := id[:2] + "/" + id + "-d"
	if o.Exec != "" {
		name += "/" + o.Exec
	}
	return name
}
