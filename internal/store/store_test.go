package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/store/storetest"
)

const size = 100_000

// object returns a store with the object "x", and its bytes.
func object(t *testing.T) (*storetest.Faulty, []byte) {
	t.Helper()
	s, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	data := storetest.Content(1, size)
	replace(t, s, data)
	return &storetest.Faulty{Store: s}, data
}

func replace(t *testing.T, s store.Store, data []byte) {
	t.Helper()
	if _, err := s.Put(context.Background(), "x", bytes.NewReader(data), int64(len(data)), store.Condition{}); err != nil {
		t.Fatal(err)
	}
}

func openParallel(t *testing.T, s store.Store, off, length, part int64, ahead int) io.ReadCloser {
	t.Helper()
	r, info, err := store.OpenParallel(context.Background(), s, "x", off, length, part, ahead)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size != size {
		t.Errorf("size %d", info.Size)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestOpenParallel(t *testing.T) {
	for _, c := range []struct {
		off, length, part int64
		ahead             int
		requests          int64
	}{
		{0, -1, size, 4, 1},
		{0, -1, 2 * size, 4, 1},
		{0, size, size, 1, 1},
		{0, -1, size - 1, 4, 2},
		{0, -1, 10_000, 3, 10},
		{0, -1, 10_000, 100, 10},
		{0, -1, 10_001, 1, 10},
		{50_000, 10_000, 10_000, 8, 1},
		{50_000, 10_001, 10_000, 8, 2},
		{99_999, -1, 10, 8, 1},
		{5, 0, 10, 8, 1},
	} {
		s, data := object(t)
		r := openParallel(t, s, c.off, c.length, c.part, c.ahead)
		if err := iotest.TestReader(iotest.OneByteReader(r), data[c.off:][:wanted(c.off, c.length)]); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		if s.Calls() != c.requests {
			t.Errorf("%+v: %d requests", c, s.Calls())
		}
	}
}

func wanted(off, length int64) int64 {
	end, _ := store.End(off, length, size)
	return end - off
}

// TestOpenParallelShort requests more bytes than the object has.
func TestOpenParallelShort(t *testing.T) {
	for _, c := range []struct{ off, length int64 }{{0, size + 1}, {90_000, 20_000}, {size + 1, -1}, {size, 1}, {2 * size, 10}, {math.MaxInt64 - 5, 10}} {
		s, data := object(t)
		got, err := io.ReadAll(openParallel(t, s, c.off, c.length, 7000, 3))
		if !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.Equal(got, data[min(c.off, size):]) {
			t.Errorf("%v: %d bytes, %v", c, len(got), err)
		}
	}
}

// TestOpenParallelStreams gets the first byte while the rest of the first range hangs, and then
// closes the reader. Requests in flight are cancelled, and no goroutine is left.
func TestOpenParallelStreams(t *testing.T) {
	s, data := object(t)
	var running, most atomic.Int64
	s.Before = func(ctx context.Context, c storetest.Call) (bool, error) {
		if c.N == 1 {
			return true, nil
		}
		most.Store(max(most.Load(), running.Add(1)))
		defer running.Add(-1)
		<-ctx.Done()
		return false, ctx.Err()
	}
	blocked := make(chan struct{})
	s.Body = func(_ storetest.Call, _ store.Info, r io.Reader) io.Reader {
		return io.MultiReader(io.LimitReader(r, 10), readerFunc(func([]byte) (int, error) { <-blocked; return 0, io.ErrUnexpectedEOF }))
	}
	r := openParallel(t, s, 0, -1, 1000, 5)
	got := make([]byte, 10)
	if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, data[:10]) {
		t.Fatalf("%v, %v", got, err)
	}
	for deadline := time.Now().Add(time.Minute); running.Load() < 4 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if running.Load() != 0 {
		t.Errorf("%d requests run after Close", running.Load())
	}
	if s.Calls() != 5 {
		t.Errorf("%d requests with 5 ahead", s.Calls())
	}
	if _, err := r.Read(got); err == nil {
		t.Error("read after close")
	}
	close(blocked)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestOpenParallelFaults lets each range fail in turn, at its beginning and in its middle.
func TestOpenParallelFaults(t *testing.T) {
	for n := int64(1); n <= 10; n++ {
		s, data := object(t)
		s.Before = storetest.FailAt(n, false, store.ErrUnreachable)
		r, _, err := store.OpenParallel(context.Background(), s, "x", 0, -1, 10_000, 3)
		var got []byte
		if err == nil {
			got, err = io.ReadAll(r)
			r.Close()
		}
		if !errors.Is(err, store.ErrUnreachable) || !bytes.HasPrefix(data, got) || len(got) >= size {
			t.Errorf("request %d fails: %d bytes, %v", n, len(got), err)
		}

		s, data = object(t)
		s.Body = func(c storetest.Call, _ store.Info, r io.Reader) io.Reader {
			if c.N == n {
				return storetest.Truncated(r, 5000, io.EOF)
			}
			return r
		}
		got, err = io.ReadAll(openParallel(t, s, 0, -1, 10_000, 3))
		if !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.HasPrefix(data, got) {
			t.Errorf("range %d ends early: %d bytes, %v", n, len(got), err)
		}
	}
}

func TestOpenParallelReplaced(t *testing.T) {
	s, _ := object(t)
	r := openParallel(t, s, 0, -1, 10_000, 2)
	replace(t, s.Store, storetest.Content(2, size))
	if _, err := io.ReadAll(r); !errors.Is(err, store.ErrConflict) {
		t.Error(err)
	}
}

func TestOpenParallelCancelled(t *testing.T) {
	s, _ := object(t)
	ctx, cancel := context.WithCancel(context.Background())
	r, _, err := store.OpenParallel(ctx, s, "x", 0, -1, 10_000, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cancel()
	if _, err := io.ReadAll(r); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestSizedBody(t *testing.T) {
	for _, n := range []int{0, 1, 1000} {
		data := storetest.Content(1, n)
		for kind, wrap := range map[string]func(io.Reader) io.Reader{
			"plain": func(r io.Reader) io.Reader { return r }, "one byte": iotest.OneByteReader, "data with error": iotest.DataErrReader,
		} {
			for size, want := range map[int64]error{int64(n): nil, int64(n) + 1: store.ErrBodySize, int64(n) - 1: store.ErrBodySize, -1: nil} {
				if n == 0 && size == -1 {
					continue
				}
				got, err := io.ReadAll(store.SizedBody(wrap(bytes.NewReader(data)), size))
				if !errors.Is(err, want) || !bytes.HasPrefix(data, got) {
					t.Errorf("%s, %d bytes announced as %d: %d bytes, %v", kind, n, size, len(got), err)
				}
			}
		}
	}
}

func TestCounter(t *testing.T) {
	var c store.Counter
	before := c.Requests()
	c.Add("GET")
	c.Add("GET")
	c.Add("PUT")
	if diff := cmp.Diff(map[string]int64{"GET": 2, "PUT": 1}, c.Requests()); diff != "" || len(before) != 0 {
		t.Error(before, diff)
	}
}

// FuzzCheckName: no accepted name can leave a directory, on any operating system.
func FuzzCheckName(f *testing.F) {
	for _, s := range []string{"a/b", "../x", "a//b", `a\b`, "a/.", "c:x", "v2/modules/github.com/!burnt!sushi/toml/@v/v1.5.0/ab"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if store.CheckName(name) != nil {
			return
		}
		if strings.ContainsAny(name, "\\:\x00#%?* ABCDEFGHIJKLMNOPQRSTUVWXYZ") || len(name) > store.MaxName {
			t.Errorf("%q is accepted", name)
		}
		for _, e := range strings.Split(name, "/") {
			if e == "" || e == "." || e == ".." {
				t.Errorf("%q is accepted", name)
			}
		}
	})
}

func ExampleGet() {
	_, _, err := store.Get(context.Background(), emptyStore(), "v1/x", 1<<20)
	fmt.Println(errors.Is(err, store.ErrNotFound))
	// Output: true
}

func emptyStore() store.Store {
	s, err := dir.Open("no-such-directory")
	if err != nil {
		panic(err)
	}
	return s
}
