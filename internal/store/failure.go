package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// Failed names the operation, the object and the place of a request that failed, such as "in bucket
// b". If it failed for a reason that holds for other objects too, such as a missing bucket, the
// place and the reason come first: names of objects have up to hundreds of bytes, behind which
// nobody would see them.
func Failed(op, name, preposition, place string, err error) error {
	if slices.ContainsFunc(general, func(is error) bool { return errors.Is(err, is) }) {
		return fmt.Errorf("%s: %w (%s %s)", place, err, op, name)
	}
	return fmt.Errorf("%s %s %s %s: %w", op, name, preposition, place, err)
}

// general are the errors that do not depend on the object, or not on it alone.
var general = []error{ErrUnreachable, ErrDenied, ErrNoStore, ErrMoved, ErrUnsupported, ErrReadOnly}
