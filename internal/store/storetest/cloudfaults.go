package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
)

var quiet = log.New(io.Discard, "", 0)

// Faults opens stores over a Cloud for RunFaults.
type Faults struct {
	// Open returns an empty store behind an endpoint, and one over the server itself with the same
	// objects. Requests are tried 4 times; one on which nothing moves for stall is given up.
	Open func(t *testing.T, endpoint string, stall time.Duration) (faulty, direct store.Collector)
	// Creates reports whether uploads in parts begin with a request of their own.
	Creates bool
}

// faultStall is long enough for a machine that runs several tests at once.
const faultStall = 2 * time.Second

// RunFaults tests what a store makes of a bad network and of a server that is overloaded.
func RunFaults(t *testing.T, c *Cloud, f Faults) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, *Cloud, Faults){
		"repeated": testRepeated, "lost condition": testLostCondition, "cut off": testCutOff, "replaced": testReplacedMeanwhile,
		"portal": testPortal, "hangs": testHangs, "hopeless": testHopeless, "overtaken": testOvertaken,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, c, f)
		})
	}
}

// firstOf gives the first n requests of a kind a verdict.
func firstOf(n int32, kind string, v Verdict) func(string) Verdict {
	var seen atomic.Int32
	return func(k string) Verdict {
		if k == kind && seen.Add(1) <= n {
			return v
		}
		return Pass
	}
}

// testRepeated: a request that fails twice succeeds at the third attempt, and objects are whole.
func testRepeated(t *testing.T, c *Cloud, f Faults) {
	large := 2*PartSize + 100
	for _, k := range []struct {
		kind string
		size int
	}{{KindGet, 1000}, {KindHead, 1000}, {KindPut, 1000}, {KindPart, large}, {KindComplete, large}, {KindCreate, large}} {
		for _, v := range []Verdict{Busy, Throttle, Reset, Page, Lose} {
			for _, cond := range []store.Condition{{}, {IfAbsent: true}} {
				if k.kind == KindCreate && !f.Creates || cond.IfAbsent && v != Lose && v != Reset {
					continue
				}
				t.Run(fmt.Sprintf("%s %d %t", k.kind, v, cond.IfAbsent), func(t *testing.T) {
					t.Parallel()
					s, _ := f.Open(t, c.Between(t, firstOf(2, k.kind, v)), time.Minute)
					repeated(t, s, k.size, cond)
				})
			}
		}
	}
}

func repeated(t *testing.T, s store.Collector, size int, cond store.Condition) {
	t.Helper()
	want := Content(1, size)
	wrote, err := s.Put(context.Background(), "x", bytes.NewReader(want), int64(size), cond)
	if err != nil {
		t.Fatal(err)
	}
	got, read := get(t, s, "x")
	same(t, "x", got, want)
	stat, err := s.Stat(context.Background(), "x")
	if err != nil || !stat.Same(wrote) || !read.Same(wrote) {
		t.Errorf("put %v, read %v, stat %v, %v", wrote, read, stat, err)
	}
}

// testLostCondition replaces an object while answers get lost: the second attempt finds the version
// that the first one wrote.
func testLostCondition(t *testing.T, c *Cloud, f Faults) {
	for _, size := range []int{1000, PartSize + 100} {
		var on atomic.Bool
		var lost atomic.Int32
		s, _ := f.Open(t, c.Between(t, func(kind string) Verdict {
			if on.Load() && (kind == KindPut || kind == KindComplete) && lost.Add(1) == 1 {
				return Lose
			}
			return Pass
		}), time.Minute)
		old := put(t, s, "x", []byte("old"), store.Condition{})
		on.Store(true)
		if _, err := s.Put(context.Background(), "x", bytes.NewReader(Content(2, size)), int64(size), store.Condition{IfMatch: old.Version}); err != nil || lost.Load() == 0 {
			t.Errorf("%d bytes: %v, %d requests", size, err, lost.Load())
		}
		if _, err := s.Put(context.Background(), "x", bytes.NewReader(Content(3, size)), int64(size), store.Condition{IfMatch: old.Version}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("%d bytes, the version before: %v", size, err)
		}
	}
}

// testCutOff: answers that end in the middle are resumed.
func testCutOff(t *testing.T, c *Cloud, f Faults) {
	s, direct := f.Open(t, c.Between(t, firstOf(3, KindGet, Cut)), time.Minute)
	want := Content(1, 9<<20)
	put(t, direct, "x", want, store.Condition{})
	got, _ := get(t, s, "x")
	same(t, "resumed", got, want)
	if n := s.Requests()["GET"]; n != 4 {
		t.Errorf("%d requests", n)
	}
}

