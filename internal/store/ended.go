package store

import (
	"context"
	"errors"
)

// Ended is why ctx is over, or nil if it is not: an error that wraps the cause and is a failure for
// IsFailure, which a cause of the caller's own need not be. What did not arrive because the time
// was over says nothing about an object.
func Ended(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	cause := context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return &endedError{err, cause}
}

// endedError is the end of a context in the words of its cause.
type endedError struct{ err, cause error }

func (e *endedError) Error() string   { return e.cause.Error() }
func (e *endedError) Unwrap() []error { return []error{e.err, e.cause} }
