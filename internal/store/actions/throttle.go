package actions

import (
	"context"
	"sync"
	"time"

	"github.com/org/gocache-action/internal/store"
)

// maxRetryAfter is how long a command waits at most because the repository has sent too many
// requests. They count by the minute.
const maxRetryAfter = time.Minute

// throttle makes all requests wait when one of them is told to. That happens once: who waits longer
// than a build without caches takes has lost.
type throttle struct {
	now func() time.Time

	mu    sync.Mutex
	until time.Time // zero: nobody was told to wait
}

// wait waits until the request that began at a time, and was refused, can be sent again. It reports
// false if that is not worth it.
func (t *throttle) wait(ctx context.Context, began time.Time, after time.Duration) bool {
	until, ok := t.decide(ctx, began, after)
	return ok && store.Sleep(ctx, until.Sub(t.now()))
}

func (t *throttle) decide(ctx context.Context, began time.Time, after time.Duration) (until time.Time, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.until.IsZero() {
		return t.until, began.Before(t.until)
	}
	until = t.now().Add(after)
	if deadline, ok := ctx.Deadline(); after > maxRetryAfter || ok && until.After(deadline) {
		return until, false
	}
	t.until = until
	return until, true
}
