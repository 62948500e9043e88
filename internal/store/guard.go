package store

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// ErrReadOnly: the store accepts no writes, or none without credentials.
var ErrReadOnly = errors.New("store is read-only")

// ErrHidden: the object does not exist, or may not be read; the store does not say which. Such an
// error is also ErrDenied. A caller that asks for several objects treats it as a miss if it can
// read one of the others.
var ErrHidden = errors.New("object not found or not readable")

// A Guard is a store that knows, before anything is written, whether writes are allowed.
type Guard interface {
	// Writable returns ErrReadOnly if writes are not allowed, and another error if it cannot find
	// out. It does not try to write.
	Writable(ctx context.Context) error
}

// Writable asks a store that is a Guard. Any other store is assumed to be writable.
func Writable(ctx context.Context, s Store) error {
	if g, ok := s.(Guard); ok {
		return g.Writable(ctx)
	}
	return nil
}

// A Noter is a store that has remarks for the user that are not errors.
type Noter interface {
	// Notes returns each remark once, in the order in which they arose.
	Notes() []string
}

// Notes asks a store that is a Noter.
func Notes(s Store) []string {
	if n, ok := s.(Noter); ok {
		return n.Notes()
	}
	return nil
}

// Notepad collects remarks. The zero value is ready to use, and all methods are safe for concurrent
// use.
type Notepad struct {
	mu   sync.Mutex
	list []string
}

// Add adds a text, unless it has it already.
func (n *Notepad) Add(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Contains(n.list, text) {
		n.list = append(n.list, text)
	}
}

// Notes returns a copy of the texts so far.
func (n *Notepad) Notes() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.list)
}
