package build

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
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
	return stockPacks{packs: packs, first: snapshot.FirstFrames(packs), bad: bad}
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

// listed is the list of one pack.
type listed struct {
	chunks []snapshot.Chunk
	err    error
}

// maxLists is how many lists are in memory at once.
const maxLists = 16

// read reads the lists of chunks of all packs, several at once, and calls add for each in the order
// of the packs. What cannot be read is passed over: it costs that its chunks are stored again. If
// the store fails, it ends.
func (s stockPacks) read(ctx context.Context, in collect.Preparing, add func(pack int, list []snapshot.Chunk)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var unread unreadLists
	pending := make(chan chan listed, max(min(in.Requests, maxLists)-1, 0))
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
				one <- readTwice(ctx, in, &s.packs[i])
			}()
		}
	}()
	i := 0
	for one := range pending {
		l := <-one
		switch {
		case l.err == nil:
			add(i, l.chunks)
		case store.IsFailure(l.err) && !errors.Is(l.err, store.ErrDenied):
			cancel(l.err) // the first cause counts
		default:
			unread.add(l.err)
		}
		i++
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	unread.warn(in.Note)
	return nil
}

// readTwice reads the list of a pack, once more if what came was damaged or too short: that can
// have happened on its way.
func readTwice(ctx context.Context, in collect.Preparing, p *snapshot.Pack) (l listed) {
	l.chunks, l.err = in.List(ctx, p)
	if errors.Is(l.err, snapshot.ErrCorrupt) || errors.Is(l.err, io.ErrUnexpectedEOF) || errors.Is(l.err, io.EOF) {
		l.chunks, l.err = in.List(ctx, p)
	}
	return l
}

// unreadLists counts lists that could not be read.
type unreadLists struct {
	count int
	first error
}

func (u *unreadLists) add(err error) {
	if u.count++; u.count == 1 {
		u.first = err
	}
}

// warn tells of them, in one warning: where one cannot be read, often none can.
func (u *unreadLists) warn(note collect.Note) {
	if u.count > 0 {
		note.Warn("the lists of chunks of %s could not be read, so what is alike there is stored once more: %v", quantity.Counted(u.count, "pack"), u.first)
	}
}

// listsBytes is how many bytes of memory lists take at most while they are read.
func listsBytes(s stockPacks) (n int64) {
	var chunks []int
	for _, p := range s.packs {
		chunks = append(chunks, p.Chunks)
	}
	slices.Sort(chunks)
	for _, c := range chunks[max(0, len(chunks)-maxLists):] {
		n += int64(snapshot.ListBytes) * int64(c)
	}
	return n
}

// index adds the chunks of a pack to a table.
func (s stockPacks) index(t *chunkTable, pack int, list []snapshot.Chunk) {
	object := s.packs[pack].Object
	for _, c := range list {
		if !s.rewrite[object] && !s.bad(object, int(c.Frame)) {
			t.addStored(c.Sum, newPlace(s.first[pack]+c.Frame, c.Off, c.Len))
		}
	}
}