// testReplacedMeanwhile: a download never joins two versions.
func testReplacedMeanwhile(t *testing.T, c *Cloud, f Faults) {
	s, direct := f.Open(t, c.Between(t, firstOf(1, KindGet, Cut)), time.Minute)
	put(t, direct, "x", Content(1, 9<<20), store.Condition{})
	r, _, err := s.Open(context.Background(), "x", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	put(t, direct, "x", Content(2, 9<<20), store.Condition{})
	if n, err := io.Copy(io.Discard, r); !errors.Is(err, store.ErrConflict) {
		t.Errorf("after %d bytes: %v", n, err)
	}
}

// eachOperation returns what each operation of a store makes of a fault.
func eachOperation(s store.Collector, large bool) map[string]error {
	ctx := context.Background()
	_, _, open := s.Open(ctx, "x", 0, -1)
	_, stat := s.Stat(ctx, "x")
	_, small := s.Put(ctx, "y", bytes.NewReader(make([]byte, 10)), 10, store.Condition{})
	all := map[string]error{"open": open, "stat": stat, "put": small, "touch": s.Touch(ctx, "x"), "list": nil}
	if large {
		_, all["put in parts"] = s.Put(ctx, "y", bytes.NewReader(make([]byte, PartSize+1)), PartSize+1, store.Condition{})
	}
	for _, err := range s.List(ctx, "") {
		all["list"] = err
	}
	return all
}

// testPortal: if something answers every request with a web page and status 200, nothing counts as
// stored, read or listed.
func testPortal(t *testing.T, c *Cloud, f Faults) {
	s, direct := f.Open(t, c.Between(t, func(string) Verdict { return Page }), time.Minute)
	put(t, direct, "x", []byte("x"), store.Condition{})
	for op, err := range eachOperation(s, true) {
		if op != "touch" && !errors.Is(err, store.ErrUnreachable) {
			t.Errorf("%s: %v", op, err)
		}
	}
	if _, err := direct.Stat(context.Background(), "y"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the object: %v", err)
	}
}

// testHangs: reads end after the stall time, and writes are sent once more.
func testHangs(t *testing.T, c *Cloud, f Faults) {
	var on atomic.Bool
	s, direct := f.Open(t, c.Between(t, func(string) Verdict {
		if on.Load() {
			return Hang
		}
		return Pass
	}), faultStall)
	put(t, direct, "x", []byte("x"), store.Condition{})
	on.Store(true)
	hangs := func(what string, sends int64, f func() error) {
		before, start := sent(s), time.Now()
		if err := f(); !errors.Is(err, store.ErrUnreachable) {
			t.Errorf("%s: %v", what, err)
		}
		if n, took := sent(s)-before, time.Since(start); n != sends || took < time.Duration(sends)*faultStall {
			t.Errorf("%s was sent %d times, and took %v", what, n, took)
		}
	}
	hangs("a read", 1, func() error { _, _, err := s.Open(context.Background(), "x", 0, -1); return err })
	hangs("a write", 2, func() error {
		_, err := s.Put(context.Background(), "y", bytes.NewReader([]byte("y")), 1, store.Condition{IfAbsent: true})
		return err
	})
	on.Store(false)
	s, direct = f.Open(t, c.Between(t, firstOf(1, KindPart, Hang)), faultStall)
	want := Content(1, 2*PartSize+1)
	put(t, s, "z", want, store.Condition{})
	got, _ := get(t, direct, "z")
	same(t, "one part hung", got, want)
}

// sent is how many requests a store has sent.
func sent(s store.Store) (n int64) {
	for _, count := range s.Requests() {
		n += count
	}
	return n
}

// testHopeless: a server that is overloaded for good is an outage, after as many attempts as
// allowed.
func testHopeless(t *testing.T, c *Cloud, f Faults) {
	s, _ := f.Open(t, c.Between(t, func(string) Verdict { return Busy }), time.Minute)
	if _, err := s.Stat(context.Background(), "x"); !errors.Is(err, store.ErrUnreachable) || errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	if n := s.Requests()["HEAD"]; n != 4 {
		t.Errorf("%d requests", n)
	}
}

// testOvertaken: of two uploads in parts to one name at the same time, both succeed if neither has
// a condition, and the object is that of one of them.
func testOvertaken(t *testing.T, c *Cloud, f Faults) {
	waiting, released := make(chan struct{}), make(chan struct{})
	var seen atomic.Int32
	s, direct := f.Open(t, c.Between(t, func(kind string) Verdict {
		if kind == KindComplete && seen.Add(1) == 1 {
			close(waiting)
			<-released
		}
		return Pass
	}), time.Minute)
	one, two := Content(1, PartSize+1), Content(2, PartSize+2)
	first := make(chan error, 1)
	go func() {
		_, err := s.Put(context.Background(), "x", bytes.NewReader(one), int64(len(one)), store.Condition{})
		first <- err
	}()
	<-waiting
	put(t, direct, "x", two, store.Condition{})
	close(released)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if got, _ := get(t, direct, "x"); !bytes.Equal(got, one) && !bytes.Equal(got, two) {
		t.Errorf("%d bytes of neither", len(got))
	}
}
