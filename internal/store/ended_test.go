package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
)

// TestEnded: the end of a context is a failure of the store, whatever its cause is.
func TestEnded(t *testing.T) {
	own := errors.New("enough")
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(own)
	plain, cancel2 := context.WithCancel(t.Context())
	cancel2()
	late, cancel3 := context.WithTimeoutCause(t.Context(), 0, own)
	defer cancel3()
	below, cancel4 := context.WithCancel(late)
	defer cancel4()
	for name, c := range map[string]struct {
		ctx         context.Context
		err, caused error
		text        string
	}{
		"cancelled":          {cancelled, context.Canceled, own, "enough"},
		"without a reason":   {plain, context.Canceled, context.Canceled, "context canceled"},
		"out of time":        {late, context.DeadlineExceeded, own, "enough"},
		"a context below it": {below, context.DeadlineExceeded, own, "enough"},
	} {
		err := store.Ended(c.ctx)
		if !errors.Is(err, c.err) || !errors.Is(err, c.caused) || !store.IsFailure(err) || err.Error() != c.text {
			t.Errorf("%s: %v", name, err)
		}
	}
	lasts, cancel5 := context.WithTimeout(t.Context(), time.Hour)
	defer cancel5()
	if err := store.Ended(lasts); err != nil {
		t.Errorf("a context that has not ended: %v", err)
	}
}
