package build

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/snapshot"
)

// stockPacks are packs of earlier saves that have chunks, and the frames that they have together.
// It does not change.
type stockPacks struct {
	packs   []snapshot.Pack
	first   []int32 // of each pack, how many frames those before it have; and of all
	bad     func(object string, frame int) bool
	rewrite map[string]bool // those of them that are packed anew: their chunks are not stored
}

// newStockPacks takes packs over, each once, and counts their frames.
func newStockPacks(packs []snapshot.Pack, bad func(string, int) bool) stockPacks {
	slices.SortFunc(packs, func(a, b snapshot.Pack) int { return cmp.Compare(a.Object, b.Object) })
	packs = slices.CompactFunc(packs, func(a, b snapshot.Pack) bool { return a.Object == b.Object })
	s := stockPacks{packs: packs, first: make([]int32, len(packs)+1), bad: bad}
	for i := range packs {
		s.first[i+1] = s.first[i] + int32(len(packs[i].Frames))
	}
	return s
}

// frames is how many all packs have.
func (s stockPacks) frames() int32 { return s.first[len(s.packs)] }

// chunks is how many all packs have.
func (s stockPacks) chunks() (n int64) {
	for _, p := range s.packs {
		n += int64(p.Chunks)
	}
	return n
}

// listBytes is how many bytes are read to know them.
func (s stockPacks) listBytes() (n int64) {
	for i := range s.packs {
		f, _ := s.packs[i].List()
		n += f.Size
	}
	return n
}

// listed is the list of one pack.
type listed struct {
	chunks []snapshot.Chunk
	err    error
}

// read reads the lists of chunks of all packs, several at once, and calls add for each in the order
// of the packs. What cannot be read is passed over: it costs that its chunks are stored again.
func (s stockPacks) read(ctx context.Context, in collect.Preparing, add func(pack int, list []snapshot.Chunk)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pending := make(chan chan listed, max(in.Requests-1, 0))
	go func() {
		defer close(pending)
		for i := range s.packs {
			one := make(chan listed, 1)
			select {
			case pending <- one:
			case <-ctx.Done():
				return
			}
			go func() {
				list, err := in.List(ctx, &s.packs[i])
				one <- listed{list, err}
			}()
		}
	}()
	i := 0
	for one := range pending {
		l := <-one
		if errors.Is(l.err, snapshot.ErrCorrupt) {
			in.Note.Warn("%v: what is alike there is stored once more", l.err)
		}
		if l.err == nil {
			add(i, l.chunks)
		}
		i++
	}
	return context.Cause(ctx)
}

// index adds the chunks of a pack to a table.
func (s stockPacks) index(t *chunkTable, pack int, list []snapshot.Chunk) {
	object := s.packs[pack].Object
	for _, c := range list {
		if !s.rewrite[object] && !s.bad(object, int(c.Frame)) {
			t.add(sumOf(c.ID), newPlace(s.first[pack]+c.Frame, c.Off, c.Len))
		}
	}
}
