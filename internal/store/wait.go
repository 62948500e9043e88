package store

import (
	"context"
	"math/rand/v2"
	"time"
)

// ConflictPause returns how long to wait after ErrConflict in attempt try, counted from 0. The
// pause grows with the attempts and is random, so that jobs which started together spread out.
func ConflictPause(try int) time.Duration {
	return time.Duration(rand.Int64N(int64(20*time.Millisecond) << min(try, 6)))
}

// Sleep waits for d, and reports false if ctx ended first.
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
