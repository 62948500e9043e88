package azblob_test

import (
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/storetest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	c := storetest.Azurite(t)
	storetest.RunFaults(t, c, storetest.Faults{Open: func(t *testing.T, endpoint string, stall time.Duration) (store.Collector, store.Collector) {
		o := options(t, c)
		direct := openStore(t, o)
		o.Endpoint, o.StallTimeout, o.MaxAttempts = endpoint, stall, 4
		return openStore(t, o), direct
	}})
}
