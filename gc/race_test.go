package gc_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/gocache-action/gc"
	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/save"
)

// due makes a store in which everything that the returned job would save again is due for removal.
// The packs of that job were stored, lost their manifests, and were noted more than a notice period
// before the time that ahead stands for. There is another snapshot, which shares none of them.
func due(t *testing.T) (st store.Collector, j *job, ahead time.Duration) {
	t.Helper()
	st = dirStore(t)
	j = newJob(t, "job", main)
	j.use(t, numbers(0, 10)...)
	j.save(t, st)
	drop(t, st, main)
	keep := newJob(t, "other", main)
	keep.use(t, numbers(50, 60)...)
	keep.save(t, st)
	for _, n := range stored(t, st) {
		backdate(t, file(st, n), 2*day)
	}
	collect(t, st, -time.Hour)
	return st, j, 24 * time.Hour
}

// during calls do once, before the n-th operation on a store.
func during(inner store.Collector, n int64, do func()) *storetest.Faulty {
	return &storetest.Faulty{Store: inner, Before: func(_ context.Context, c storetest.Call) (bool, error) {
		if c.N == n {
			do()
		}
		return true, nil
	}}
}

// TestSaveWithinCollection runs a whole save, which needs objects that are about to be removed,
// before each step of a collection. No manifest ever names an object that is gone. The next save
// stores whatever the first could not rely on.
func TestSaveWithinCollection(t *testing.T) {
	for n, ran := int64(1), true; ran; n++ {
		st, j, ahead := due(t)
		ran = false
		faulty := during(st, n, func() { ran = true; j.save(t, st) })
		collect(t, faulty, ahead)
		mustBeWhole(t, st)
		j.save(t, st)
		mustBeWhole(t, st)
		if got := len(named(t, st)); got != 2 {
			t.Errorf("step %d: %d packs are named after two saves, want 2", n, got)
		}
		collect(t, st, ahead+time.Hour)
		mustBeWhole(t, st)
	}
}

// TestCollectionWithinSave is the reverse: it runs a whole collection before each step of a save.
func TestCollectionWithinSave(t *testing.T) {
	for n, ran := int64(1), true; ran; n++ {
		st, j, ahead := due(t)
		ran = false
		faulty := during(st, n, func() { ran = true; collect(t, st, ahead) })
		j.save(t, faulty)
		mustBeWhole(t, st)
		j.save(t, st)
		mustBeWhole(t, st)
		if got := len(named(t, st)); got != 2 {
			t.Errorf("step %d: %d packs are named after two saves, want 2", n, got)
		}
	}
}

// A pause lets an operation on a store run up to its call number at, and then stops it until it is
// released.
type pause struct {
	*storetest.Faulty
	reached, release, ended chan struct{}
}

func pauseAt(inner store.Collector, at int64) *pause {
	p := &pause{reached: make(chan struct{}), release: make(chan struct{}), ended: make(chan struct{})}
	p.Faulty = during(inner, at, func() { close(p.reached); <-p.release })
	return p
}

// start runs do until it pauses or ends.
func (p *pause) start(do func()) {
	go func() { defer close(p.ended); do() }()
	select {
	case <-p.reached:
	case <-p.ended:
	}
}

// finish lets the operation run to its end, and reports whether it had been paused.
func (p *pause) finish() (paused bool) {
	close(p.release)
	<-p.ended
	select {
	case <-p.reached:
		return true
	default:
		return false
	}
}

// TestOverlapping starts one operation at each step of another, stops it at each of its own steps,
// and releases it when the other has ended. The two are a save and a collection, in both orders.
func TestOverlapping(t *testing.T) {
	for _, saveFirst := range []bool{false, true} {
		for n, ran := int64(1), true; ran; n++ {
			step := int64(1)
			if testing.Short() {
				step = 5
			}
			for m, paused := int64(1), true; paused; m += step {
				st, j, ahead := due(t)
				do := map[bool]func(store.Collector){
					true:  func(s store.Collector) { j.save(t, s) },
					false: func(s store.Collector) { collect(t, s, ahead) },
				}
				inner := pauseAt(st, m)
				ran = false
				do[saveFirst](during(st, n, func() {
					ran = true
					inner.start(func() { do[!saveFirst](inner) })
				}))
				if paused = ran && inner.finish(); !ran {
					break
				}
				mustBeWhole(t, st)
				if t.Failed() {
					t.Fatalf("save first: %v, the other began at step %d, and stopped at its step %d", saveFirst, n, m)
				}
			}
		}
	}
}

