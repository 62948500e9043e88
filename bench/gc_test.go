package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/gocache-action/gc"
	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
)

// The synthetic store has packs in 1000 scopes, shared modules, and manifests that name the first
// of all packs.
const (
	scopes       = 1000
	perManifest  = 100 // packs
	modsManifest = 200 // out of all modules, so that each is named many times
)

// bigStore is a store that makes up its objects while it lists them, so that only the memory of the
// collection is measured. Its notes are in a file.
type bigStore struct {
	store.Collector // a directory, for the notes
	packs, modules  int
	manifests       int
	deleted         atomic.Int64
}

func sum(kind byte, i int) [32]byte {
	return sha256.Sum256(binary.LittleEndian.AppendUint64([]byte{kind}, uint64(i)))
}

func (b *bigStore) pack(i int) string {
	return snapshot.PackObject("github.com/acme/shop", fmt.Sprintf("refs/pull/%d/merge", i%scopes), sum('p', i))
}

func (b *bigStore) module(i int) string {
	return fmt.Sprintf("v2/modules/example.com/some/module%d/@v/v1.%d.0/%x", i, i%17, sum('m', i))
}

func (b *bigStore) manifest(i int) string {
	return snapshot.ManifestObject("github.com/acme/shop", fmt.Sprintf("refs/pull/%d/merge", i%scopes),
		[]string{"test", "linux", "amd64", "go1.26.0", fmt.Sprint("job-", i)})
}

// List yields the objects with the prefix. Packs and modules are old, so that their age protects
// none of them.
func (b *bigStore) List(_ context.Context, prefix string) iter.Seq2[store.Entry, error] {
	old := time.Now().Add(-100 * 24 * time.Hour)
	return func(yield func(store.Entry, error) bool) {
		put := func(name string, size int64, mod time.Time) bool {
			return !strings.HasPrefix(name, prefix) || yield(store.Entry{Name: name, Info: store.Info{Size: size, Version: "v", ModTime: mod}}, nil)
		}
		for i := range b.manifests {
			if !put(b.manifest(i), 40_000, time.Now()) {
				return
			}
		}
		for i := range b.packs {
			if !put(b.pack(i), int64(i), old) {
				return
			}
		}
		for i := range b.modules {
			if !put(b.module(i), int64(i), old) {
				return
			}
		}
	}
}

// Open makes up a manifest.
func (b *bigStore) Open(ctx context.Context, name string, off, length int64) (io.ReadCloser, store.Info, error) {
	_, number, ok := strings.Cut(name, "/job-")
	if !ok {
		return b.Collector.Open(ctx, name, off, length)
	}
	var k int
	fmt.Sscan(number, &k)
	m := new(snapshot.Manifest)
	for i := range perManifest {
		m.Packs = append(m.Packs, snapshot.Pack{Object: b.pack((k*perManifest + i) % b.packs)})
	}
	for i := range modsManifest {
		m.Modules = append(m.Modules, snapshot.Module{Object: b.module((k*37 + i) % b.modules)})
	}
	data, err := m.Encode()
	return io.NopCloser(bytes.NewReader(data)), store.Info{Size: int64(len(data)), Version: "v", ModTime: time.Now()}, err
}

// Stat agrees with List.
func (b *bigStore) Stat(ctx context.Context, name string) (store.Info, error) {
	if name == gcnotes.Object {
		return b.Collector.Stat(ctx, name)
	}
	return store.Info{Version: "v", ModTime: time.Now().Add(-100 * 24 * time.Hour)}, nil
}

func (b *bigStore) Delete(_ context.Context, names []string) map[string]error {
	b.deleted.Add(int64(len(names)))
	return nil
}

