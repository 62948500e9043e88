package objects

import (
	"errors"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// maxDenied is how many objects in a row may be denied before the store counts as denied: by then
// credentials have expired, or allow nothing but listing.
const maxDenied = 64

// ends reports whether an error is one of the store as a whole. One object can be denied, by a
// policy or for its key, and the others can be read.
func ends(err error) bool { return store.IsFailure(err) && !errors.Is(err, store.ErrDenied) }

// unread notes an object that may not be read. That makes it neither right nor wrong. It returns an
// error for the last of too many.
func (r *run) unread(kind snapshot.Kind, name string, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.denied++; r.denied >= maxDenied {
		return store.Named(string(kind), name, err)
	}
	r.res.Faults = append(r.res.Faults, Fault{Kind: kind, Name: name, Status: finding.Warn, Evidence: "cannot be read: " + err.Error()})
	return nil
}

// readable notes that an object could be read.
func (r *run) readable() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.denied = 0
}
