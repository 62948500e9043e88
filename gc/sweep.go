package gc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// sweeper removes objects in batches while the listing goes on.
type sweeper struct {
	*run
	group *errgroup.Group
	ctx   context.Context
	batch []Removal
}

// sweep goes through all objects, once.
func (r *run) sweep(ctx context.Context) error {
	s := &sweeper{run: r}
	s.group, s.ctx = errgroup.WithContext(ctx)
	s.group.SetLimit(max(1, r.Concurrency/4)) // each request removes up to 1000 objects
	err := s.list()
	if err == nil {
		err = s.flush()
	}
	// The first failure cancels the others, and is the reason.
	if werr := s.group.Wait(); werr != nil {
		err = werr
	}
	return err
}

func (s *sweeper) list() error {
	for e, err := range s.Store.List(s.ctx, snapshot.Root) {
		if err != nil {
			return err
		}
		s.Meter.Files.Add(1)
		s.Meter.Disk.Add(e.Size)
		if err := s.object(e); err != nil {
			return err
		}
	}
	return nil
}

// object keeps, notes or removes one object.
func (s *sweeper) object(e store.Entry) error {
	kind, repo := snapshot.KindOf(e.Name)
	s.watchObject(e, kind)
	switch {
	case kind == snapshot.KindManifest || e.Name == gcnotes.Object:
		return nil
	case kind == snapshot.KindOther:
		s.tally.other(e.Size)
		return nil
	case kind == snapshot.KindProxy:
		s.tally.keep(kind, e.Size)
		return nil
	}
	f := gcnotes.FingerprintOf(e.Name)
	switch {
	case s.live.has(f), kind == snapshot.KindHealth && s.scopes[scopeOf(e.Name)]:
		s.tally.keep(kind, e.Size)
	case s.unreadable[repo], repo == "" && len(s.unreadable) > 0:
		s.tally.protect(kind, e.Size)
	case kind == snapshot.KindModule && !s.unused(e.Info):
		s.tally.recent(kind, e.Size)
	default:
		return s.unnamed(e, kind, f)
	}
	s.notes.settle(f)
	return nil
}

// unused reports whether a module object that no manifest names was not used for MaxAge. A save
// that finds the object and relies on it touches it; a restore by go.sum alone leaves no trace.
func (r *run) unused(i store.Info) bool { return r.MaxAge > 0 && r.now.Sub(i.ModTime) > r.MaxAge }

// unnamed notes an object, or removes it if its notice period is over. The period of an object that
// was written or touched after it was noted begins again.
func (s *sweeper) unnamed(e store.Entry, kind snapshot.Kind, f gcnotes.Fingerprint) error {
	i, noted := s.notes.old.Find(f)
	since := s.now
	if noted {
		since = time.Unix(int64(s.notes.old.Notes[i].Since), 0)
		s.notes.state[i] = waiting
	}
	if noted && !e.ModTime.Before(since) {
		s.notes.state[i] = settled
		noted, since = false, s.now
	}
	if !noted {
		s.notes.fresh = append(s.notes.fresh, f)
	}
	if s.Grace > 0 && s.now.Sub(since) < s.Grace {
		s.tally.wait(kind, e.Size)
		return nil
	}
	removal := Removal{Object: e.Name, Kind: kind, Bytes: e.Size, Reason: ReasonUnnamed, Detail: "no manifest names it", note: i, noted: noted, since: since}
	switch kind {
	case snapshot.KindHealth:
		removal.Detail = "its scope has no manifest"
	case snapshot.KindModule:
		removal.Reason = ReasonUnusedModule
		removal.Detail += ", last used " + days(s.now.Sub(e.ModTime)) + " ago"
	}
	return s.add(removal)
}

func (s *sweeper) add(r Removal) error {
	if s.dry {
		s.tally.removed(r)
		return nil
	}
	if s.batch = append(s.batch, r); len(s.batch) < store.MaxDelete {
		return nil
	}
	return s.flush()
}

