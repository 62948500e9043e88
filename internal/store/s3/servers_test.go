package s3_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/open"
	"github.com/org/gocache-action/internal/store/s3/s3test"
	"github.com/org/gocache-action/internal/store/storetest"
)

// lacks are what the servers are known not to do.
var lacks = map[string]storetest.Lacks{
	"gofakes3": {ConditionsOfParts: true, VersionsOfParts: true}, // 1.2.0
}

// TestServers is the suite of all stores, against each server that is asked for.
func TestServers(t *testing.T) {
	// which TestContract has
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

// TestPublicServers reads a bucket that everybody may read, and nobody list, without credentials.
// gofakes3 checks none, and rclone has no policies.
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

// TestStoreOfEnvironment is the same against any server. With conditional-writes=false in the URL,
// conditions are left out.
func TestStoreOfEnvironment(t *testing.T) {
	raw := os.Getenv(storetest.StoreEnv)
	if raw == "" {
		t.Skipf("%s names no store", storetest.StoreEnv)
	}
	target, err := open.Parse(raw)
	if err != nil || target.S3 == nil {
		t.Fatalf("%s: want s3://bucket/prefix and its parameters: %v", storetest.StoreEnv, err)
	}
	storetest.RunWithout(t, storetest.Lacks{Conditions: target.S3.NoConditions}, func(t *testing.T) store.Store {
		u, err := storetest.FreshPrefix(raw)
		if err != nil {
			t.Fatal(err)
		}
		target, err := open.Parse(u)
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

// removeAll leaves nothing of a test in a store that outlives it.
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
