package restore

import (
	"context"
	"fmt"
	"io"
	"sort"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// packJob is one ranged read: neighbouring frames of a pack, and the outputs that begin in them.
type packJob struct {
	pack       int
	first, end int // frames
	outputs    []int
	bytes      int64 // stored
	raw        int64 // of the outputs
}

// maxGap is how many stored bytes of unwanted frames are read along to save a request.
const maxGap = 1 << 20

// actionIndex finds the actions of an output: those of output i are
// list[start[i]:start[i+1]].
type actionIndex struct {
	start []int32
	list  []int32
}

func (a actionIndex) of(output int) []int32 { return a.list[a.start[output]:a.start[output+1]] }

// planBuild decides which outputs and actions of the manifest are not here yet.
func (r *run) planBuild(ctx context.Context) error {
	m := r.manifest()
	inv, err := r.scanBuild(ctx)
	if err != nil {
		return fmt.Errorf("build cache: %w", err)
	}
	if err := r.findWrong(ctx, inv); err != nil {
		return fmt.Errorf("build cache: %w", err)
	}
	wanted := make([]bool, len(m.Actions))
	for i, a := range m.Actions {
		wanted[i] = !hasAction(inv.Entries, a.ID)
		if !wanted[i] {
			r.tally.build.Present++
		}
	}
	r.byOut = indexActions(m, wanted)
	needed := make([]bool, len(m.Outputs))
	for i, o := range m.Outputs {
		here, ok := inv.Output(o.ID)
		whole := ok && here.Size == o.Size && here.Exec == o.Exec
		for _, a := range r.byOut.of(i) {
			if whole {
				r.ready = append(r.ready, a)
			}
		}
		needed[i] = !whole && len(r.byOut.of(i)) > 0
	}
	r.packs = groupOutputs(m, needed, r.PartSize)
	r.countPacks()
	return nil
}

// scanBuild reads the local cache: over an existing cache this is most of a restore.
func (r *run) scanBuild(ctx context.Context) (*buildcache.Inventory, error) {
	inv, err := r.build.Scan(ctx, buildcache.ScanOptions{Memory: func(n int64) { r.tellMemory(n - transferMemory) }})
	if err != nil {
		return nil, err
	}
	defer r.tellMemory(0)
	r.warnUnread("build cache", inv.Unread)
	return inv, nil
}

// hasAction reports whether the action has a whole entry here, whatever its
// output: an entry that the go command wrote itself is never older than ours.
func hasAction(entries []buildcache.Local, id buildcache.ID) bool {
	i := sort.Search(len(entries), func(i int) bool { return string(entries[i].Action[:]) >= string(id[:]) })
	return i < len(entries) && entries[i].Action == id
}

func indexActions(m *snapshot.Manifest, wanted []bool) actionIndex {
	idx := actionIndex{start: make([]int32, len(m.Outputs)+1)}
	for i, a := range m.Actions {
		if wanted[i] {
			idx.start[a.Output+1]++
		}
	}
	for i := range m.Outputs {
		idx.start[i+1] += idx.start[i]
	}
	idx.list = make([]int32, idx.start[len(m.Outputs)])
	fill := append([]int32(nil), idx.start...)
	for i, a := range m.Actions {
		if wanted[i] {
			idx.list[fill[a.Output]] = int32(i)
			fill[a.Output]++
		}
	}
	return idx
}

// groupOutputs makes ranged reads of about partSize from the needed outputs,
// which are sorted by place. A read never ends inside an output.
func groupOutputs(m *snapshot.Manifest, needed []bool, partSize int64) []packJob {
	var jobs []packJob
	cur := packJob{pack: -1}
	flush := func() {
		if cur.pack >= 0 {
			jobs = append(jobs, cur)
		}
		cur = packJob{pack: -1}
	}
	for i, o := range m.Outputs {
		if !needed[i] {
			continue
		}
		frames, end := m.Packs[o.Pack].Frames, m.Span(o)
		gap := int64(0)
		if o.Pack == cur.pack {
			gap = stored(frames, cur.end, o.Frame)
		}
		if o.Pack != cur.pack || gap > maxGap || (o.Frame >= cur.end && cur.bytes+gap >= partSize) {
			flush()
			cur = packJob{pack: o.Pack, first: o.Frame, end: o.Frame}
		}
		if end > cur.end {
			cur.bytes += stored(frames, cur.end, end)
			cur.end = end
		}
		cur.outputs = append(cur.outputs, i)
		cur.raw += o.Size
	}
	flush()
	return jobs
}

// stored sums the stored sizes of frames [from, to).
func stored(frames []snapshot.Frame, from, to int) (n int64) {
	for i := from; i < to; i++ {
		n += frames[i].Size
	}
	return n
}

func (r *run) countPacks() {
	used := make([]bool, len(r.manifest().Packs))
	for _, j := range r.packs {
		used[j.pack] = true
	}
	r.markTreePacks(used)
	for _, u := range used {
		if !u {
			r.tally.packs.Present++
		}
	}
}

// restorePack runs one packJob: it reads the frames in order, checks each against its hash, and
// writes outputs, then their actions. A frame that is damaged costs what lies in it and nothing
// else.
func (r *run) restorePack(ctx context.Context, j packJob, fetched func()) error {
	pack := r.manifest().Packs[j.pack]
	body, info, err := r.fetch(ctx, fetched, pack.Frames[j.first:j.end], func(ctx context.Context) (io.ReadCloser, store.Info, error) {
		return r.Store.Open(ctx, pack.Object, stored(pack.Frames, 0, j.first), j.bytes)
	})
	if err != nil {
		return r.losePack(j, j.outputs, err)
	}
	defer body.Close()
	if err := r.checkSize(ctx, pack, info); err != nil {
		return err
	}
	w := &outputWriter{run: r, pending: j.outputs}
	defer w.abort()
	for f := j.first; f < j.end; f++ {
		data, err := body.NextFrame()
		if err != nil && isStore(err) {
			return r.losePack(j, w.rest(), err)
		}
		if !w.wants(f) {
			continue
		}
		if err := r.restoreFrame(ctx, w, pack, f, body, data, err); err != nil {
			return err
		}
	}
	return nil
}

// checkSize notes a pack that is not as large as the manifest says. It asks once more: the answer
// may have been that of something else.
func (r *run) checkSize(ctx context.Context, pack snapshot.Pack, info store.Info) (err error) {
	if info.Size == pack.Size {
		return nil
	}
	switch info, err = r.Store.Stat(ctx, pack.Object); {
	case err != nil && isStore(err):
		return fetchError(pack.Object, err)
	case err == nil && info.Size != pack.Size:
		r.tally.damage(jobstate.Damage{Object: pack.Object, Frame: -1,
			Reason: fmt.Sprintf("object has %d bytes, not %d", info.Size, pack.Size)}, "refused")
	}
	return nil
}

// restoreFrame decodes one frame of src and writes what lies in it. One that did not arrive as it
// should (failed), or not whole, is read once more: perhaps its bytes were wrong only on their way.
func (r *run) restoreFrame(ctx context.Context, w *outputWriter, pack snapshot.Pack, f int, src snapshot.Source, data []byte, failed error) error {
	var raw []byte
	if failed == nil {
		raw, failed = r.decode(pack.Frames[f], data)
	}
	src.Release() // nobody waits for more of that memory while holding some
	if failed != nil {
		raw, failed = r.readFrame(ctx, pack, f)
	}
	if failed != nil {
		if isStore(failed) {
			return fetchError(pack.Object, failed)
		}
		r.tally.damage(jobstate.Damage{Object: pack.Object, Frame: f, Reason: failed.Error()}, kindOf(failed))
		w.skip(f, kindOf(failed))
		return nil
	}
	defer r.buffers.Put(raw)
	return w.frame(f, raw)
}

// decode returns a decoded frame, in a buffer that the caller gives back.
func (r *run) decode(frame snapshot.Frame, data []byte) ([]byte, error) {
	mem := r.buffers.Get()
	raw, err := frame.Decode(data, mem)
	if err != nil {
		r.buffers.Put(mem)
		return nil, err
	}
	return raw, nil
}

// readFrame reads one frame by itself and decodes it.
func (r *run) readFrame(ctx context.Context, pack snapshot.Pack, f int) ([]byte, error) {
	frame := pack.Frames[f]
	data, err := r.stored.get(ctx, int(frame.Size))
	if err != nil {
		return nil, err
	}
	defer r.stored.put(data)
	body, _, err := r.Store.Open(ctx, pack.Object, stored(pack.Frames, 0, f), frame.Size)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	n, err := io.ReadFull(body, data)
	r.Meter.Bytes.Add(int64(n))
	if err != nil {
		return nil, err
	}
	return r.decode(frame, data)
}

// losePack gives up on the outputs of a job. Only an answer of the store that
// holds for this object alone lets the restore go on.
func (r *run) losePack(j packJob, outputs []int, err error) error {
	object := r.manifest().Packs[j.pack].Object
	if isStore(err) {
		return fetchError(object, err)
	}
	r.tally.damage(jobstate.Damage{Object: object, Frame: -1, Reason: err.Error()}, kindOf(err))
	for _, o := range outputs {
		r.loseOutput(o, kindOf(err))
	}
	return nil
}

func (r *run) loseOutput(output int, kind string) {
	r.tally.add(func() {
		for range r.byOut.of(output) {
			r.tally.build.lost(kind)
		}
	})
}
