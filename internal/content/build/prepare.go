package build

import (
	"cmp"
	"context"
	"slices"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/snapshot"
)

// prepare reads the outputs that are missing, finds out which of their chunks are stored in packs,
// and makes jobs of the others.
func (l Local) prepare(ctx context.Context, in collect.Preparing, missing []int32, stock stockPacks) (collect.Prepared, error) {
	c := l.newCutting(missing, newChunkTable(), in.Note)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lists := make(chan error, 1)
	go func() {
		lists <- stock.read(ctx, in, func(pack int, list []snapshot.Chunk) {
			c.mu.Lock()
			defer c.mu.Unlock()
			stock.index(c.cuts.table, pack, list)
		})
	}()
	err := c.run(ctx)
	if err = cmp.Or(err, <-lists); err != nil {
		return collect.Prepared{}, err
	}
	lay := layOut(c.cuts, stock)
	return collect.Prepared{
		Jobs: l.jobs(lay), Memory: lay.memory(),
		Known: collect.Outcome{Content: collect.Content{Of: lay}},
	}, nil
}

// worthLists says how many missing bytes there have to be for each stored byte of the lists of
// chunks that are read for them: they compress to a third or less, and most are new.
const worthLists = 4

// stocked are the packs to look for chunks in. Those that no kept output needs are not among them,
// lest a few chunks keep them alive, nor those that are packed anew.
func (k kept) stocked(named []snapshot.Pack, rewrite map[string]bool, missing int64) stockPacks {
	bad := k.base.Stock.IsBad
	packs := slices.DeleteFunc(slices.Clone(named), func(p snapshot.Pack) bool {
		return p.Chunks == 0 || rewrite[p.Object] || bad(p.Object, -1) || bad(p.Object, len(p.Frames)-1)
	})
	s := newStockPacks(packs, bad)
	if len(rewrite) == 0 && s.listBytes()*worthLists > missing {
		return newStockPacks(nil, bad)
	}
	return s
}
