package rest

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/wire"
)

// Write is one whose outcome may be in doubt: it was sent, and its answer was lost.
type Write struct {
	Cond store.Condition
	ID   string // random; stored with the object
	// Look returns the object that is stored now, and the ID of the write that made it.
	Look func(ctx context.Context) (info store.Info, id string, err error)
}

// Settle finds out what became of a write that failed with err after it was sent a number of times,
// by looking at the object that is stored now. There is doubt if its connection broke, perhaps
// because the server refused before it had read the body, and if a condition was refused at the
// second attempt: the first one may have broken it.
func (w Write) Settle(ctx context.Context, err error, sent int) (store.Info, error) {
	var ne *wire.Error
	answered := errors.As(err, new(*Answer))
	broken := !answered && errors.As(err, &ne) && !ne.Final
	if ctx.Err() != nil || !broken && sent < 2 {
		return store.Info{}, err
	}
	if ne != nil && ne.Stalled { // asking would take the stall time once more
		return store.Info{}, err
	}
	info, id, lookErr := w.Look(ctx)
	switch {
	case lookErr != nil: // the doubt remains, and the first error says more
		return store.Info{}, err
	case id == w.ID:
		return info, nil
	case w.Cond.IfAbsent, w.Cond.IfMatch != "" && info.Version != w.Cond.IfMatch:
		return store.Info{}, store.ErrConflict
	}
	return store.Info{}, err
}

// Each removes objects one by one, at most limit at once. It returns the reason for each that was
// not, or may not have been, removed.
func Each(names []string, limit int, remove func(name string) error) map[string]error {
	var mu sync.Mutex
	var failed map[string]error
	var g errgroup.Group
	g.SetLimit(limit)
	for _, name := range names {
		g.Go(func() error {
			err := remove(name)
			if err == nil || errors.Is(err, store.ErrNotFound) {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			if failed == nil {
				failed = map[string]error{}
			}
			failed[name] = err
			return nil
		})
	}
	g.Wait()
	return failed
}
