package actions

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// A restore looks up each bundle of a snapshot, and each save adds one. So a save moves what lives
// in the smallest ones into its own, when there are more than maxSpread, and leaves restSpread.
// What lies in another scope, such as that of the default branch, stays there for others: a copy of
// it would take room for each pull request. So it moves only from maxForeign bundles on.
const (
	maxSpread  = 4
	restSpread = 3
	maxForeign = 5
	// A bundle of which less than a quarter lives is emptied as well: what is dead in it counts
	// towards the room that the repository has. Not if that would be much to move.
	deadShare = 4
	// Nor is more than this moved by one save: others may do the same at this moment.
	maxMove = 256 << 20
)

// share says how much of a bundle a snapshot needs.
type share struct {
	live, size int64 // bytes
	modules    bool  // other jobs may need the rest
	foreign    bool  // of another scope
}

// emptied decides which bundles are emptied, if more new ones come to those that a snapshot has.
func emptied(list []share, more int) []bool {
	out := make([]bool, len(list))
	if more == 0 {
		return out // a bundle for nothing but what moves is not worth it
	}
	order := make([]int, len(list))
	budget := int64(maxMove)
	for i, x := range list {
		order[i] = i
		if out[i] = !x.modules && !x.foreign && x.live <= budget/2 && x.live < x.size/deadShare; out[i] {
			budget -= x.live
		}
	}
	left := more
	for _, gone := range out {
		if !gone {
			left++
		}
	}
	if left <= maxSpread {
		return out
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(compareBool(list[a].foreign, list[b].foreign), compareBool(list[a].modules, list[b].modules), cmp.Compare(list[a].live, list[b].live))
	})
	for _, i := range order {
		if left <= restSpread || list[i].live > budget || list[i].foreign && left <= maxForeign {
			break
		}
		if !out[i] {
			out[i] = true
			budget -= list[i].live
			left--
		}
	}
	return out
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// sharesOf says how much of each bundle a table needs. modules are those of its objects that all
// jobs share.
func (r *reader) sharesOf(l *snapshot.Locations, modules map[snapshot.NameHash]bool) []share {
	list := make([]share, len(l.Bundles))
	for i, b := range l.Bundles {
		list[i].size, list[i].foreign = b.Size, !r.isOwn(b.Key)
	}
	for _, x := range l.Objects {
		list[x.Bundle].live += x.Len
		if modules[x.Object] {
			list[x.Bundle].modules = true
		}
	}
	return list
}

// added is how many bundles the save adds.
func (ses *session) added(packs bool) (n int) {
	if ses.modules != nil || ses.set != "" {
		n++
	}
	if packs && (ses.build == nil || ses.build != ses.modules) {
		n++
	}
	return n
}

// plan decides what the save moves of what it keeps. Of several saves that would move the same, one
// does: that which reserves the key for it.
func (ses *session) plan(ctx context.Context, keep []string, packs bool) error {
	l := ses.reader.places.locate(keep)
	modules := map[snapshot.NameHash]bool{}
	for _, name := range keep {
		if snapshot.IsShared(name) {
			modules[snapshot.HashName(name)] = true
		}
	}
	shares := ses.reader.sharesOf(l, modules)
	ses.kept = map[string]bool{}
	var all []string
	for i, b := range l.Bundles {
		ses.kept[b.Key] = shares[i].modules
		all = append(all, b.Key)
	}
	gone := emptied(shares, ses.added(packs))
	if !slices.Contains(gone, true) {
		return nil
	}
	kind := bundleKeys
	if ses.build != nil { // with the modules
		kind = moduleKeys
	}
	key := setKey(ses.reader.ownKeys(kind), all)
	to, err := ses.reader.service.create(ctx, key)
	if errors.Is(err, errTaken) {
		return nil
	}
	if err != nil {
		return err
	}
	made := newMaking(ses.reader, key, to)
	if ses.build != nil {
		ses.modules = made
	}
	ses.build, ses.moves = made, runs(l, gone)
	return nil
}

// run is a run of bytes of a bundle, with whole objects.
type run struct {
	key      string
	off, len int64
	objects  []snapshot.Located // offsets count from the beginning of the run
}

// maxRun bounds what is copied by one request. An object that is larger is one run all the same.
const maxRun = 64 << 20

// runs joins the objects that lie in the bundles that are emptied to runs.
func runs(l *snapshot.Locations, of []bool) (list []run) {
	var objects []snapshot.Located
	for _, x := range l.Objects {
		if of[x.Bundle] {
			objects = append(objects, x)
		}
	}
	slices.SortFunc(objects, func(a, b snapshot.Located) int {
		return cmp.Or(cmp.Compare(a.Bundle, b.Bundle), cmp.Compare(a.Off, b.Off), cmp.Compare(a.Len, b.Len))
	})
	for _, x := range objects {
		key := l.Bundles[x.Bundle].Key
		if n := len(list) - 1; n >= 0 && list[n].key == key && list[n].off+list[n].len == x.Off && list[n].len+x.Len <= maxRun {
			list[n].objects = append(list[n].objects, snapshot.Located{Object: x.Object, Off: list[n].len, Len: x.Len})
			list[n].len += x.Len
			continue
		}
		list = append(list, run{key, x.Off, x.Len, []snapshot.Located{{Object: x.Object, Len: x.Len}}})
	}
	return list
}

// move copies runs of other bundles into this one. What cannot be copied stays where it is: only
// the end of the context is an error.
func (m *making) move(ctx context.Context, list []run) error {
	to, err := m.reserve(ctx)
	if err != nil {
		return err
	}
	w := blockWriter{m.reader.blobs, to, m.newID}
	var g errgroup.Group
	g.SetLimit(cap(w.blobs.slots))
	for _, r := range list {
		g.Go(func() error {
			if ids, err := m.reader.copyRun(ctx, w, r); err == nil {
				m.add(piece{ids, r.len, r.objects})
			}
			return nil
		})
	}
	g.Wait()
	return store.Ended(ctx)
}

// copyRun copies a run: the server does it if it can, else it goes through this machine.
func (r *reader) copyRun(ctx context.Context, w blockWriter, x run) ([]string, error) {
	if x.len == 0 {
		return nil, nil
	}
	b := r.places.blob(x.key)
	if w.blobs.canCopy(w.to) {
		id := w.id()
		from, err := r.urlOf(ctx, b, "")
		if err == nil {
			err = w.blobs.copyBlock(ctx, w.to, id, from, x.off, x.len)
		}
		if err == nil || ctx.Err() != nil || isMiss(err) {
			return []string{id}, err
		}
	}
	d, err := r.read(ctx, b, x.off, x.len)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	ids, n, _, err := w.stream(ctx, store.SizedBody(d, x.len), -1)
	if err == nil && n != x.len {
		err = io.ErrUnexpectedEOF
	}
	return ids, err
}
