package build

import (
	"cmp"
	"context"
	"slices"

	"github.com/org/gocache-action/internal/chunk"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/snapshot"
)

// prepare reads the outputs that are missing, finds out which of their chunks are stored in packs,
// and makes jobs of the others, and of what is moved from packs that go.
func (l Local) prepare(
	ctx context.Context, in collect.Preparing, missing []int32, moved []movedOutput, stock stockPacks,
) (collect.Prepared, error) {
	c := l.newCutting(missing, len(moved), newChunkTable(), in.Note)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	lists := make(chan error, 1)
	m := newMoving(stock, moved)
	go func() {
		err := stock.read(ctx, in, func(pack int, list []snapshot.Chunk) {
			c.mu.Lock()
			defer c.mu.Unlock()
			stock.index(c.cuts.table, pack, list)
			m.keep(c.cuts.table, pack, list)
		})
		if err != nil {
			cancel(err) // nothing is read in vain
		}
		lists <- err
	}()
	err := c.run(ctx, c.all())
	if err = cmp.Or(err, <-lists); err != nil {
		return collect.Prepared{}, err
	}
	if err := c.run(ctx, m.add(c.cuts, len(missing))); err != nil {
		return collect.Prepared{}, err
	}
	lay := layOut(c.cuts, stock, in.Note.Warn)
	return collect.Prepared{
		Jobs: l.jobs(lay), Memory: lay.memory(), Extents: int64(len(lay.extents)),
		Known: collect.Outcome{Content: collect.Content{Of: lay}},
	}, nil
}

// prepareBytes is about how many bytes of memory prepare takes, beside those of files that are
// being read.
func (l Local) prepareBytes(missing []int32, moved []movedOutput, stock stockPacks) int64 {
	cut := l.size(missing)/chunk.Normal + int64(len(missing))
	n := listsBytes(stock) + ChunkBytes*(stock.chunks()+cut) + outputCutBytes*int64(len(missing))
	if newMAC() != nil {
		n += tagsBytes + followersBytes
	}
	if len(moved) > 0 {
		n += listedBytes*stock.chunks() + (outputCutBytes+movedBytes)*int64(len(moved))
	}
	for _, o := range moved { // as they are stored, their chunks are in the lists
		cut += o.output.Size/chunk.Normal + 1
	}
	return n + (occurrenceBytes+pieceBytes+extentBytes)*cut
}

// worthLists says how many missing bytes there have to be for each stored byte of the lists of
// chunks that are read for them: they compress to a third or less, and most are new.
const worthLists = 4

// stocked are the packs to look for chunks in: those with outputs that are moved, and of those that
// the next snapshot names, as many as are worth it. used says how many bytes it has of each of
// them. A pack that it does not name is not among them, lest a few chunks keep it alive.
func (k kept) stocked(named []snapshot.Pack, used []int64, moved []movedOutput, rewrite map[string]bool, missing int64) stockPacks {
	bad := k.base.Stock.IsBad
	isUseless := func(p snapshot.Pack) bool {
		return p.Chunks == 0 || bad(p.Object, -1) || bad(p.Object, len(p.Frames)-1)
	}
	packs := slices.DeleteFunc(packsOf(moved), isUseless)
	var more []usedPack
	for i, p := range named {
		if !isUseless(p) && !rewrite[p.Object] {
			more = append(more, usedPack{p, used[i]})
		}
	}
	s := newStockPacks(append(packs, worthy(more, missing/worthLists)...), bad)
	s.rewrite = rewrite
	return s
}

// usedPack is a pack, and how many bytes of it are in use.
type usedPack struct {
	snapshot.Pack
	used int64
}

// worthy are packs whose lists together have at most some bytes: those first that have most in use
// for each byte of their list.
func worthy(packs []usedPack, listBytes int64) (list []snapshot.Pack) {
	size := func(p *usedPack) int64 { f, _ := p.List(); return f.Size }
	worth := func(p *usedPack) float64 { return float64(p.used) / float64(max(size(p), 1)) }
	slices.SortFunc(packs, func(a, b usedPack) int {
		return cmp.Or(cmp.Compare(worth(&b), worth(&a)), cmp.Compare(a.Object, b.Object))
	})
	for i := range packs {
		if n := size(&packs[i]); n <= listBytes {
			listBytes -= n
			list = append(list, packs[i].Pack)
		}
	}
	return list
}
