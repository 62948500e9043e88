package actions

import (
	"context"
	"encoding/base64"
	"sync"

	"github.com/org/gocache-action/internal/store"
)

// slots bound how many do something at once. It is a channel, as waiting for one ends with the
// context.
type slots chan struct{}

// newTurn are slots for one at a time.
func newTurn() slots { return make(slots, 1) }

func (s slots) acquire(ctx context.Context) error {
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return store.Ended(ctx)
	}
}

func (s slots) release() { <-s }

// bufferPool lends the memory of blocks. Whoever takes a buffer holds a slot of the blobs, which
// bounds their number.
type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) get(size int64) []byte {
	if b, ok := p.pool.Get().(*[]byte); ok && int64(cap(*b)) >= size {
		return (*b)[:size]
	}
	return make([]byte, size)
}

func (p *bufferPool) put(b []byte) { p.pool.Put(&b) }

func base64Std(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
