package save

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/org/gocache-action/internal/content/collect"
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

// notes is what a save knows about garbage collection. unnamed and noticed are of the goroutine
// that calls read and confirm, which runs alone; workers only look. mu guards again.
type notes struct {
	store store.Store
	now   func() time.Time
	warn  collect.Warn

	unnamed *gcnotes.Unnamed // nil: never collected, or it cannot be known
	noticed time.Time        // when that was read

	mu    sync.Mutex
	again map[string]bool // noted objects that this save has written or touched
}

// read reads the notes. What is damaged collections ignore too; where they may not be read, it is
// up to the notice period alone.
func (n *notes) read(ctx context.Context) error {
	n.noticed = n.now()
	u, err := n.load(ctx)
	// perhaps on its way only, and then collections do not ignore them
	if errors.Is(err, snapshot.ErrCorrupt) {
		u, err = n.load(ctx)
	}
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrDenied):
		u, err = nil, nil
	case errors.Is(err, snapshot.ErrCorrupt), errors.Is(err, snapshot.ErrFormat):
		n.warn("%v: it is ignored", err)
		u, err = nil, nil
	}
	n.unnamed = u
	return err
}

func (n *notes) load(ctx context.Context) (*gcnotes.Unnamed, error) {
	body, info, err := n.store.Open(ctx, gcnotes.Object, 0, -1)
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
func (n *notes) noted(object string) bool {
	if n.unnamed == nil {
		return false
	}
	_, ok := n.unnamed.Find(gcnotes.FingerprintOf(object))
	return ok
}

// renewed records that an object was written or touched just now.
func (n *notes) renewed(object string) {
	if !n.noted(object) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.again == nil {
		n.again = map[string]bool{}
	}
	n.again[object] = true
}

// relyOn reports whether a module object that is in the store can be named, and touches it if that
// is due. Where it cannot be touched, and is noted, it has to be uploaded anew.
func (n *notes) relyOn(ctx context.Context, object string, info store.Info) bool {
	noted := n.noted(object)
	if !noted && n.now().Sub(info.ModTime) < refreshAge {
		return true
	}
	t, ok := n.store.(store.Toucher)
	if !ok {
		return !noted
	}
	switch err := t.Touch(ctx, object); {
	case err == nil:
		n.renewed(object)
		return true
	case errors.Is(err, store.ErrNotFound):
		return false
	}
	return !noted
}

// confirm says what has to be left out of the manifest because a collection may be removing it at
// this moment: objects that were noted, so that a collection which has listed them before they were
// renewed takes them for garbage. The next save finds them renewed, or gone. It is called after the
// last upload, and before publishing. A nil function leaves nothing out.
func (n *notes) confirm(ctx context.Context) (doubtful func(object string) bool, err error) {
	n.mu.Lock()
	again := maps.Clone(n.again)
	n.mu.Unlock()
	old := n.now().Sub(n.noticed) > notesAge
	if len(again) == 0 && !old {
		return nil, nil
	}
	if err := n.read(ctx); err != nil {
		return nil, err
	}
	gone, err := n.gone(ctx, again)
	if err != nil {
		return nil, err
	}
	return func(object string) bool {
		if again[object] {
			return gone[object]
		}
		return old && n.noted(object)
	}, nil
}

// gone says which renewed objects cannot be relied on.
func (n *notes) gone(ctx context.Context, again map[string]bool) (map[string]bool, error) {
	now := n.now()
	collecting := n.unnamed != nil && slices.ContainsFunc(n.unnamed.Running, func(c gcnotes.Collection) bool { return c.Active(now) })
	gone := map[string]bool{}
	for object := range again {
		// One that ended since the object was renewed can have removed it. One that begins now
		// finds it new.
		if collecting {
			gone[object] = true
		} else if _, err := n.store.Stat(ctx, object); errors.Is(err, store.ErrNotFound) {
			gone[object] = true
		} else if err != nil {
			return nil, err
		}
	}
	return gone, nil
}
