package fetch

import (
	"context"
	"sync"

	"github.com/org/gocache-action/internal/store"
)

// Slots bounds how much is done at once: n transfers, and twice as many jobs, since a job whose
// bytes have all arrived no longer needs the network. Safe for concurrent use.
type Slots struct{ transfers, jobs chan struct{} }

// NewSlots returns slots for n transfers.
func NewSlots(n int) Slots {
	return Slots{make(chan struct{}, n), make(chan struct{}, 2*n)}
}

// Take waits for a slot. The job calls fetched after its transfer, and done, which includes
// fetched, at its end.
func (s Slots) Take(ctx context.Context) (fetched, done func(), err error) {
	if ctx.Err() != nil { // select might take a free slot all the same
		return nil, nil, store.Ended(ctx)
	}
	for i, c := range []chan struct{}{s.jobs, s.transfers} {
		select {
		case c <- struct{}{}:
		case <-ctx.Done():
			if i > 0 {
				<-s.jobs
			}
			return nil, nil, store.Ended(ctx)
		}
	}
	fetched = sync.OnceFunc(func() { <-s.transfers })
	return fetched, func() { fetched(); <-s.jobs }, nil
}
