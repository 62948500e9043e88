package fetch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// packed returns a fetcher for a store in memory, which has one pack of these frames.
func packed(frames ...string) (*Fetcher, *contenttest.Store, snapshot.Pack) {
	st := new(contenttest.Store)
	var raw [][]byte
	for _, f := range frames {
		raw = append(raw, []byte(f))
	}
	p := contenttest.Pack(st, raw...)
	return &Fetcher{Store: st, Frames: NewMemory(1 << 20), Again: NewMemory(1 << 16), Buffers: NewBuffers(2), Meter: new(report.Meter)}, st, p
}

// all reads and decodes all frames of a source.
func all(t *testing.T, f *Fetcher, src *Source) (list []string, end error) {
	t.Helper()
	for {
		stored, err := src.NextFrame()
		if err != nil {
			return list, err
		}
		raw, err := snapshot.DecodeFrame(stored, f.Buffers.Get())
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(raw))
		f.Buffers.Put(raw)
	}
}

// TestWhole: the frames of an object can be found without a manifest.
func TestWhole(t *testing.T) {
	f, _, p := packed("one", "two", "three")
	fetched := make(chan struct{})
	src, err := f.Whole(t.Context(), func() { close(fetched) }, p.Object)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	got, end := all(t, f, src)
	if !slices.Equal(got, []string{"one", "two", "three"}) || end != io.EOF {
		t.Errorf("%q, %v", got, end)
	}
	<-fetched
	if f.Meter.Bytes.Load() != p.Size {
		t.Errorf("%d bytes are counted, of %d", f.Meter.Bytes.Load(), p.Size)
	}
}

// TestRange reads the requested frames, in one request.
func TestRange(t *testing.T) {
	f, st, p := packed("zero", "one", "two", "three")
	for _, c := range []struct{ first, end int }{{0, 4}, {1, 3}, {3, 4}, {2, 2}} {
		before := len(st.Reads())
		src, info, err := f.Range(t.Context(), func() {}, p, c.first, c.end)
		if err != nil {
			t.Fatal(err)
		}
		got, end := all(t, f, src)
		if want := []string{"zero", "one", "two", "three"}[c.first:c.end]; !slices.Equal(got, want) || end != io.EOF || info.Size != p.Size {
			t.Errorf("%+v: %q, %v", c, got, end)
		}
		if n := len(st.Reads()) - before; n != 1 {
			t.Errorf("%+v: %d requests", c, n)
		}
		src.Close()
	}
}

