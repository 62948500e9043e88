package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/org/gocache-action/internal/store"
)

// testConditions tries conditions on objects of a size: in one request, or in parts.
func testConditions(n int) func(t *testing.T, s store.Store) {
	return func(t *testing.T, s store.Store) {
		ctx := context.Background()
		name := fmt.Sprintf("c/%d", n)
		try := func(seed uint64, cond store.Condition) (store.Info, error) {
			return s.Put(ctx, name, bytes.NewReader(Content(seed, n)), int64(n), cond)
		}
		if _, err := try(1, store.Condition{IfMatch: "\"0123456789abcdef0123456789abcdef\""}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: a version of an object that does not exist: %v", name, err)
		}
		first, err := try(1, store.Condition{IfAbsent: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := try(2, store.Condition{IfAbsent: true}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: absent, but it exists: %v", name, err)
		}
		second, err := try(2, store.Condition{IfMatch: first.Version})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := try(3, store.Condition{IfMatch: first.Version}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: an old version matches: %v", name, err)
		}
		if _, err := try(3, store.Condition{IfAbsent: true, IfMatch: second.Version}); err == nil {
			t.Errorf("%s: a condition that contradicts itself is accepted", name)
		}
		got, info := get(t, s, name)
		same(t, name, got, Content(2, n))
		if !info.Same(second) {
			t.Errorf("%s: Put says %v, Open %v", name, second, info)
		}
	}
}

func testOneAbsentWins(t *testing.T, s store.Store) {
	for round := range 5 {
		oneWins(t, s, fmt.Sprintf("w/%d", round), 1000, store.Condition{IfAbsent: true})
	}
}

func testOneAbsentWinsInParts(t *testing.T, s store.Store) {
	oneWins(t, s, "w/parts", PartSize+1, store.Condition{IfAbsent: true})
}

func testOneMatchWins(t *testing.T, s store.Store) {
	for round := range 5 {
		name := fmt.Sprintf("w/%d", round)
		info := put(t, s, name, Content(99, 1000), store.Condition{})
		oneWins(t, s, name, 1000, store.Condition{IfMatch: info.Version})
	}
}

// oneWins lets 16 writers start at once, with different bodies of the same size.
func oneWins(t *testing.T, s store.Store, name string, size int, cond store.Condition) {
	t.Helper()
	const writers = 16
	var wg sync.WaitGroup
	errs := make([]error, writers)
	start := make(chan struct{})
	for i := range writers {
		wg.Go(func() {
			<-start
			_, errs[i] = s.Put(context.Background(), name, bytes.NewReader(Content(uint64(i), size)), int64(size), cond)
		})
	}
	close(start)
	wg.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Fatalf("%s: writers %d and %d both won", name, winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, store.ErrConflict):
			t.Fatalf("%s: writer %d: %v", name, i, err)
		}
	}
	if winner < 0 {
		t.Fatalf("%s: nobody won", name)
	}
	got, _ := get(t, s, name)
	same(t, name, got, Content(uint64(winner), size))
}

// testVersions replaces an object faster than clocks tick, with bodies of the same size.
func testVersions(t *testing.T, s store.Store) {
	seen := map[store.Version]int{}
	for i := range 50 {
		v := put(t, s, "v", Content(uint64(i), 100), store.Condition{}).Version
		if j, ok := seen[v]; ok {
			t.Fatalf("contents %d and %d have the same version %s", j, i, v)
		}
		seen[v] = i
	}
}

func testBodyFails(t *testing.T, s store.Store) {
	broken := errors.New("the body is broken")
	for _, n := range []int{0, 100, PartSize, 2*PartSize + 100} {
		for _, size := range []int64{-1, int64(n) + 50} {
			for _, fault := range []error{broken, io.ErrUnexpectedEOF} {
				body := io.MultiReader(Stream(Content(1, n)), iotest.ErrReader(fault))
				if _, err := s.Put(context.Background(), "b", body, size, store.Condition{}); !errors.Is(err, fault) {
					t.Errorf("body that fails after %d bytes: %v", n, err)
				}
				if _, err := s.Stat(context.Background(), "b"); !errors.Is(err, store.ErrNotFound) {
					t.Fatalf("body that fails after %d bytes leaves an object: %v", n, err)
				}
			}
		}
	}
}

