package osfile

import (
	"errors"
	"testing"
	"time"
)

// TestRetry: a temporary error is retried, within the limit, and any other error is returned at
// once.
func TestRetry(t *testing.T) {
	busy, other := errors.New("busy"), errors.New("other")
	defer func(old []error) { locked = old }(locked)
	locked = []error{busy}
	for _, c := range []struct {
		name  string
		limit time.Duration
		fails int
		err   error
		want  error
		calls int
	}{
		{"passes", time.Minute, 3, busy, nil, 4},
		{"another error", time.Minute, 3, other, other, 1},
		{"does not pass", 50 * time.Millisecond, 1 << 30, busy, busy, 0},
	} {
		calls := 0
		err := retry(c.limit, func() error {
			if calls++; calls <= c.fails {
				return c.err
			}
			return nil
		})
		if !errors.Is(err, c.want) || IsLocked(err) != (c.want == busy) || c.calls != 0 && calls != c.calls || calls < 1 {
			t.Errorf("%s: %v after %d calls", c.name, err, calls)
		}
	}
}
