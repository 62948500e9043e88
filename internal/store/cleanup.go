package store

import (
	"context"
	"errors"
	"time"
)

// afterUnreachable is what is left for cleaning up after a store that has just been found not to
// answer. Who waited for it has waited as long as was allowed; over a new connection, a store that
// lives needs less.
const afterUnreachable = 600 * time.Millisecond

type endKey struct{}

// WithEnd returns a copy of ctx whose cleaning up, see Cleanup, ends with end at the latest.
func WithEnd(ctx, end context.Context) context.Context {
	return context.WithValue(ctx, endKey{}, end)
}

// Cleanup returns a context for what must be done also after ctx was cancelled, such as removing
// the parts of an upload, because of why. It lasts for limit, for less if the store does not answer
// (now, or as the reason why ctx was cancelled), and not longer than WithEnd said. The caller must
// call cancel.
func Cleanup(ctx context.Context, limit time.Duration, why error) (context.Context, context.CancelFunc) {
	if errors.Is(why, ErrUnreachable) || errors.Is(context.Cause(ctx), ErrUnreachable) {
		limit = min(limit, afterUnreachable)
	}
	out, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	end, ok := ctx.Value(endKey{}).(context.Context)
	if !ok {
		return out, cancel
	}
	stop := context.AfterFunc(end, cancel)
	return out, func() { stop(); cancel() }
}
