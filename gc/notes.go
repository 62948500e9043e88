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

// notes is what is known about unnamed objects: 24 bytes each, those of earlier collections sorted.
type notes struct {
	id  string           // of this collection
	old *gcnotes.Unnamed // as read
	// of the object as this collection last wrote or read it; "": none
	version store.Version
	state   []noteState           // of old.Notes, each
	fresh   []gcnotes.Fingerprint // unnamed, and not in old, or noted anew
	swept   bool                  // every object was seen
	// unconditional is set once the store was found to have no conditional writes.
	unconditional bool
}

type noteState uint8

const (
	unseen  noteState = iota // perhaps removed by somebody else
	waiting                  // still unnamed
	settled                  // named again, written again, or removed
)

// readNotes reads the notes. Notes that are damaged are as good as none: everything gets its notice
// period anew.
func (r *run) readNotes(ctx context.Context) error {
	u, version, err := r.loadNotes(ctx)
	// perhaps on its way: what is lost here, other collections among it, saves rely on
	if errors.Is(err, snapshot.ErrCorrupt) {
		u, version, err = r.loadNotes(ctx)
	}
	if errors.Is(err, snapshot.ErrCorrupt) {
		r.tally.warn("%v: every notice period begins anew", err)
		u, err = new(gcnotes.Unnamed), nil
	}
	if err != nil {
		return err // also a later format: a later gocache collects here
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
		// The bytes are not to blame. Without ErrCorrupt, so that nothing is overwritten for it.
		return nil, "", fmt.Errorf("read %s: %w", gcnotes.Object, errors.Join(store.ErrUnreachable, ctx.Err()))
	}
	return u, info.Version, err
}

// announce adds this collection to those that are going on, and returns the Info of the object.
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

// putUnconditional is for stores without conditional writes: it looks whether the notes still are
// the version that was read, and then writes them. A collection that writes in between is
// overwritten, see confirmAnnounced.
func (r *run) putUnconditional(ctx context.Context, data []byte) (store.Info, error) {
	if !r.notes.unconditional {
		r.notes.unconditional = true
		r.tally.warn("the store has no conditional writes: let no two collections of it run at the same time")
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

// confirmTime is longer than what usually lies between the Stat and the Put of putUnconditional.
const confirmTime = time.Second

// confirmAnnounced looks, on a store without conditional writes, whether this collection is among
// those that are going on, once another one that began at the same moment has written. Saves rely
// on that.
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

// end writes the notes without this collection. If another one wrote them meanwhile, both are
// right: what either settled is forgotten, of two times the earlier one holds.
func (r *run) end(ctx context.Context) error {
	r.notes.sortFresh()
	// Rounded up: S3 rounds the times of objects down, and those that were just seen must count as
	// older than their note.
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
// It can be run through several times.
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
			case again: // written or touched since it was noted: the time begins anew
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

// drops reports whether an old note is to be forgotten. One that was not seen belongs to an
// object that is gone, if all objects were seen.
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
