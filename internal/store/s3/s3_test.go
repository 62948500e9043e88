package s3_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
)

var buckets atomic.Int64

// newBucket makes an empty bucket and returns its name.
func newBucket(t testing.TB, g *storetest.Server) string {
	t.Helper()
	name := fmt.Sprintf("bucket-%d", buckets.Add(1))
	g.Bucket(t, name)
	return name
}

func options(g *storetest.Server, bucket string) s3.Options {
	return s3.Options{
		Bucket: bucket, Prefix: "pre/fix", Endpoint: g.Endpoint, Region: "us-east-1", PathStyle: true,
		PartSize: storetest.PartSize, Concurrency: 4,
	}
}

func openStore(t testing.TB, o s3.Options) *s3.Store {
	t.Helper()
	s, err := s3.New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	t.Parallel()
	g := storetest.Gateway(t)
	storetest.Run(t, func(t *testing.T) store.Store { return openStore(t, options(g, newBucket(t, g))) })
}
