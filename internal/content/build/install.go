package build

import (
	"context"
	"fmt"

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
	stuck    map[digest.ID]bool // wrong outputs that could not be removed
}

// read carries out one Read: it reads the frames in order, checks each against its hash, and writes
// the outputs, each followed by its actions. A damaged frame costs what lies in it and nothing
// else.
func (in *installer) read(ctx context.Context, r Read, fetched func()) (out install.Outcome, err error) {
	pack := in.manifest.Packs[r.Pack]
	w := &writer{in: in, out: &out, pending: r.Outputs}
	body, info, err := in.env.Fetch.Range(ctx, fetched, pack, r.First, r.End)
	if err != nil {
		return out, w.lose(pack.Object, err)
	}
	defer body.Close()
	if err := in.checkSize(ctx, pack, info, &out); err != nil {
		return out, err
	}
	defer w.abort()
	for f := r.First; f < r.End; f++ {
		data, err := body.NextFrame()
		if store.IsFailure(err) {
			return out, w.lose(pack.Object, err)
		}
		if !w.wants(f) {
			continue
		}
		if err := in.frame(ctx, w, pack, f, body, data, err); err != nil {
			return out, err
		}
	}
	return out, nil
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

// frame decodes one frame of src and writes what lies in it. If reading it failed, or it turns out
// to be damaged, it is read once more: perhaps that happened only on the way.
func (in *installer) frame(
	ctx context.Context, w *writer, pack snapshot.Pack, f int, src snapshot.Source, data []byte, failed error,
) error {
	var raw []byte
	if failed == nil {
		raw, failed = in.env.Fetch.Decode(pack.Frames[f], data)
	}
	src.Release() // whoever waits for that memory must not hold any
	if install.Retryable(failed) {
		raw, failed = in.env.Fetch.Frame(ctx, pack, f)
	}
	if failed != nil {
		if store.IsFailure(failed) {
			return install.StoreError(pack.Object, failed)
		}
		kind := install.KindOf(failed)
		w.out.Damage(pack.Object, f, failed.Error(), kind)
		w.skip(f, kind)
		return nil
	}
	defer in.env.Fetch.Buffers.Put(raw)
	return w.frame(f, raw)
}

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
