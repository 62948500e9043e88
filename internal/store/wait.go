package store

import (
	"context"
	"math/rand/v2"
	"time"
)

// ConflictPause is how long to wait after ErrConflict before attempt try+1, counted from 0. It
// grows with the tries, and is random, so that jobs which started together spread.
func ConflictPause(try int) time.Duration {
	return time.Duration(rand.Int64N(int64(20*time.Millisecond) << min(try, 6)))
}

// Sleep tells whether d passed before ctx ended.
func Sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