// TestTakenOver: a pull request was restored from a snapshot of main, and its save is about to
// reuse a pack that main no longer names. At each step of that save, the snapshot of main is
// dropped and two collections run, the second nearly a notice period after the first. The save has
// to learn from the notes that it cannot rely on the pack.
func TestTakenOver(t *testing.T) {
	for n, ran := int64(1), true; ran; n++ {
		st := dirStore(t)
		j := newJob(t, "job", main)
		j.maxAge = day
		j.use(t, numbers(0, 10)...)
		j.save(t, st)
		pr := newJob(t, "job", "refs/pull/7/merge")
		pr.dir, pr.base = j.dir, main
		pr.use(t, numbers(10, 20)...)
		ran = false
		faulty := during(st, n, func() {
			ran = true
			drop(t, st, main)            // no snapshot of main names the pack
			collect(t, st, 0)            // the pack is noted
			collect(t, st, 23*time.Hour) // the save takes nearly as long as the notice period
		})
		pr.save(t, faulty)
		mustBeWhole(t, st)
		collect(t, st, 25*time.Hour)
		mustBeWhole(t, st)
		pr.use(t, numbers(20, 30)...)
		pr.clock = pr.clock.Add(time.Hour)
		pr.save(t, st)
		mustBeWhole(t, st)
	}
}

// TestResurrected is a case for which a notice period alone is not enough: a pack is noted, then
// named again by a save that began before, and then dropped again while another save builds on it.
// That save must see the note.
func TestResurrected(t *testing.T) {
	st, j, ahead := due(t)
	first := j.options(t, st)
	var packs []string
	faulty := &storetest.Faulty{Store: st, Before: func(_ context.Context, c storetest.Call) (bool, error) {
		// as if the first save had begun before the collection
		if c.Op == storetest.OpOpen && c.Name == gcnotes.Object {
			return false, store.ErrNotFound
		}
		return true, nil
	}}
	first.Store = faulty
	if _, err := save.Run(context.Background(), first); err != nil {
		t.Fatal(err)
	}
	packs = named(t, st)
	second := newJob(t, "job", "refs/heads/second")
	second.dir, second.base = j.dir, main
	second.use(t, 100)
	slow := &storetest.Faulty{Store: st}
	once := false
	slow.Before = func(_ context.Context, c storetest.Call) (bool, error) {
		if c.Op == storetest.OpPut && strings.Contains(c.Name, "snapshots") && !once {
			once = true
			drop(t, st, main)
			for _, p := range packs { // as if written before the note
				backdate(t, file(st, p), 2*day)
			}
			collect(t, st, ahead)
		}
		return true, nil
	}
	second.save(t, slow)
	mustBeWhole(t, st)
	if len(named(t, st)) == 0 {
		t.Error("nothing is named")
	}
}

// TestFaults lets a collection fail at each of its calls to the store, with and without the effect
// of the call, as if it had been killed there. Objects that are named are kept, and another run
// completes the work.
func TestFaults(t *testing.T) {
	for _, lost := range []bool{false, true} {
		failed := 0
		for n, ran := int64(1), true; ran; n++ {
			st, _, ahead := due(t)
			for m := range 3 {
				put(t, st, moduleObject(m), []byte("x"))
			}
			old := newJob(t, "old", "refs/heads/old")
			old.use(t, numbers(70, 75)...)
			old.save(t, st)
			for _, e := range names(t, st) { // too old by the clock of the collection
				if strings.Contains(e, "~old/snapshots/") || strings.Contains(e, "/modules/") {
					backdate(t, file(st, e), 40*day)
				}
			}
			faulty := &storetest.Faulty{Store: st}
			ran = false
			faulty.Before = func(ctx context.Context, c storetest.Call) (bool, error) {
				if c.N < n {
					return true, nil
				}
				ran = true // as if killed here
				return lost && c.N == n, store.ErrUnreachable
			}
			_, err := gc.Run(context.Background(), gc.Options{Store: faulty, MaxAge: 35 * day, Grace: day, Now: at(ahead), Concurrency: 1})
			if ran && err == nil {
				t.Errorf("call %d: no error", n)
			}
			if err != nil {
				failed++
			}
			mustBeWhole(t, st)
			for _, d := range []time.Duration{ahead, 2 * ahead, 3 * ahead} {
				collect(t, st, d)
			}
			mustBeExact(t, st)
			if got := len(named(t, st)); got != 1 {
				t.Errorf("call %d: %d packs are named, want 1", n, got)
			}
		}
		if failed < 8 {
			t.Errorf("only %d calls failed", failed)
		}
	}
}

