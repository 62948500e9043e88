package store

import (
	"context"
	"errors"
)

// failures are the errors that concern the store as a whole, not one object.
var failures = []error{ErrUnreachable, ErrDenied, ErrNoStore, ErrMoved, context.Canceled, context.DeadlineExceeded}

// IsFailure reports whether an error means that further requests to the store are pointless: it
// does not answer, denies access, or does not exist, or the caller's context is done. All other
// errors concern one object.
func IsFailure(err error) bool {
	for _, f := range failures {
		if errors.Is(err, f) {
			return true
		}
	}
	return false
}
