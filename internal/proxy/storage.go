package proxy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/org/gocache-action/internal/content/modules"
	"github.com/org/gocache-action/internal/proxy/shelf"
	"github.com/org/gocache-action/internal/proxy/upstream"
	"github.com/org/gocache-action/internal/store"
)

// That the store does not have something, and that it cannot say, are two things: only the first
// may become an answer that something does not exist.

// Times of the store. What it has is not worth waiting for much longer than for an upstream.
const (
	storeTime = 15 * time.Second // for a small object
	downTime  = 5 * time.Second
)

// errStoreDown says that the store was not asked, for it has just not answered.
var errStoreDown = errors.New("the store does not answer")

// stored is what the store has under a name.
type stored struct {
	data []byte
	ok   bool
	err  error // why it could not say whether it has something
}

// lookUp reads a small object.
func (l *core) lookUp(ctx context.Context, n shelf.Name) stored {
	if l.storeIsDown() {
		return stored{err: errStoreDown}
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	data, err := shelf.Get(ctx, l.o.Store, n)
	return stored{data, err == nil, l.storeFailed("read", err)}
}

// storeFailed notes an error of the store, and returns it, unless it says that there is no such
// object.
func (l *core) storeFailed(op string, err error) error {
	if err == nil || errors.Is(err, store.ErrNotFound) {
		return nil
	}
	l.o.Watch.StoreFailed(op)
	if n, ok := l.lines.Allow("store " + op); ok {
		l.o.Log.Warn("store failed", "op", op, "error", err, "times", n)
	}
	if errors.Is(err, store.ErrUnreachable) {
		l.down.Store(time.Now().Add(downTime).UnixNano())
	}
	return err
}

// storeIsDown reports whether the store has just not answered, so that asking again would only make
// clients wait.
func (l *core) storeIsDown() bool { return time.Now().UnixNano() < l.down.Load() }

// storeOutage is the answer where the store could not say what is asked for.
func storeOutage(what string, err error) error {
	return &upstream.Error{Kind: upstream.Outage, Source: "store", What: what, Err: err}
}

// offline is the answer for what the store does not have when nobody else may be asked.
func offline(what string) error {
	return &upstream.Error{Kind: upstream.Absent, Source: "offline", What: what, Err: errors.New("not in the store")}
}

// unreadable is storeFailed for the error of reading a module object. That of a base that was lost
// stays: it says what is missing.
func (l *core) unreadable(err error) error {
	if modules.IsBaseLost(err) {
		return err
	}
	return l.storeFailed("read", err)
}

// absence is offline, unless the store failed. If a base was lost, it is named.
func absence(what string, failed error) error {
	switch {
	case failed == nil:
		return offline(what)
	case modules.IsBaseLost(failed):
		return &upstream.Error{Kind: upstream.Absent, Source: "offline", What: what, Err: fmt.Errorf("not in the store any more: %w", failed)}
	}
	return storeOutage(what, failed)
}

// doubt makes an outage of the answer of an upstream that something does not exist, if the store
// failed: it may have what is not there any more.
func doubt(err error, what string, failed error) error {
	if failed != nil && !modules.IsBaseLost(failed) && upstream.IsAbsent(err) {
		return storeOutage(what, failed)
	}
	return err
}

// record writes a small object, after the answer was given. That it could not be written costs
// nothing but time.
func (l *core) record(n shelf.Name, data []byte) {
	if l.storeIsDown() {
		return
	}
	write := func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, storeTime)
		defer cancel()
		if err := shelf.Put(ctx, l.o.Store, n, data); !errors.Is(err, store.ErrReadOnly) {
			l.storeFailed("write", err)
		}
	}
	if !l.small.Try(write) {
		write(l.ctx)
	}
}
