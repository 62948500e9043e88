package build

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// installer runs the jobs of one restore. Its fields do not change once the first has begun.
type installer struct {
	env      *install.Env
	cache    *buildcache.Cache
	place    *install.Place
	verify   bool
	manifest *snapshot.Manifest
	actions  actionIndex
	refs     *refs
	assembly *assembly
	stuck    map[digest.ID]bool // wrong outputs that are still there
	gone     atomic.Bool        // it was named that files vanish
	running  atomic.Int32       // jobs
}

// during runs a job. When the place is given up, perhaps because the disk is full, partial outputs
// go with the last job that runs, rather than when all other kinds have come to their end as well.
func (in *installer) during(job func() (install.Outcome, error)) (install.Outcome, error) {
	in.running.Add(1)
	out, err := job()
	if in.running.Add(-1) == 0 && (install.IsLocal(err) || in.place.Err() != nil) {
		in.assembly.removeAll(in.manifest)
	}
	return out, err
}

// ready writes the outputs and entries that need nothing from the store.
func (in *installer) ready(ctx context.Context, empty, actions []int32) (out install.Outcome, err error) {
	w := &writer{in: in, out: &out}
	for _, i := range empty {
		if ctx.Err() != nil {
			return out, store.Ended(ctx)
		}
		if err := w.create(i, nil, nil); err != nil {
			return out, err
		}
	}
	for some := range slices.Chunk(actions, 1<<8) {
		if ctx.Err() != nil {
			return out, store.Ended(ctx)
		}
		if err := in.putActions(&out, some); err != nil {
			return out, err
		}
	}
	return out, nil
}

// read carries out one Read: it reads the frames in order, checks each against its hash, and writes
// what lies in it, each output that becomes whole followed by its actions. A damaged frame costs
// the outputs that have extents in it and nothing else.
func (in *installer) read(ctx context.Context, r Read, fetched func()) (out install.Outcome, err error) {
	pack := in.manifest.Packs[r.Pack]
	w := &writer{in: in, out: &out}
	body, info, err := in.env.Fetch.Range(ctx, fetched, pack, r.First, r.End)
	if err != nil {
		return out, in.lose(ctx, w, r, err)
	}
	defer body.Close()
	if err := in.checkSize(ctx, pack, info, &out); err != nil {
		return out, err
	}
	for f := r.First; f < r.End; f++ {
		data, err := body.NextFrame()
		if store.IsFailure(err) {
			return out, install.StoreError(pack.Object, err)
		}
		if len(in.refs.of(r.Pack, f)) == 0 {
			continue
		}
		if err := in.frame(ctx, w, r.Pack, f, body, data, err); err != nil {
			return out, err
		}
	}
	return out, nil
}

// lose gives up all that a Read would have brought. It returns an error if the store failed as a
// whole, rather than this object.
func (in *installer) lose(ctx context.Context, w *writer, r Read, err error) error {
	object := in.manifest.Packs[r.Pack].Object
	if err := ending(ctx, object, err); err != nil {
		return err
	}
	kind := install.KindOf(err)
	w.out.Damage(object, -1, err.Error(), kind)
	for f := r.First; f < r.End; f++ {
		w.lose(in.refs.of(r.Pack, f), kind)
	}
	return nil
}

// checkSize reports a pack that is not as large as the manifest says. It asks the store once more
// first, since the answer may have come from something else, such as a proxy.
func (in *installer) checkSize(
	ctx context.Context, pack snapshot.Pack, info store.Info, out *install.Outcome,
) (err error) {
	if info.Size == pack.Size {
		return nil
	}
	switch info, err = in.env.Fetch.Store.Stat(ctx, pack.Object); {
	case store.IsFailure(err):
		return install.StoreError(pack.Object, err)
	case err == nil && info.Size != pack.Size:
		reason := fmt.Sprintf("object has %d bytes, not %d", info.Size, pack.Size)
		out.Damage(pack.Object, -1, reason, install.KindRefused)
	}
	return nil
}

// frame decodes one frame of a pack, the current one of src, and writes what lies in it. If reading
// it failed, or it turns out to be damaged, it is read once more: perhaps that happened only on the
// way.
func (in *installer) frame(
	ctx context.Context, w *writer, packIndex, f int, src snapshot.Source, data []byte, failed error,
) error {
	pack := in.manifest.Packs[packIndex]
	var raw []byte
	if failed == nil {
		raw, failed = in.env.Fetch.Decode(pack.Frames[f], data)
	}
	src.Release() // whoever waits for that memory must not hold any
	if install.Retryable(failed) {
		raw, failed = in.env.Fetch.Frame(ctx, pack, f)
	}
	list := in.refs.of(packIndex, f)
	if failed != nil {
		if err := ending(ctx, pack.Object, failed); err != nil {
			return err
		}
		kind := install.KindOf(failed)
		w.out.Damage(pack.Object, f, failed.Error(), kind)
		w.lose(list, kind)
		return nil
	}
	defer in.env.Fetch.Buffers.Put(raw)
	return w.frame(ctx, list, raw)
}

// ending returns the error that ends the restore, if reading an object failed for a reason that
// says nothing about the object: the store failed as a whole, or ctx ended, with whatever cause.
func ending(ctx context.Context, object string, err error) error {
	if ctx.Err() != nil {
		err = store.Ended(ctx)
	}
	if store.IsFailure(err) {
		return install.StoreError(object, err)
	}
	return nil
}

// aged is the modification time of an output.
func (in *installer) aged(output int32) time.Time { return in.env.Aged(in.lastUse(int(output))) }

// lastUse is when any of the actions of an output was last used.
func (in *installer) lastUse(output int) (t int64) {
	for _, a := range in.actions.of(output) {
		t = max(t, in.manifest.Actions[a].LastUse)
	}
	return t
}

// putActions writes the entries of actions whose output is present.
func (in *installer) putActions(out *install.Outcome, actions []int32) error {
	put := 0
	for _, i := range actions {
		ok, err := in.putAction(out, in.manifest.Actions[i])
		if err != nil {
			return err
		}
		if ok {
			put++
		}
	}
	if put > 0 {
		in.place.Works()
	}
	out.Counts.Restored += put
	return nil
}

func (in *installer) putAction(out *install.Outcome, a snapshot.Action) (ok bool, err error) {
	o := in.manifest.Outputs[a.Output]
	e := buildcache.Entry{Action: a.ID, Output: o.ID, Size: o.Size, Time: a.Time}
	err = in.cache.PutAction(e, in.env.Aged(a.LastUse))
	if err == nil {
		in.env.Wrote(int64(buildcache.EntrySize))
		return true, nil
	}
	return false, in.failed(out, fmt.Sprintf("action entry %s", a.ID), a.ID, 1, err)
}

// failed handles an error that concerns the file of an entry or an output, and costs n entries.
func (in *installer) failed(out *install.Outcome, what string, id digest.ID, n int, err error) error {
	if osfile.IsLocked(err) {
		out.Lose(n, install.KindLocked)
		return in.env.Locked.Leave(out, what, err)
	}
	shard := fmt.Sprintf("%02x", id[0])
	if err := in.place.Tolerate(out, shard, "build cache: directory "+shard, err); err != nil {
		return err
	}
	out.Lose(n, install.KindDisk)
	return nil
}