// peak runs f and returns by how many bytes the heap, and the memory obtained from the system, grew
// at most.
func peak(f func()) (heap, sys int64) {
	debug.FreeOSMemory()
	var start runtime.MemStats
	runtime.ReadMemStats(&start)
	done, result := make(chan struct{}), make(chan [2]uint64)
	go func() {
		var most [2]uint64
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most[0], most[1] = max(most[0], m.HeapAlloc), max(most[1], m.Sys-m.HeapReleased)
			select {
			case <-done:
				result <- most
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	f()
	close(done)
	most := <-result
	return int64(most[0]) - int64(start.HeapAlloc), int64(most[1]) - int64(start.Sys-start.HeapReleased)
}

func newBigStore(tb testing.TB, packs, modules, manifests int) *bigStore {
	tb.Helper()
	notes, err := dir.Open(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	return &bigStore{Collector: notes, packs: packs, modules: modules, manifests: manifests}
}

// measure runs a collection, and reports the memory for each object.
func measure(b *testing.B, st store.Collector, ahead time.Duration) *gc.Result {
	b.Helper()
	var res *gc.Result
	var err error
	heap, sys := peak(func() {
		res, err = gc.Run(context.Background(), gc.Options{
			Store: st, MaxAge: 35 * 24 * time.Hour, Grace: 24 * time.Hour, Now: func() time.Time { return time.Now().Add(ahead) },
		})
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(heap)/1e6, "heap-MB")
	b.ReportMetric(float64(sys)/1e6, "process-MB")
	b.ReportMetric(float64(res.Total.Objects), "removed")
	return res
}

// BenchmarkCollect measures the time and memory of collections on stores of a million objects, most
// or none of them named. It measures a first collection, which notes everything unnamed, and one
// that removes all of that. Run it with -benchtime 1x.
func BenchmarkCollect(b *testing.B) {
	for _, c := range []struct {
		name                      string
		packs, modules, manifests int
	}{
		{"million", 795_000, 200_000, 5000},
		{"million-unnamed", 800_000, 200_000, 0},
		{"ten-thousand", 7_950, 2_000, 50},
	} {
		st := newBigStore(b, c.packs, c.modules, c.manifests)
		b.Run(c.name+"/first", func(b *testing.B) {
			for range b.N {
				measure(b, st, 0)
			}
		})
		b.Run(c.name+"/second", func(b *testing.B) {
			for range b.N {
				measure(b, st, 25*time.Hour)
			}
		})
	}
}

// BenchmarkCollectDirectory does the same with a real directory of 100,000 objects.
func BenchmarkCollectDirectory(b *testing.B) {
	const objects = 100_000
	root := b.TempDir()
	st, err := dir.Open(root)
	if err != nil {
		b.Fatal(err)
	}
	names := newBigStore(b, objects, 0, 0)
	for i := range objects {
		file := filepath.Join(root, filepath.FromSlash(names.pack(i)))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("x"), 0o666); err != nil {
			b.Fatal(err)
		}
	}
	for _, ahead := range []time.Duration{0, 25 * time.Hour} {
		b.Run(fmt.Sprintf("after-%v", ahead), func(b *testing.B) { measure(b, st, ahead) })
	}
}

// TestCollectionMemory checks the promise of docs/gc.md with 200,000 objects that no manifest
// names: all of them have to be remembered from the first collection to the second. Their names
// alone would take too much memory.
func TestCollectionMemory(t *testing.T) {
	const objects = 200_000
	st := newBigStore(t, objects, 0, 0)
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // measure the heap in use, rather than garbage
	for _, ahead := range []time.Duration{0, 25 * time.Hour} {
		var res *gc.Result
		var err error
		heap, _ := peak(func() {
			res, err = gc.Run(context.Background(), gc.Options{
				Store: st, MaxAge: 35 * 24 * time.Hour, Grace: 24 * time.Hour, Now: func() time.Time { return time.Now().Add(ahead) },
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d objects removed, heap grew by %d bytes per object", res.Total.Objects, heap/objects)
		if heap > 85*objects {
			t.Errorf("the heap grew by %d MB for %d objects", heap/1e6, objects)
		}
		if (res.Total.Objects == objects) != (ahead > 0) {
			t.Errorf("%+v", res.Total)
		}
	}
	if st.deleted.Load() != objects {
		t.Errorf("%d objects were removed", st.deleted.Load())
	}
}
