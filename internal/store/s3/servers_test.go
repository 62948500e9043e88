package s3_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3/s3test"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/internal/store/storeurl"
)

// lacks lists what servers are known not to support.
var lacks = map[string]storetest.Lacks{
	"gofakes3": {ConditionsOfParts: true, VersionsOfParts: true}, // 1.2.0
}

// TestServers runs the suite of all stores against each server that was asked for.
func TestServers(t *testing.T) {
	// TestContract runs it against versitygw
	for _, name := range storetest.Restrict(storetest.Servers(), "versitygw") {
		t.Run(name, func(t *testing.T) {
			server := storetest.StartServer(t, name)
			server.Setenv(t)
			n := 0
			storetest.RunWithout(t, lacks[name], func(t *testing.T) store.Store {
				n++
				bucket := fmt.Sprintf("bucket-%d", n)
				s3test.CreateBucket(t, server, bucket)
				return openStore(t, options(server, bucket))
			})
		})
	}
}

// TestPublicServers reads a bucket without credentials that everybody may read, and nobody may
// list. gofakes3 checks no credentials, and rclone has no policies.
func TestPublicServers(t *testing.T) {
	for _, name := range storetest.Restrict(storetest.Servers(), "gofakes3", "rclone") {
		t.Run(name, func(t *testing.T) {
			server := storetest.StartServer(t, name)
			server.Setenv(t)
			s3test.CreateBucket(t, server, "public")
			o := options(server, "public")
			mustPut(t, openStore(t, o), "a", []byte("one"))
			withoutCredentials(t)
			ctx := context.Background()
			if _, _, err := openStore(t, o).Open(ctx, "a", 0, -1); !errors.Is(err, store.ErrDenied) {
				t.Errorf("before it is public: %v", err)
			}
			s3test.MakePublic(t, server, "public", false)
			s := openStore(t, o)
			mustRead(t, s, "a", []byte("one"))
			if _, _, err := s.Open(ctx, "b", 0, -1); !errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDenied) {
				t.Errorf("absent: %v", err)
			}
			if _, err := s.Stat(ctx, "b"); !errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDenied) {
				t.Errorf("absent: %v", err)
			}
			if err := store.Writable(ctx, s); !errors.Is(err, store.ErrReadOnly) {
				t.Errorf("writable: %v", err)
			}
		})
	}
}

// TestStoreOfEnvironment runs the same suite against any server. With conditional-writes=false in
// the URL, it leaves out conditions.
func TestStoreOfEnvironment(t *testing.T) {
	raw := os.Getenv(storetest.StoreEnv)
	if raw == "" {
		t.Skipf("%s names no store", storetest.StoreEnv)
	}
	target, err := storeurl.Parse(raw)
	if err != nil || target.S3 == nil {
		t.Fatalf("%s: want s3://bucket/prefix and its parameters: %v", storetest.StoreEnv, err)
	}
	storetest.RunWithout(t, storetest.Lacks{Conditions: target.S3.NoConditions}, func(t *testing.T) store.Store {
		u, err := storetest.FreshPrefix(raw)
		if err != nil {
			t.Fatal(err)
		}
		target, err := storeurl.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		o := *target.S3
		o.PartSize, o.NoConditions = storetest.PartSize, false
		s := openStore(t, o)
		t.Cleanup(func() { removeAll(t, s) })
		return s
	})
}

// removeAll removes everything that a test has put into a store which outlives it.
func removeAll(t *testing.T, s store.Collector) {
	t.Helper()
	var names []string
	for e, err := range s.List(context.Background(), "") {
		if err != nil {
			t.Error(err)
			return
		}
		names = append(names, e.Name)
	}
	for batch := range slices.Chunk(names, store.MaxDelete) {
		for name, err := range s.Delete(context.Background(), batch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