// TestTwoCollections runs two collections at once, the second at each step of the first.
func TestTwoCollections(t *testing.T) {
	for n, ran := int64(1), true; ran; n++ {
		st, _, ahead := due(t)
		ran = false
		collect(t, during(st, n, func() { ran = true; collect(t, st, ahead) }), ahead)
		mustBeExact(t, st)
		body, _, err := st.Open(context.Background(), gcnotes.Object, 0, -1)
		must(t, err)
		u, err := gcnotes.Decode(body, func(gcnotes.Fingerprint) bool { return true })
		body.Close()
		if err != nil || len(u.Running) != 0 {
			t.Errorf("step %d: %+v, %v", n, u, err)
		}
	}
}

// TestBusyStore lets jobs save and close branches while collections with a short notice period
// follow one another. Saves must end well within the notice period, as a time limit ensures for
// real jobs, so a save that takes too long is interrupted. On a machine that is too slow for these
// times, longer ones follow.
func TestBusyStore(t *testing.T) {
	for kind, open := range map[string]func(*testing.T) store.Collector{
		"dir": func(t *testing.T) store.Collector { return dirStore(t) },
		"s3":  func(t *testing.T) store.Collector { s, _ := s3Store(t); return s },
	} {
		t.Run(kind, func(t *testing.T) {
			limit := 2 * time.Second
			for ; !busyStore(t, open(t), limit); limit *= 4 {
				if limit > 30*time.Second {
					t.Fatal("nothing happened")
				}
			}
		})
	}
}

// busyStore reports whether this machine is fast enough for saves that may take no longer than
// limit. If it is not, nothing was tested.
func busyStore(t *testing.T, st store.Collector, limit time.Duration) bool {
	grace := 2 * limit
	deadline := time.Now().Add(2 * grace)
	var saves, interrupted, late, removed atomic.Int64
	var jobs, collections sync.WaitGroup
	for w := range 5 {
		jobs.Go(func() {
			j := newJob(t, "job", fmt.Sprintf("refs/heads/%d", w%3)) // some share a key
			j.base, j.maxAge = main, time.Hour
			for i := 0; time.Now().Before(deadline); i++ {
				// There are few different entries, so that packs with the same content come and go.
				j.use(t, w%2, 10+i%4, 20+(i+w)%5)
				j.clock = j.clock.Add(20 * time.Minute)
				if i%7 == 6 {
					drop(t, st, j.scope)
				}
				begin := time.Now()
				ctx, cancel := context.WithTimeout(context.Background(), limit)
				_, err := save.Run(ctx, j.options(t, st))
				cancel()
				switch {
				case err == nil:
					saves.Add(1)
				case errors.Is(err, context.DeadlineExceeded):
					interrupted.Add(1)
				default:
					t.Error(err)
				}
				if time.Since(begin) > grace*3/4 { // though it was interrupted
					late.Add(1)
				}
			}
		})
	}
	done := make(chan struct{})
	for range 2 {
		collections.Go(func() {
			for {
				res, err := gc.Run(context.Background(), gc.Options{Store: st, MaxAge: day, Grace: grace})
				if err != nil && !errors.Is(err, store.ErrConflict) {
					t.Error(err)
				}
				removed.Add(res.Total.Objects)
				select {
				case <-done:
					return
				case <-time.After(100 * time.Millisecond):
				}
			}
		})
	}
	jobs.Wait()
	close(done)
	collections.Wait()
	t.Logf("%d saves, %d interrupted, %d too late; %d objects removed, %d left", saves.Load(), interrupted.Load(), late.Load(), removed.Load(), len(stored(t, st)))
	if late.Load() > 0 || removed.Load() == 0 || saves.Load() < 10 {
		return false
	}
	mustBeWhole(t, st)
	return true
}
