package store

import (
	"context"
	"errors"
)

// failures are the errors that say something about the store, and not about one object of it.
var failures = []error{ErrUnreachable, ErrDenied, ErrNoStore, ErrMoved, context.Canceled, context.DeadlineExceeded}

// IsFailure reports whether an error means that it is pointless to go on asking the store: it does
// not answer, denies access, is not there, or the caller's context is done. All other errors
// concern one object.
func IsFailure(err error) bool {
	for _, f := range failures {
		if errors.Is(err, f) {
			return true
		}
	}
	return false
}
