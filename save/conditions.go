package save

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// conditions is what a save knows about how its store treats conditional writes. Safe for
// concurrent use: asking is held by the worker that finds out.
type conditions struct {
	asking *semaphore.Weighted
	asked  atomic.Bool
	// hold is false where the store has no conditional writes, or ignores the conditions. It counts
	// when asked is true.
	hold atomic.Bool
}

func newConditions() conditions { return conditions{asking: semaphore.NewWeighted(1)} }

// broken reports whether the conditions of the store are known not to hold.
func (c *conditions) broken() bool { return c.asked.Load() && !c.hold.Load() }

// ask returns whether conditions hold. The first caller finds that out with probe, and the others
// wait for it. The error is that of ctx.
func (c *conditions) ask(ctx context.Context, probe func(context.Context) (bool, error)) (bool, error) {
	if c.asked.Load() {
		return c.hold.Load(), nil
	}
	if err := c.asking.Acquire(ctx, 1); err != nil {
		return false, err
	}
	defer c.asking.Release(1)
	if c.asked.Load() {
		return c.hold.Load(), nil
	}
	ok, err := probe(ctx)
	if err != nil {
		return false, err
	}
	c.hold.Store(ok)
	c.asked.Store(true)
	return ok, nil
}

// deltas reports whether modules of this store may be deltas at all.
func (u *uploader) deltas() bool { return hasDeltas(u.Store) && !u.conditions.broken() }

// hasDeltas reports whether modules can be deltas in such a store. In bundles all modules are
// whole: jobs that begin at once agree by the names of whole objects on who stores which of them,
// and of two deltas of one name in different bundles nobody could say which one a manifest means.
func hasDeltas(s store.Store) bool { return bundler(s) == nil }

// probe finds out whether the store takes conditions seriously, with a pack without files, on
// condition that there is none. A store that honours conditions refuses that, the second time at
// the latest; one that ignores them takes the same bytes once more. No manifest names this pack,
// and it is the same for all saves of a scope. Where the answer tells neither, nothing is known
// against the store.
func (j job) probe(ctx context.Context) (bool, error) {
	object, data, err := emptyPack(j.Repo, j.Scope)
	if err != nil {
		return false, err
	}
	for range 2 {
		_, err := j.Store.Put(ctx, object, bytes.NewReader(data), int64(len(data)), store.Condition{IfAbsent: true})
		switch {
		case errors.Is(err, store.ErrNoConditions):
			return false, nil
		case ctx.Err() != nil:
			return false, context.Cause(ctx)
		case err != nil:
			return true, nil
		}
	}
	return false, nil
}

// emptyPack makes a pack without files.
func emptyPack(repo, scope string) (object string, data []byte, err error) {
	var buf bytes.Buffer
	w := snapshot.NewWriter(&buf)
	if _, err := w.Close(); err != nil {
		return "", nil, fmt.Errorf("empty pack: %w", err)
	}
	return snapshot.PackObject(repo, scope, w.Sum()), buf.Bytes(), nil
}
