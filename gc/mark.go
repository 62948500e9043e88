package gc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// manifestMemory bounds the bytes of manifests that are read at once. A manifest that is larger is
// read alone.
const manifestMemory = 32 << 20

// marker reads manifests, several at once.
type marker struct {
	*run
	mu     sync.Mutex // guards live and unreadable of the run while manifests are read
	memory *semaphore.Weighted
}

// mark reads every manifest, removes those that are too old, and collects what the others name.
func (r *run) mark(ctx context.Context) error {
	m := &marker{run: r, memory: semaphore.NewWeighted(manifestMemory)}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(r.Concurrency)
	for e, err := range r.Store.List(gctx, r.within) {
		if err != nil {
			g.Go(func() error { return err })
			break
		}
		if kind, repo := snapshot.KindOf(e.Name); kind == snapshot.KindManifest {
			r.Meter.Files.Add(1)
			g.Go(func() error { return m.manifest(gctx, e, repo) })
		}
	}
	return g.Wait()
}

// rereads bounds how often a manifest is read again because it was replaced meanwhile.
const rereads = 20

// manifest keeps or removes one manifest. One that cannot be read, or cannot be removed, protects
// what it may name; only a failure of the store itself ends the collection.
func (m *marker) manifest(ctx context.Context, e store.Entry, repo string) error {
	for range rereads {
		again, err := m.once(ctx, &e, repo)
		if err != nil && !endsAll(ctx, err) {
			m.protect(e, repo, err)
			return nil
		}
		if err != nil || !again {
			return err
		}
	}
	m.protect(e, repo, fmt.Errorf("%w, %d times in a row", store.ErrConflict, rereads))
	return nil
}

// endsAll reports whether an error is about the store, or the collection, rather than about one
// object.
func endsAll(ctx context.Context, err error) bool {
	for _, is := range []error{store.ErrUnreachable, store.ErrNoStore, store.ErrMoved, errTooLong} {
		if errors.Is(err, is) {
			return true
		}
	}
	return ctx.Err() != nil
}

// once reads a manifest and decides about it. If again is true, the manifest was replaced
// meanwhile, and once must be called again.
func (m *marker) once(ctx context.Context, e *store.Entry, repo string) (again bool, err error) {
	names, info, err := m.read(ctx, e)
	switch {
	case errors.Is(err, store.ErrNotFound): // removed meanwhile
		return false, nil
	case errors.Is(err, store.ErrConflict):
		return true, nil
	case errors.Is(err, store.ErrDenied), errors.Is(err, snapshot.ErrFormat), errors.Is(err, snapshot.ErrCorrupt):
		// Later formats have rules of their own, so their age means nothing here. A damaged
		// manifest is a miss for every reader, and is removed when it is old enough.
		if !errors.Is(err, snapshot.ErrCorrupt) || !m.tooOld(info) {
			m.protect(*e, repo, err)
			return false, nil
		}
	case err != nil:
		return false, store.Named("manifest", e.Name, err)
	}
	e.Info = info
	if m.tooOld(info) {
		return m.removeManifest(ctx, *e)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	to := &m.live
	if m.chosen != nil && m.chosen(e.Name) {
		to = &m.named
	}
	for _, n := range names {
		to.add(n)
	}
	m.scopes[scopeOf(e.Name)] = true
	m.tally.keep(snapshot.KindManifest, e.Size)
	return false, nil
}

// read returns what a manifest names, and the version that was read.
func (m *marker) read(ctx context.Context, e *store.Entry) ([]string, store.Info, error) {
	need := min(max(e.Size, 1), manifestMemory)
	if err := m.memory.Acquire(ctx, need); err != nil {
		return nil, e.Info, err
	}
	defer m.memory.Release(need)
	data, info, err := store.Get(ctx, m.Store, e.Name, snapshot.MaxManifest)
	if errors.Is(err, store.ErrTooLarge) {
		return nil, e.Info, fmt.Errorf("%w: %w", snapshot.ErrCorrupt, err)
	}
	if err != nil {
		return nil, e.Info, err
	}
	names, err := snapshot.Names(data)
	if err == nil {
		m.watchManifest(*e, data)
	}
	return names, info, err
}

func (r *run) tooOld(i store.Info) bool { return r.MaxAge > 0 && r.now.Sub(i.ModTime) > r.MaxAge }

// protect keeps everything that a manifest which cannot be read could name.
func (m *marker) protect(e store.Entry, repo string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unreadable[repo], m.scopes[scopeOf(e.Name)] = true, true
	m.tally.keep(snapshot.KindManifest, e.Size)
	m.tally.unreadable(e.Name, err)
}

// removeManifest removes the version that was found too old. If a save has replaced it meanwhile,
// the manifest is in use, and again is true. What only a removed manifest names becomes unnamed, so
// this collection notes it.
func (m *marker) removeManifest(ctx context.Context, e store.Entry) (again bool, err error) {
	age := m.now.Sub(e.ModTime)
	removal := Removal{
		Object: e.Name, Kind: snapshot.KindManifest, Bytes: e.Size,
		Reason: ReasonOldManifest, Detail: "not written for " + days(age),
	}
	if !m.dry {
		if err := m.mayRemove(ctx); err != nil {
			return false, err
		}
		err := m.Store.DeleteVersion(ctx, e.Name, e.Version)
		if errors.Is(err, store.ErrConflict) {
			return true, nil
		}
		if err != nil {
			if endsAll(ctx, err) {
				return false, err
			}
			m.tally.failed(removal, err)
			return false, m.keepOld(ctx, e)
		}
	}
	m.tally.removed(removal)
	return false, nil
}

// keepOld marks what an old manifest names that could not be removed, since readers still find it.
func (m *marker) keepOld(ctx context.Context, e store.Entry) error {
	names, _, err := m.read(ctx, &e)
	if err != nil && !errors.Is(err, snapshot.ErrCorrupt) {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.scopes[scopeOf(e.Name)] = true
	for _, n := range names {
		m.live.add(n)
	}
	return nil
}

// scopeOf is the repository and the scope of an object, as a key of run.scopes.
func scopeOf(name string) string {
	repo, scope := snapshot.OwnerOf(name)
	return repo + "/" + scope
}

// days formats an age for people.
func days(d time.Duration) string {
	if d < 48*time.Hour {
		return d.Round(time.Minute).String()
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
