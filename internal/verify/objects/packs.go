package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

var windows = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// packMemory is what a pack of chunks takes: a frame, stored and decoded, and the list.
const packMemory = 48 << 20

const _ = uint(packMemory - snapshot.MaxFrameStored - snapshot.MaxFrameRaw - snapshot.MaxList)

// deleteIt is the remedy where a list of chunks lies. The hash of the pack is right, so that
// restores and saves go on using it.
const deleteIt = "delete this object: saves believe its list of chunks, and take wrong bytes for right ones; the next save stores anew what is missing then"

// listSize is how many bytes the list of chunks of a pack is stored in; 0: it has none.
func listSize(p *snapshot.Pack) int64 {
	if p.Chunks == 0 {
		return 0
	}
	f, _ := p.List()
	return f.Size
}

// readPack streams a pack. If manifests say that it has chunks, these are compared with its list.
func (r *run) readPack(ctx context.Context, e *store.Entry, said []claim) (is content, err error) {
	sizes := listSizes(e, said)
	if len(sizes) == 0 {
		frames, err := r.hashPack(ctx, e, nil)
		is.id = framesID(frames, 0)
		return is, err
	}
	if err := r.memory.Acquire(ctx, packMemory); err != nil {
		return is, store.Ended(ctx)
	}
	defer r.memory.Release(packMemory)
	prover, noList := r.openList(ctx, e, sizes)
	if noList != nil && !errors.Is(noList, snapshot.ErrCorrupt) {
		return is, noList
	}
	defer prover.Release()
	frames, err := r.hashPack(ctx, e, prover)
	if err != nil {
		return is, err
	}
	is.id = framesID(frames, prover.Chunks())
	if noList == nil {
		err = prover.Err(frames)
	} else if slices.Contains(sizes, int32(frames[len(frames)-1].Size)) {
		err = noList // else it is manifests that are wrong
	}
	if err != nil {
		is.remedy = deleteIt
	}
	return is, err
}

// listSizes is how long the list of a pack is stored, as manifests say: they can contradict each
// other.
func listSizes(e *store.Entry, said []claim) (sizes []int32) {
	for _, c := range said {
		if c.list > 0 && int64(c.list) <= e.Size && !slices.Contains(sizes, c.list) {
			sizes = append(sizes, c.list)
		}
	}
	return sizes
}

// openList reads the list at the end of a pack, which may have one of some sizes. The error is
// ErrCorrupt if there is none of them.
func (r *run) openList(ctx context.Context, e *store.Entry, sizes []int32) (p *snapshot.ChunkProver, err error) {
	for _, n := range sizes {
		stored, err2 := r.readRange(ctx, e.Name, e.Size-int64(n), int64(n))
		if err2 != nil {
			return nil, err2
		}
		if p, err = snapshot.NewChunkProver(stored); err == nil {
			return p, nil
		}
	}
	return nil, err
}

// readRange reads a part of an object, in memory of just that size.
func (r *run) readRange(ctx context.Context, name string, off, n int64) ([]byte, error) {
	body, _, err := r.Store.Open(ctx, name, off, n)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data := bytes.NewBuffer(make([]byte, 0, n+bytes.MinRead))
	_, err = data.ReadFrom(metered{body, r})
	return data.Bytes(), err
}

// hashPack reads a pack, whose name must be its hash. e gets the version that was read.
func (r *run) hashPack(ctx context.Context, e *store.Entry, prover *snapshot.ChunkProver) ([]snapshot.Frame, error) {
	body, info, err := r.Store.Open(ctx, e.Name, 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	e.Info = info
	buf := windows.Get().(*[256 << 10]byte)
	defer windows.Put(buf)
	frames, name, err := snapshot.HashPack(metered{body, r}, buf[:], prover)
	if err == nil && name.String() != path.Base(e.Name) {
		err = fmt.Errorf("%w: the SHA-256 of its %d bytes is %s", snapshot.ErrCorrupt, info.Size, name)
	}
	return frames, err
}