func testWrongSize(t *testing.T, s store.Store) {
	for _, n := range []int{0, 100, PartSize, PartSize + 100} {
		for _, size := range []int64{int64(n) + 1, int64(n) - 1, int64(n) + PartSize} {
			if size < 0 {
				continue
			}
			for kind, body := range map[string]io.Reader{"bytes": bytes.NewReader(Content(1, n)), "stream": Stream(Content(1, n))} {
				if _, err := s.Put(context.Background(), "b", body, size, store.Condition{}); !errors.Is(err, store.ErrBodySize) {
					t.Errorf("%s of %d bytes announced as %d: %v", kind, n, size, err)
				}
			}
			if _, err := s.Stat(context.Background(), "b"); !errors.Is(err, store.ErrNotFound) {
				t.Fatalf("body of %d bytes announced as %d leaves an object: %v", n, size, err)
			}
		}
	}
}

func testCancelled(t *testing.T, s store.Store) {
	want := Content(1, 2*PartSize)
	put(t, s, "x", want, store.Condition{})
	ctx, cancel := context.WithCancel(context.Background())
	r, _, err := s.Open(ctx, "x", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	// Cancelled by the body itself, at three places of an upload in parts.
	for _, at := range []int64{10, PartSize + 10, 2*PartSize - 10} {
		ctx, cancel := context.WithCancel(context.Background())
		body := &cancelling{r: bytes.NewReader(want), left: at, cancel: cancel}
		if _, err := s.Put(ctx, "y", body, int64(len(want)), store.Condition{}); !errors.Is(err, context.Canceled) {
			t.Errorf("put cancelled at byte %d: %v", at, err)
		}
	}
	cancel()
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, context.Canceled) {
		t.Errorf("read after cancel: %v", err)
	}
	_, _, oerr := s.Open(ctx, "x", 0, -1)
	_, serr := s.Stat(ctx, "x")
	_, perr := s.Put(ctx, "y", bytes.NewReader(want), int64(len(want)), store.Condition{})
	for _, err := range []error{oerr, serr, perr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("with a cancelled context: %v", err)
		}
	}
	if _, err := s.Stat(context.Background(), "y"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a cancelled put leaves an object: %v", err)
	}
}

// cancelling is a body that cancels the context of its Put.
type cancelling struct {
	r      io.Reader
	left   int64
	cancel func()
}

func (c *cancelling) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left <= 0 {
		c.cancel()
	}
	return n, err
}

func testReplacement(t *testing.T, s store.Store) {
	const size = 300_000
	replacements := 60
	if testing.Short() {
		replacements = 6
	}
	bodies := [][]byte{bytes.Repeat([]byte("a"), size), bytes.Repeat([]byte("b"), size)}
	put(t, s, "x", bodies[0], store.Condition{})
	var reads, conflicts atomic.Int64
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				data, _, err := store.Get(context.Background(), s, "x", size)
				switch {
				case errors.Is(err, store.ErrConflict): // allowed by the contract
					conflicts.Add(1)
				case err != nil:
					t.Error(err)
					return
				case len(data) != size || bytes.Count(data, data[:1]) != size:
					t.Errorf("a reader sees a mixture, or a part, of %d bytes", len(data))
					return
				default:
					reads.Add(1)
				}
			}
		})
	}
	deadline := time.Now().Add(time.Minute)
	for i := 1; i <= replacements || reads.Load() < 20 && time.Now().Before(deadline); i++ {
		put(t, s, "x", bodies[i%2], store.Condition{})
		if i >= replacements && reads.Load() < 20 { // a service may allow no more than 200 in a minute
			time.Sleep(500 * time.Millisecond)
		}
	}
	close(done)
	wg.Wait()
	if reads.Load() < 20 {
		t.Errorf("only %d reads succeeded, %d found a conflict", reads.Load(), conflicts.Load())
	}
}

// testParallelPuts runs more uploads at once than any store has buffers.
func testParallelPuts(t *testing.T, s store.Store) {
	const puts = 24
	var wg sync.WaitGroup
	for i := range puts {
		wg.Go(func() {
			n := PartSize/4 + i
			if i%8 == 0 {
				n += PartSize
			}
			if _, err := s.Put(context.Background(), fmt.Sprintf("p/%d", i), Stream(Content(uint64(i), n)), -1, store.Condition{IfAbsent: true}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range puts {
		got, _ := get(t, s, fmt.Sprintf("p/%d", i))
		same(t, fmt.Sprint("put ", i), got[:100], Content(uint64(i), 100))
	}
}