// flush hands the batch to a goroutine. It waits while all of them are busy.
func (s *sweeper) flush() error {
	batch := s.batch
	s.batch = nil
	if len(batch) == 0 {
		return nil
	}
	s.group.Go(func() error { return s.remove(batch) })
	return nil
}

// deleteTries is how often the removal of an object is tried. In a large batch, S3 sometimes
// refuses single objects that it removes a moment later.
const deleteTries = 3

// remove removes a batch. Objects that the store does not remove stay noted, and the next
// collection tries again; a store that does not answer ends the collection.
func (s *sweeper) remove(batch []Removal) error {
	for try := 1; len(batch) > 0; try++ {
		if err := s.mayRemove(s.ctx); err != nil {
			return err
		}
		due, err := s.stillDue(batch)
		if err != nil || len(due) == 0 {
			return err
		}
		again, err := s.removeOnce(due, try == deleteTries)
		if err != nil {
			return err
		}
		if batch = again; len(batch) > 0 {
			if err := pause(s.ctx, 3+try); err != nil {
				return err
			}
		}
	}
	return nil
}

// stillDue looks up each object of a batch, and leaves out those that were written or touched after
// they were noted. On some servers a listing lags behind: it may show neither that write nor the
// manifest that names the object. Without a notice period nobody else uses the store, so stillDue
// changes nothing.
func (s *sweeper) stillDue(batch []Removal) (due []Removal, err error) {
	if s.Grace == 0 {
		return batch, nil
	}
	infos, errs := make([]store.Info, len(batch)), make([]error, len(batch))
	var g errgroup.Group
	g.SetLimit(s.Concurrency)
	for i, r := range batch {
		g.Go(func() error { infos[i], errs[i] = s.Store.Stat(s.ctx, r.Object); return nil })
	}
	g.Wait()
	for i, r := range batch {
		switch err := errs[i]; {
		case errors.Is(err, store.ErrNotFound): // removed by somebody else, but still listed
			s.notes.state[r.note] = settled
		case err != nil && endsAll(s.ctx, err):
			return nil, err
		case err != nil:
			s.tally.failed(r, err)
		case !infos[i].ModTime.Before(r.since):
			s.tally.wait(r.Kind, r.Bytes)
		default:
			due = append(due, r)
		}
	}
	return due, nil
}

// removeOnce removes a batch with one request, and returns the objects to try again.
func (s *sweeper) removeOnce(batch []Removal, last bool) (again []Removal, err error) {
	names := make([]string, len(batch))
	for i, r := range batch {
		names[i] = r.Object
	}
	failed := s.Store.Delete(s.ctx, names)
	for _, r := range batch {
		err := failed[r.Object]
		switch {
		case err == nil:
			s.tally.removed(r)
			s.Meter.Bytes.Add(r.Bytes)
			if r.noted {
				s.notes.state[r.note] = settled // no other goroutine uses this element
			}
		case errors.Is(err, store.ErrUnreachable) || s.ctx.Err() != nil:
			return nil, err
		case errors.Is(err, store.ErrDenied) || last:
			s.tally.failed(r, err)
		default:
			again = append(again, r)
		}
	}
	return again, nil
}

// abortUploads removes what killed writers left. Some servers cannot list uploads, and some users
// may not: that is a warning, and does not end the collection.
func (r *run) abortUploads(ctx context.Context) error {
	for u, err := range r.Store.Uploads(ctx, snapshot.Root, r.now.Add(-r.Grace)) {
		if err == nil && !r.dry {
			if err = r.mayRemove(ctx); err == nil {
				err = r.Store.AbortUpload(ctx, u)
			}
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, store.ErrUnreachable), errors.Is(err, errTooLong):
			return err
		case err != nil:
			r.tally.warn("unfinished uploads: %v", err)
			continue
		}
		name := u.Name
		if name == "" {
			name = "unfinished file " + u.ID
		}
		r.Meter.Bytes.Add(u.Size)
		r.tally.removed(Removal{
			Object: name, Kind: KindUpload, Bytes: u.Size, Reason: ReasonUpload,
			Detail: fmt.Sprintf("begun %s ago and not finished", days(r.now.Sub(u.Started))),
		})
	}
	return nil
}
