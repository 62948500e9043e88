package main

import (
	"context"
	"errors"

	"github.com/org/gocache-action/internal/store"
)

// storeNotes prints what a store has to tell beside errors, such as that it is read without a
// signature.
func (a *app) storeNotes(st store.Store) {
	for _, text := range store.Notes(st) {
		a.out.say("%s", text)
	}
}

// mayWrite reports whether a save is worth planning, and says why not. Whatever else is wrong shows
// when it is planned.
func (a *app) mayWrite(ctx context.Context, st store.Store) bool {
	err := store.Writable(ctx, st)
	if errors.Is(err, store.ErrReadOnly) {
		a.out.say("a save would do nothing: %v", err)
		return false
	}
	return true
}
