package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/gc"
	"github.com/org/gocache-action/internal/listing"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// smallManifests is a store whose manifests say whose they are, and name little: a list decodes no
// more than that of them.
type smallManifests struct{ *bigStore }

// Open makes up a manifest.
func (s smallManifests) Open(ctx context.Context, name string, off, length int64) (io.ReadCloser, store.Info, error) {
	_, number, ok := strings.Cut(name, "/job-")
	if !ok {
		return s.bigStore.Open(ctx, name, off, length)
	}
	var k int
	fmt.Sscan(number, &k)
	digest := fmt.Sprint("job-", k)
	m := &snapshot.Manifest{
		Repo: "github.com/acme/shop", Scope: fmt.Sprintf("refs/pull/%d/merge", k%scopes), Digest: digest,
		Key: []string{"test", "linux", "amd64", "go1.26.0", digest}, Writer: snapshot.Writing{Time: time.Now()},
		Trend: []snapshot.Saved{{Time: time.Now(), Stored: int64(k)}}, Packs: []snapshot.Pack{{Object: s.pack(k)}},
	}
	data, err := m.Encode()
	return io.NopCloser(bytes.NewReader(data)), store.Info{Size: int64(len(data)), Version: "v", ModTime: time.Now()}, err
}

// List makes names of packs that cost little: a list looks at their form only.
func (s smallManifests) List(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		manifests := &bigStore{manifests: s.manifests}
		for e, err := range manifests.List(ctx, prefix) {
			if !yield(e, err) {
				return
			}
		}
		below := snapshot.ScopePrefix("github.com/acme/shop", "refs/heads/main") + "/packs/"
		for i := range s.packs {
			if !yield(store.Entry{Name: fmt.Sprintf("%s%064x", below, i), Info: store.Info{Size: 1, Version: "v"}}, nil) {
				return
			}
		}
	}
}

// The store of the promise in docs/looking.md: a million objects, of which more manifests than a
// list has rows.
const (
	listedManifests = 12_000
	listedPacks     = 1_000_000 - listedManifests
)

// list lists such a store.
func list(t testing.TB, st store.Collector, most int) (found *listing.Result, heap, sys int64) {
	t.Helper()
	var err error
	heap, sys = peak(func() {
		found, err = listing.Objects(context.Background(), st, listing.Filter{}, listing.Options{Max: most})
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, heap, sys
}

// TestListingMemory: a list of a million objects takes the memory of its rows, and no more if there
// are more manifests than rows.
func TestListingMemory(t *testing.T) {
	st := smallManifests{newBigStore(t, listedPacks, 0, listedManifests)}
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // measure the heap in use, rather than garbage
	const most = 1000                                // the fake takes a millisecond to make a manifest
	found, heap, _ := list(t, st, most)
	for tries := 1; heap > 40e6 && tries < 3; tries++ { // on a busy machine, garbage waits longer
		_, again, _ := list(t, st, most)
		heap = min(heap, again)
	}
	t.Logf("%d rows, and %d manifests that are not listed: the heap grew by %d MB", len(found.Snapshots), found.More, heap/1e6)
	if len(found.Snapshots) != most || found.More != listedManifests-most {
		t.Errorf("%d rows and %d more", len(found.Snapshots), found.More)
	}
	for _, s := range found.Snapshots {
		if s.Problem != "" {
			t.Fatalf("%s: %s", s.Object, s.Problem)
		}
	}
	if heap > 40e6 {
		t.Errorf("the heap grew by %d MB", heap/1e6)
	}
}

// BenchmarkListing measures ls, and the weighing of rm, on a million objects. Run it with
// -benchtime 1x.
func BenchmarkListing(b *testing.B) {
	st := smallManifests{newBigStore(b, listedPacks, 0, listedManifests)}
	b.Run("list", func(b *testing.B) {
		for range b.N {
			_, heap, sys := list(b, st, listing.MaxListed)
			b.ReportMetric(float64(heap)/1e6, "heap-MB")
			b.ReportMetric(float64(sys)/1e6, "process-MB")
		}
	})
	b.Run("weigh", func(b *testing.B) {
		for range b.N {
			sel := gc.Selection{Repo: "github.com/acme/shop", Scope: "refs/pull/7/merge"}
			var w *gc.Weight
			var err error
			heap, sys := peak(func() { w, err = gc.Weigh(context.Background(), gc.Options{Store: st}, sel.Repo, sel.Has) })
			if err != nil {
				b.Fatal(w, err)
			}
			b.ReportMetric(float64(heap)/1e6, "heap-MB")
			b.ReportMetric(float64(sys)/1e6, "process-MB")
		}
	})
}