// TestRangeEndsEarly: the frames before the end of a truncated object are whole, and the error is
// returned again and again.
func TestRangeEndsEarly(t *testing.T) {
	f, st, p := packed("zero", "one", "two")
	st.OnOpen = func(_ context.Context, _ string, body []byte) ([]byte, error) { return body[:len(body)-5], nil }
	src, _, err := f.Range(t.Context(), func() {}, p, 0, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	got, end := all(t, f, src)
	if !slices.Equal(got, []string{"zero", "one"}) || !errors.Is(end, io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v", got, end)
	}
	if _, again := src.NextFrame(); again != end {
		t.Errorf("%v, then %v", end, again)
	}
}

// TestOpenFails: after a failure, the transfer slot is free again, and no memory is held.
func TestOpenFails(t *testing.T) {
	f, st, p := packed("zero")
	st.OnOpen = func(context.Context, string, []byte) ([]byte, error) { return nil, store.ErrDenied }
	fetched := 0
	if _, err := f.Whole(t.Context(), func() { fetched++ }, p.Object); !errors.Is(err, store.ErrDenied) || fetched != 1 {
		t.Errorf("%v, %d", err, fetched)
	}
	if _, err := f.Frame(t.Context(), p, 0); !errors.Is(err, store.ErrDenied) {
		t.Errorf("%v", err)
	}
	if !f.Frames.free.TryAcquire(f.Frames.size) || !f.Again.free.TryAcquire(f.Again.size) {
		t.Error("memory is held")
	}
}

// TestFrame reads one frame, and verifies it.
func TestFrame(t *testing.T) {
	f, st, p := packed("zero", "one", "two")
	for i, want := range []string{"zero", "one", "two"} {
		raw, err := f.Frame(t.Context(), p, i)
		if err != nil || string(raw) != want {
			t.Errorf("%d: %q, %v", i, raw, err)
		}
		f.Buffers.Put(raw)
	}
	st.Change(p.Object, int(p.Size)-1)
	for range 5 { // failures return their buffers
		if _, err := f.Frame(t.Context(), p, 2); !errors.Is(err, snapshot.ErrCorrupt) {
			t.Errorf("%v", err)
		}
	}
	st.Set(p.Object, []byte("short"))
	if _, err := f.Frame(t.Context(), p, 1); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
	if !f.Frames.free.TryAcquire(f.Frames.size) || !f.Again.free.TryAcquire(f.Again.size) {
		t.Error("memory is held")
	}
}

// TestCloseEarly ends a transfer in the middle, and all memory is released.
func TestCloseEarly(t *testing.T) {
	f, _, p := packed("zero", "one", "two")
	r, w := io.Pipe() // this body never ends
	src, _, err := f.Open(t.Context(), func() {}, p.Frames, func(ctx context.Context) (io.ReadCloser, store.Info, error) {
		context.AfterFunc(ctx, func() { w.CloseWithError(ctx.Err()) })
		return r, store.Info{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	src.Close()
	if !f.Frames.free.TryAcquire(f.Frames.size) || !f.Again.free.TryAcquire(f.Again.size) {
		t.Error("memory is held")
	}
}

func TestStoredSize(t *testing.T) {
	frames := []snapshot.Frame{{Size: 1}, {Size: 20}, {Size: 300}}
	for _, c := range []struct {
		from, to int
		want     int64
	}{{0, 0, 0}, {0, 1, 1}, {1, 3, 320}, {2, 1, 0}} {
		if got := StoredSize(frames, c.from, c.to); got != c.want {
			t.Errorf("%d to %d: %d, want %d", c.from, c.to, got, c.want)
		}
	}
}

// TestFrameClass: the counted memory is that of the kept buffer, which is never less than
// requested.
func TestFrameClass(t *testing.T) {
	for _, n := range []int{1, 1 << 16, 1<<16 + 1, 1 << 20, snapshot.MaxFrameStored} {
		class, size := frameClass(n)
		if size < int64(n) || class < minClass || class > maxClass || size > snapshot.MaxFrameStored {
			t.Errorf("%d bytes: class %d, %d", n, class, size)
		}
		if again, _ := frameClass(int(size)); again != class {
			t.Errorf("%d bytes are returned as class %d, not %d", n, again, class)
		}
	}
}

// TestBuffers: no more buffers are lent than there are, and a buffer that has grown beyond a frame
// is not kept.
func TestBuffers(t *testing.T) {
	b := NewBuffers(2)
	first, second := b.Get(), b.Get()
	if first == nil || second == nil {
		t.Error("decoders would not give back what they were lent")
	}
	got := make(chan []byte)
	go func() { got <- b.Get() }()
	select {
	case <-got:
		t.Fatal("a third buffer is lent")
	case <-time.After(10 * time.Millisecond):
	}
	b.Put(append(first, make([]byte, snapshot.FrameSize+1)...))
	if third := <-got; cap(third) != 0 || third == nil {
		t.Errorf("%d bytes", cap(third))
	}
	b.Put(append(second, make([]byte, 1000)...))
	if again := b.Get(); cap(again) < 1000 || len(again) != 0 {
		t.Errorf("%d bytes of %d", len(again), cap(again))
	}
}

// TestSlots: there are n transfers at once, and each job that no longer needs the network makes
// room for another one.
func TestSlots(t *testing.T) {
	s := NewSlots(2)
	take := func(limit time.Duration) (fetched, done func(), ok bool) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		fetched, done, err := s.Take(ctx)
		return fetched, done, err == nil
	}
	const free, full = time.Minute, 20 * time.Millisecond
	fetched, done, ok := take(free)
	_, done2, ok2 := take(free)
	if _, _, third := take(full); !ok || !ok2 || third {
		t.Fatalf("%t %t %t", ok, ok2, third)
	}
	fetched()
	fetched() // a second call has no effect
	_, done3, ok := take(free)
	if !ok {
		t.Fatal("no slot is free after a transfer")
	}
	if _, _, ok := take(full); ok {
		t.Fatal("three transfers at once")
	}
	done2()
	done3()
	done()
	// All slots are free again.
	for range 2 {
		if _, _, ok := take(free); !ok {
			t.Fatal("a slot is lost")
		}
	}
}

// TestSlotsJobs: no more than twice as many jobs are started, whatever they wait for.
func TestSlotsJobs(t *testing.T) {
	s := NewSlots(1)
	var wg sync.WaitGroup
	for range 2 {
		fetched, done, err := s.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fetched()
		defer done()
	}
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	wg.Go(func() {
		if _, _, err := s.Take(ctx); !errors.Is(err, reason) || !store.IsFailure(err) {
			t.Errorf("%v", err)
		}
	})
	cancel(reason)
	wg.Wait()
}

// TestMetered: arriving bytes are counted piece by piece, so that the display moves.
func TestMetered(t *testing.T) {
	m := metered{bytes.NewReader(make([]byte, 1<<20)), new(report.Meter), "pack"}
	n, err := m.Read(make([]byte, 1<<20))
	if err != nil || n > 256<<10 || m.meter.Bytes.Load() != int64(n) {
		t.Errorf("%d, %v", n, err)
	}
}
