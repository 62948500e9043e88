package actions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// A bundle with modules is for all jobs of a repository. Its key tells it from others, and its
// index also says where modules of earlier such bundles lie. So the newest one, which a lookup by
// the beginning of its key finds, leads to the modules that any job has stored.

// maxOthers is how many other bundles an index names. More would cost those who use it as many
// lookups. The modules of the smallest are left out, and stored again by a job that needs them and
// has no snapshot that names them.
const maxOthers = 2

// index is what the newest bundle with modules says. Safe for concurrent use.
type index struct {
	turn slots // of whoever reads or changes what follows
	read bool
	has  *snapshot.Locations // nil: there is none
}

// loadIndex reads the index, once.
func (r *reader) loadIndex(ctx context.Context) error {
	x := &r.index
	if err := x.turn.acquire(ctx); err != nil {
		return err
	}
	defer x.turn.release()
	if x.read {
		return nil
	}
	m, ok, err := r.service.lookup(ctx, moduleKeys)
	if err == nil && ok {
		x.has, err = r.readIndex(ctx, m)
	}
	if ctx.Err() != nil {
		return store.Ended(ctx)
	}
	x.read = true
	if err != nil { // they can be downloaded, and stored again
		r.note.Add(fmt.Sprintf("what other jobs have stored of modules cannot be found: %v", err))
	}
	return nil
}

// joinIndex adds what the index of a bundle says. Only the end of the context is an error.
func (r *reader) joinIndex(ctx context.Context, m match) error {
	x := &r.index
	if err := x.turn.acquire(ctx); err != nil {
		return err
	}
	defer x.turn.release()
	if x.has != nil && len(x.has.Bundles) > 0 && x.has.Bundles[0].Key == m.key {
		return nil
	}
	if l, err := r.readIndex(ctx, m); err == nil && l != nil {
		x.has, x.read = joinLocations(l, x.has), true
	}
	return store.Ended(ctx)
}

// locations returns what was read or set last.
func (x *index) locations(ctx context.Context) (*snapshot.Locations, error) {
	if err := x.turn.acquire(ctx); err != nil {
		return nil, err
	}
	defer x.turn.release()
	return x.has, nil
}

// set replaces the index by that of a bundle that was just written.
func (x *index) set(ctx context.Context, l *snapshot.Locations) error {
	if err := x.turn.acquire(ctx); err != nil {
		return err
	}
	defer x.turn.release()
	x.has, x.read = l, true
	return nil
}

// firstRead is what is read of a bundle to learn its index. Few are longer.
const firstRead = 256 << 10

// readIndex reads the index of a bundle, and learns from it. One that is gone or damaged is as good
// as none.
func (r *reader) readIndex(ctx context.Context, m match) (*snapshot.Locations, error) {
	b, err := r.places.matched(ctx, m)
	if err != nil {
		return nil, err
	}
	l, err := r.indexOf(ctx, b)
	if isMiss(err) || errors.Is(err, snapshot.ErrCorrupt) || errors.Is(err, snapshot.ErrFormat) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r.places.learn(l, false, false)
	return l, nil
}

// indexOf reads the index of a bundle.
func (r *reader) indexOf(ctx context.Context, b *blob) (*snapshot.Locations, error) {
	in := &pieceReader{ctx: ctx, reader: r, blob: b}
	defer in.close()
	l, head, err := snapshot.ReadLocations(in, snapshot.ObjectsFollow)
	if err != nil {
		return nil, err
	}
	return absolute(l, b.key, head, in.total), nil
}

// absolute gives the bundle that an index is in its key, and its objects their offsets.
func absolute(l *snapshot.Locations, key string, head, total int64) *snapshot.Locations {
	if len(l.Bundles) == 0 || l.Bundles[0].Key != "" {
		return l
	}
	l.Bundles[0] = snapshot.Bundle{Key: key, Size: total}
	for i := range l.Objects {
		if l.Objects[i].Bundle == 0 {
			l.Objects[i].Off += head
		}
	}
	return l
}

// pieceReader reads the beginning of a blob, in pieces that grow.
type pieceReader struct {
	ctx    context.Context
	reader *reader
	blob   *blob
	d      *download
	pos    int64
	total  int64
	unsure bool // there may be more
}

func (r *pieceReader) Read(p []byte) (int, error) {
	for {
		if r.d == nil {
			if r.pos > 0 && r.pos >= r.total && !r.unsure {
				return 0, io.EOF
			}
			d, err := r.reader.read(r.ctx, r.blob, r.pos, max(firstRead, r.pos))
			if err != nil {
				return 0, err
			}
			r.d, r.total, r.unsure = d, d.total, d.unsure
		}
		n, err := r.d.Read(p)
		r.pos += int64(n)
		if n > 0 || err == nil {
			return n, nil
		}
		if err != io.EOF && err != io.ErrUnexpectedEOF {
			return 0, err
		}
		r.close()
		if r.pos >= r.total && !r.unsure {
			return 0, io.EOF
		}
	}
}

func (r *pieceReader) close() {
	if r.d != nil {
		r.d.Close()
		r.d = nil
	}
}

// carried is what the index of the next bundle says of earlier ones that are there: of those that
// this save needs itself, then of those with the most bytes.
func carried(old *snapshot.Locations, needed map[string]bool, gone func(key string) bool) *snapshot.Locations {
	if old == nil {
		return nil
	}
	bytes := make([]int64, len(old.Bundles))
	for _, x := range old.Objects {
		bytes[x.Bundle] += x.Len
	}
	order := make([]int, 0, len(old.Bundles))
	for i, b := range old.Bundles {
		if !gone(b.Key) && bytes[i] > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		needs := compareBool(needed[old.Bundles[b].Key], needed[old.Bundles[a].Key])
		return cmp.Or(needs, cmp.Compare(bytes[b], bytes[a]))
	})
	order = order[:min(len(order), maxOthers)]
	out := new(snapshot.Locations)
	to := map[int]int{}
	for n, i := range order {
		to[i] = n
		out.Bundles = append(out.Bundles, old.Bundles[i])
	}
	for _, x := range old.Objects {
		if n, ok := to[x.Bundle]; ok {
			x.Bundle = n
			out.Objects = append(out.Objects, x)
		}
	}
	return out
}
