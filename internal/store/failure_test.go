package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/org/gocache-action/internal/store"
)

func TestIsFailure(t *testing.T) {
	for _, err := range []error{store.ErrUnreachable, store.ErrDenied, store.ErrNoStore, store.ErrMoved, context.Canceled, context.DeadlineExceeded} {
		if !store.IsFailure(fmt.Errorf("object x: %w", err)) {
			t.Errorf("%v does not count as a failure of the store", err)
		}
	}
	for _, err := range []error{nil, store.ErrNotFound, store.ErrConflict, store.ErrTooLarge, io.ErrUnexpectedEOF, errors.New("x")} {
		if store.IsFailure(err) {
			t.Errorf("%v counts as a failure of the store", err)
		}
	}
}
