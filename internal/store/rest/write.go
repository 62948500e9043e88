package rest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/wire"
)

// Write is one Put. Its outcome may be in doubt: it was sent, and its answer was lost.
type Write struct {
	Name string
	Cond store.Condition
	ID   string // random; stored with the object
	stat func(ctx context.Context, name string) (info store.Info, writer string, err error)
}

// Look returns the object that is stored now, without its time, and the ID of the write that made
// it.
func (w *Write) Look(ctx context.Context) (info store.Info, id string, err error) {
	info, id, err = w.stat(ctx, w.Name)
	return store.Info{Size: info.Size, Version: info.Version}, id, err
}

// Refused adds to the error of an answer what it means for the condition of the write.
func (w *Write) Refused(err error) error {
	if w.Cond.IfMatch != "" && errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: the object is gone", store.ErrConflict)
	}
	return err
}

// Settle finds out what became of a write that failed with err after it was sent a number of times,
// by looking at the object that is stored now. There is doubt if its connection broke, perhaps
// because the server refused before it had read the body, and if a condition was refused at the
// second attempt: the first one may have broken it.
func (w *Write) Settle(ctx context.Context, err error, sent int) (store.Info, error) {
	err = w.Refused(err)
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

// each removes objects one by one, at most limit at once. It returns the reason for each that was
// not, or may not have been, removed.
func each(names []string, limit int, remove func(name string) error) map[string]error {
	var mu sync.Mutex
	var failed map[string]error
	var g errgroup.Group
	g.SetLimit(limit)
	for _, name := range names {
		g.Go(func() error {
			err := remove(name)
			if err == nil {
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
