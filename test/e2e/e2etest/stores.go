package e2etest

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
)

// Stores opens an empty store of each kind.
func Stores(t testing.TB) map[string]store.Store {
	t.Helper()
	return map[string]store.Store{"dir": DirStore(t, filepath.Join(t.TempDir(), "store")), "s3": S3Store(t)}
}

// DirStore opens a directory store.
func DirStore(t testing.TB, root string) store.Store {
	t.Helper()
	st, err := dir.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// S3Store opens an empty store on a real S3 server.
func S3Store(t testing.TB) store.Store {
	t.Helper()
	st, _ := S3StoreOn(t)
	return st
}

// S3StoreOn also returns the server.
func S3StoreOn(t testing.TB) (store.Store, *storetest.Server) {
	t.Helper()
	srv := storetest.Gateway(t)
	srv.Bucket(t, "bucket")
	srv.Setenv(t)
	st, err := s3.New(context.Background(), s3.Options{Bucket: "bucket", Prefix: "some/prefix", Region: "us-east-1", Endpoint: srv.Endpoint, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	return st, srv
}

// ReadManifest reads a manifest, which must exist and be whole.
func ReadManifest(t testing.TB, st store.Store, object string) *snapshot.Manifest {
	t.Helper()
	data, _, err := store.Get(context.Background(), st, object, snapshot.MaxManifest)
	Must(t, err)
	m, err := snapshot.DecodeManifest(data)
	Must(t, err)
	return m
}
