package gc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// notes is what a collection knows about unnamed objects: 24 bytes each, those noted by earlier
// collections sorted.
type notes struct {
	id  string           // of this collection
	old *gcnotes.Unnamed // as read
	// version is that of the notes object as this collection last read or wrote it; "": there is
	// none
	version store.Version
	state   []noteState // of each of old.Notes
	// unnamed objects that are not in old, or whose period begins again
	fresh []gcnotes.Fingerprint
	swept bool // every object was listed
	// unconditional: the store turned out to have no conditional writes.
	unconditional bool
}

type noteState uint8

const (
	unseen  noteState = iota // not listed yet; perhaps removed by somebody else
	waiting                  // still unnamed
	settled                  // named again, written again, or removed
)

// readNotes reads the notes. Damaged notes count as none: every notice period begins again.
func (r *run) readNotes(ctx context.Context) error {
	u, version, err := r.loadNotes(ctx)
	// Read again, in case the bytes were damaged on the way: damaged notes are overwritten, and
	// saves rely on what is in them, such as other collections.
	if errors.Is(err, snapshot.ErrCorrupt) {
		u, version, err = r.loadNotes(ctx)
	}
	if errors.Is(err, snapshot.ErrCorrupt) {
		r.tally.warn("%v: every notice period begins again", err)
		u, err = new(gcnotes.Unnamed), nil
	}
	if err != nil {
		return err // including a later format: then a later gocache collects in this store
	}
	r.notes.old, r.notes.version = u, version
	r.notes.state = make([]noteState, len(u.Notes))
	return nil
}

func (r *run) loadNotes(ctx context.Context) (*gcnotes.Unnamed, store.Version, error) {
	body, info, err := r.Store.Open(ctx, gcnotes.Object, 0, -1)
	if errors.Is(err, store.ErrNotFound) {
		return new(gcnotes.Unnamed), "", nil
	}
	if err != nil {
		return nil, "", err
	}
	defer body.Close()
	if info.Size > gcnotes.MaxSize {
		return nil, info.Version, fmt.Errorf("%w: %s has %d bytes", snapshot.ErrCorrupt, gcnotes.Object, info.Size)
	}
	u, err := gcnotes.Decode(body, func(gcnotes.Fingerprint) bool { return true })
	if errors.Is(err, store.ErrUnreachable) || errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
		// The notes themselves may be sound. Drop ErrCorrupt, so that they are not overwritten.
		return nil, "", fmt.Errorf("read %s: %w", gcnotes.Object, errors.Join(store.ErrUnreachable, ctx.Err()))
	}
	return u, info.Version, err
}

// announce adds this collection to those that are running, and returns the Info of the notes
// object.
func (r *run) announce(ctx context.Context) (store.Info, error) {
	running := slices.DeleteFunc(slices.Clone(r.notes.old.Running), func(c gcnotes.Collection) bool { return !c.Active(time.Now()) })
	running = append(running, gcnotes.Collection{ID: r.notes.id, Start: time.Now().UTC().Truncate(time.Second)})
	for try := 0; ; try++ {
		err := r.putNotes(ctx, running, slices.Values(r.notes.old.Notes), len(r.notes.old.Notes))
		if err == nil {
			err = r.confirmAnnounced(ctx)
		}
		if err == nil {
			return r.Store.Stat(ctx, gcnotes.Object)
		}
		if !errors.Is(err, store.ErrConflict) || try == noteTries {
			return store.Info{}, err
		}
		if err := pause(ctx, try); err != nil {
			return store.Info{}, err
		}
		if err := r.readNotes(ctx); err != nil { // another collection began or ended meanwhile
			return store.Info{}, err
		}
		running = append(slices.Clone(r.notes.old.Running), running[len(running)-1])
	}
}

// noteTries bounds the conflicts with other collections.
const noteTries = 20

func pause(ctx context.Context, try int) error {
	if !store.Sleep(ctx, store.ConflictPause(try)) {
		return ctx.Err()
	}
	return nil
}

func (r *run) putNotes(ctx context.Context, running []gcnotes.Collection, list iter.Seq[gcnotes.Note], n int) error {
	data, err := gcnotes.Encode(running, list, n)
	if err != nil {
		return err
	}
	cond := store.Condition{IfMatch: r.notes.version, IfAbsent: r.notes.version == ""}
	info, err := r.Store.Put(ctx, gcnotes.Object, bytes.NewReader(data), int64(len(data)), cond)
	if errors.Is(err, store.ErrNoConditions) {
		info, err = r.putUnconditional(ctx, data)
	}
	if err != nil {
		return err
	}
	r.notes.version = info.Version
	return nil
}

