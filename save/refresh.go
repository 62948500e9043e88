package save

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// What a save does so that it can run beside a garbage collection (package gc; docs/gc.md has the
// proof):
//
//   - it reads which objects are noted as unnamed, and does not rely on those: what lies in noted
//     packs is packed anew;
//   - a module that it finds in the store and needs is touched if it is noted, or was not touched
//     for refreshAge;
//   - what it touched or wrote although it was noted goes into the manifest only if it is still
//     there when no collection is going on that may not know yet.

// refreshAge is how old a module object gets before a save that finds it touches it: so that age
// tells use, at the cost of one copy within the store a week and object at most.
const refreshAge = 7 * 24 * time.Hour

// notesAge is how old the notes may be when the manifest is published, lest an object be noted and
// removed in the course of one save. The notice period is longer by far.
const notesAge = time.Hour

// garbage is what a save knows about garbage collection.
type garbage struct {
	unnamed *gcnotes.Unnamed // nil: never collected, or it cannot be known
	noticed time.Time        // when that was read

	renewing sync.Mutex
	again    map[string]bool // noted objects that this save has written or touched
}

// withNotes reads the notes while check runs, then marks what is noted as not to be built upon. The
// previous manifests must have been read before.
func (r *run) withNotes(ctx context.Context, check func() error) error {
	failed := make(chan error, 1)
	go func() { failed <- r.readUnnamed(ctx) }()
	err := check()
	if err = errors.Join(err, <-failed); err != nil {
		return err
	}
	r.again = map[string]bool{}
	for _, m := range r.prev.manifests {
		for _, object := range objectsOf(m) {
			if r.noted(object) {
				r.prev.markBad(object, -1)
			}
		}
	}
	return nil
}

func objectsOf(m *snapshot.Manifest) []string {
	var list []string
	for _, p := range m.Packs {
		list = append(list, p.Object)
	}
	for _, mod := range m.Modules {
		list = append(list, mod.Object)
	}
	return list
}

// readUnnamed reads the notes. What is damaged collections ignore too; where they may not be read,
// it is up to the notice period alone.
func (r *run) readUnnamed(ctx context.Context) error {
	r.noticed = time.Now()
	u, err := r.loadUnnamed(ctx)
	// perhaps on its way only, and then collections do not ignore them
	if errors.Is(err, snapshot.ErrCorrupt) {
		u, err = r.loadUnnamed(ctx)
	}
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrDenied):
		u, err = nil, nil
	case errors.Is(err, snapshot.ErrCorrupt), errors.Is(err, snapshot.ErrFormat):
		r.tally.warn("%v: it is ignored", err)
		u, err = nil, nil
	}
	r.unnamed = u
	return err
}

func (r *run) loadUnnamed(ctx context.Context) (*gcnotes.Unnamed, error) {
	body, info, err := r.Store.Open(ctx, gcnotes.Object, 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	u, err := gcnotes.Decode(io.LimitReader(body, min(info.Size, gcnotes.MaxSize)), func(gcnotes.Fingerprint) bool { return true })
	if err == nil || !errors.Is(err, store.ErrUnreachable) && ctx.Err() == nil {
		return u, err
	}
	// The bytes are not to blame. Without ErrCorrupt, so that they are not ignored for it.
	return nil, fmt.Errorf("read %s: %w", gcnotes.Object, errors.Join(store.ErrUnreachable, ctx.Err()))
}

// noted reports whether a collection has found an object unnamed.
func (r *run) noted(object string) bool {
	if r.unnamed == nil {
		return false
	}
	_, ok := r.unnamed.Find(gcnotes.FingerprintOf(object))
	return ok
}

// renewed records that an object was written or touched just now.
func (r *run) renewed(object string) {
	if r.noted(object) {
		r.renewing.Lock()
		defer r.renewing.Unlock()
		r.again[object] = true
	}
}

// relyOn reports whether a module object that is in the store can be named, and touches it if that
// is due. Where it cannot be touched, and is noted, it has to be uploaded anew.
func (r *run) relyOn(ctx context.Context, object string, info store.Info) bool {
	noted := r.noted(object)
	if !noted && r.Now().Sub(info.ModTime) < refreshAge {
		return true
	}
	t, ok := r.Store.(store.Toucher)
	if !ok {
		return !noted
	}
	switch err := t.Touch(ctx, object); {
	case err == nil:
		r.renewed(object)
		return true
	case errors.Is(err, store.ErrNotFound):
		return false
	}
	return !noted
}

// confirm leaves out of the manifest what a collection may be removing at this moment: objects that
// were noted, so that a collection which has listed them before they were renewed takes them for
// garbage. The next save finds them renewed, or gone. It is called after the last upload, and
// before publishing.
func (r *run) confirm(ctx context.Context) error {
	old := time.Since(r.noticed) > notesAge
	if len(r.again) == 0 && !old {
		return nil
	}
	if err := r.readUnnamed(ctx); err != nil {
		return err
	}
	collecting := r.unnamed != nil && slices.ContainsFunc(r.unnamed.Running, func(c gcnotes.Collection) bool { return c.Active(time.Now()) })
	gone := map[string]bool{}
	for object := range r.again {
		// One that ended since the object was renewed can have removed it. One that begins now
		// finds it new.
		if collecting {
			gone[object] = true
		} else if _, err := r.Store.Stat(ctx, object); errors.Is(err, store.ErrNotFound) {
			gone[object] = true
		} else if err != nil {
			return err
		}
	}
	doubtful := func(object string) bool {
		if r.again[object] {
			return gone[object]
		}
		return old && r.noted(object)
	}
	if n := r.leaveOut(doubtful); n > 0 {
		r.tally.warn("%d objects are not named this time, since a garbage collection may be removing them; the next save looks after them", n)
	}
	return nil
}

// leaveOut makes the next assembly do without objects.
func (r *run) leaveOut(doubtful func(string) bool) (n int) {
	drop := func(object string) bool {
		if !doubtful(object) {
			return false
		}
		if !r.prev.isBad(object) || r.again[object] {
			n++
		}
		r.prev.markBad(object, -1)
		return true
	}
	for i := range r.modules {
		m := &r.modules[i]
		m.failed = m.failed || drop(m.rec.Object)
	}
	for i := range r.trees {
		if t := &r.trees[i]; t.pack != nil && drop(t.pack.Object) {
			t.pack = nil
		}
	}
	for i, p := range r.placed {
		if p.pack > 0 && doubtful(r.packs[p.pack-1].Object) {
			r.placed[i] = placed{}
		}
	}
	for id, pack := range r.newFile {
		if doubtful(r.packs[pack].Object) {
			delete(r.newFile, id)
		}
	}
	for _, p := range r.packs {
		drop(p.Object)
	}
	for _, m := range r.prev.manifests {
		for _, object := range objectsOf(m) {
			if doubtful(object) {
				r.prev.markBad(object, -1)
			}
		}
	}
	r.prev.index()
	return n
}
