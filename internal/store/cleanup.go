package store

import (
	"context"
	"errors"
	"time"
)

// afterUnreachable bounds the cleanup after the store was found not to answer. The caller has
// already waited as long as it may; a store that works answers a new connection sooner than this.
const afterUnreachable = 600 * time.Millisecond

type endKey struct{}

// WithEnd returns a copy of ctx from which Cleanup makes contexts that end with end at the latest.
func WithEnd(ctx, end context.Context) context.Context {
	return context.WithValue(ctx, endKey{}, end)
}

// Cleanup returns a context for what must be done even after ctx was cancelled, such as removing
// the parts of an upload; why is the error that makes it necessary. The context lasts for limit, or
// less if the store does not answer (according to why, or to the cause of ctx), and never longer
// than WithEnd allows. The caller must call the returned function.
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