// putUnconditional is for stores without conditional writes. It checks that the notes still have
// the version that was read, and then writes them. If another collection writes in between, its
// notes are overwritten; see confirmAnnounced.
func (r *run) putUnconditional(ctx context.Context, data []byte) (store.Info, error) {
	if !r.notes.unconditional {
		r.notes.unconditional = true
		r.tally.warn("the store has no conditional writes: do not run two collections in it at the same time")
	}
	info, err := r.Store.Stat(ctx, gcnotes.Object)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Info{}, err
	}
	if info.Version != r.notes.version {
		return store.Info{}, fmt.Errorf("write %s: %w", gcnotes.Object, store.ErrConflict)
	}
	return r.Store.Put(ctx, gcnotes.Object, bytes.NewReader(data), int64(len(data)), store.Condition{})
}

// confirmTime is longer than the Stat and the Put of putUnconditional usually take.
const confirmTime = time.Second

// confirmAnnounced checks, on a store without conditional writes, that the notes still have this
// collection after others that began at the same moment have written theirs. Saves rely on the
// announcement.
func (r *run) confirmAnnounced(ctx context.Context) error {
	if !r.notes.unconditional {
		return nil
	}
	if !store.Sleep(ctx, confirmTime) {
		return ctx.Err()
	}
	u, _, err := r.loadNotes(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(u.Running, func(c gcnotes.Collection) bool { return c.ID == r.notes.id }) {
		return fmt.Errorf("announce the collection in %s: %w", gcnotes.Object, store.ErrConflict)
	}
	return nil
}

// settle forgets the note of an object, if there is one.
func (n *notes) settle(f gcnotes.Fingerprint) {
	if i, ok := n.old.Find(f); ok {
		n.state[i] = settled
	}
}

// end writes the notes without this collection. If another collection wrote them meanwhile, the two
// are merged: a note that either of them settled is dropped, and of two times the earlier one
// counts.
func (r *run) end(ctx context.Context) error {
	r.notes.sortFresh()
	// Rounded up, because S3 rounds the times of objects down, and objects that were just listed
	// must count as older than their note.
	since := uint32(r.storeTime().Unix() + 1)
	base := r.notes.old
	mine := r.notes
	for try := 0; ; try++ {
		running := slices.DeleteFunc(slices.Clone(base.Running), func(c gcnotes.Collection) bool {
			return c.ID == mine.id || !c.Active(time.Now())
		})
		list := mine.merged(base, since)
		err := r.putNotes(ctx, running, list, count(list))
		if !errors.Is(err, store.ErrConflict) || try == noteTries {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
		if base, r.notes.version, err = r.loadNotes(ctx); errors.Is(err, snapshot.ErrCorrupt) {
			base = new(gcnotes.Unnamed)
		} else if err != nil {
			return err
		}
	}
}

func (n *notes) sortFresh() {
	slices.SortFunc(n.fresh, compare)
	n.fresh = slices.Compact(n.fresh)
	n.fresh = n.fresh[:min(len(n.fresh), max(0, gcnotes.Max-len(n.old.Notes)))]
}

// merged yields the notes of base that this collection did not settle, and its fresh ones, sorted.
// The sequence can be used several times.
func (n *notes) merged(base *gcnotes.Unnamed, since uint32) iter.Seq[gcnotes.Note] {
	return func(yield func(gcnotes.Note) bool) {
		i := 0
		for _, note := range base.Notes {
			for ; i < len(n.fresh) && compare(n.fresh[i], note.Object) < 0; i++ {
				if !yield(gcnotes.Note{Object: n.fresh[i], Since: since}) {
					return
				}
			}
			again := i < len(n.fresh) && n.fresh[i] == note.Object
			if again {
				i++
			}
			switch {
			case !n.drops(note.Object):
			case again: // written or touched since it was noted, so its period begins again
				note.Since = since
			default:
				continue
			}
			if !yield(note) {
				return
			}
		}
		for ; i < len(n.fresh); i++ {
			if !yield(gcnotes.Note{Object: n.fresh[i], Since: since}) {
				return
			}
		}
	}
}

// drops reports whether to drop an old note. If all objects were listed, a note that is still
// unseen belongs to an object that is gone.
func (n *notes) drops(f gcnotes.Fingerprint) bool {
	i, ok := n.old.Find(f)
	return ok && (n.state[i] == settled || n.state[i] == unseen && n.swept)
}

func count(list iter.Seq[gcnotes.Note]) (n int) {
	for range list {
		n++
	}
	return n
}
