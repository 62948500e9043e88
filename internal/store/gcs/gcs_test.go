package gcs_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/gcs"
	"github.com/org/gocache-action/internal/store/rest"
	"github.com/org/gocache-action/internal/store/storetest"
)

var buckets atomic.Int64

// options lead to an empty bucket.
func options(t testing.TB, c *storetest.Cloud) gcs.Options {
	t.Helper()
	name := fmt.Sprintf("bucket-%d", buckets.Add(1))
	c.Bucket(t, name)
	return gcs.Options{
		Bucket: name, Options: rest.Options{Prefix: "pre/fix", Endpoint: c.Endpoint, PartSize: storetest.PartSize, Concurrency: 4},
		CredentialsFile: strings.TrimPrefix(c.Env()[0], "GOOGLE_APPLICATION_CREDENTIALS="),
	}
}

func openStore(t testing.TB, o gcs.Options) *gcs.Store {
	t.Helper()
	s, err := gcs.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	t.Parallel()
	c := storetest.FakeGCS(t)
	storetest.Run(t, func(t *testing.T) store.Store { return openStore(t, options(t, c)) })
}
