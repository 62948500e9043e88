package azblob_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/azblob"
	"github.com/org/gocache-action/internal/store/rest"
	"github.com/org/gocache-action/internal/store/storetest"
)

var containers atomic.Int64

// options lead to an empty container.
func options(t testing.TB, c *storetest.Cloud) azblob.Options {
	t.Helper()
	name := fmt.Sprintf("container-%d", containers.Add(1))
	c.Bucket(t, name)
	return azblob.Options{
		Container: name, Account: storetest.AzuriteAccount, Credentials: azblob.Credentials{Key: storetest.AzuriteKey},
		Options: rest.Options{Prefix: "pre/fix", Endpoint: c.Endpoint, PartSize: storetest.PartSize, Concurrency: 4},
	}
}

func openStore(t testing.TB, o azblob.Options) *azblob.Store {
	t.Helper()
	s, err := azblob.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestContract: requests are signed with the key of the account.
func TestContract(t *testing.T) {
	t.Parallel()
	c := storetest.Azurite(t)
	storetest.Run(t, func(t *testing.T) store.Store { return openStore(t, options(t, c)) })
}
