package store

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// ErrReadOnly: the store takes no objects, or not from who has no credentials.
var ErrReadOnly = errors.New("store is read-only")

// ErrHidden: the object does not exist, or may not be read; the store does not say which. Such an
// error is ErrDenied too. What asks for several objects takes it for a miss if it can read another
// one.
var ErrHidden = errors.New("object not found or not readable")

// A Guard knows before anything is written whether writes are allowed.
type Guard interface {
	// Writable returns an error that is ErrReadOnly, or why nothing can be known about that. It
	// does not try to write.
	Writable(ctx context.Context) error
}

// Writable asks a store that is a Guard. Others may be written.
func Writable(ctx context.Context, s Store) error {
	if g, ok := s.(Guard); ok {
		return g.Writable(ctx)
	}
	return nil
}

// A Noter has something to tell about how it works, for people, beside errors.
type Noter interface {
	// Notes returns each text once, in the order in which they arose.
	Notes() []string
}

// Notes asks a store that is a Noter.
func Notes(s Store) []string {
	if n, ok := s.(Noter); ok {
		return n.Notes()
	}
	return nil
}

// Notepad collects notes. The zero value is ready, and all methods are safe for concurrent use.
type Notepad struct {
	mu   sync.Mutex
	list []string
}

// Add adds a text that is not there yet.
func (n *Notepad) Add(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Contains(n.list, text) {
		n.list = append(n.list, text)
	}
}

// Notes returns the texts, and forgets nothing.
func (n *Notepad) Notes() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.list)
}
