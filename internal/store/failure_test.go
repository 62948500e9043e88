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

// TestFailed: a reason that holds for all objects comes before the name of one.
func TestFailed(t *testing.T) {
	for want, err := range map[string]error{
		"read v2/x in bucket b: object not found":                  store.ErrNotFound,
		"read v2/x in bucket b: context deadline exceeded":         context.DeadlineExceeded,
		"bucket b: access denied: http 403 (read v2/x)":            fmt.Errorf("%w: http 403", store.ErrDenied),
		"bucket b: store does not exist: NoSuchBucket (read v2/x)": fmt.Errorf("%w: NoSuchBucket", store.ErrNoStore),
	} {
		if got := store.Failed("read", "v2/x", "in", "bucket b", err); got.Error() != want || !errors.Is(got, err) {
			t.Errorf("%v, want %s", got, want)
		}
	}
}
