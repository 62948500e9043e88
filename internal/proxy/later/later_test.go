package later

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestBounds: no more tasks run at once, and no more wait, than may.
func TestBounds(t *testing.T) {
	q := New(Options{Workers: 2, Limit: 3})
	defer q.Close()
	var now, done atomic.Int32
	var mu sync.Mutex
	most := int32(0)
	release := make(chan struct{})
	do := func(context.Context) {
		mu.Lock()
		most = max(most, now.Add(1))
		mu.Unlock()
		<-release
		now.Add(-1)
		done.Add(1)
	}
	added := 0
	for deadline := time.Now().Add(10 * time.Second); added < 5 && time.Now().Before(deadline); {
		if q.Try(do) { // two of them are taken by workers, at some time
			added++
		}
	}
	for now.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	if q.Try(do) || q.Len() != 3 {
		t.Errorf("%d tasks wait", q.Len())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if q.Add(ctx, do) {
		t.Error("added where there was no room")
	}
	sixth := make(chan bool)
	go func() { sixth <- q.Add(t.Context(), do) }()
	close(release)
	if !<-sixth {
		t.Error("not added when there was room")
	}
	q.Wait(t.Context())
	if most != 2 || done.Load() != 6 {
		t.Errorf("%d at once, %d done", most, done.Load())
	}
}

// TestPatience: tasks wait while something else is going on, but not for ever, and not when
// somebody waits for them.
func TestPatience(t *testing.T) {
	var busy atomic.Bool
	busy.Store(true)
	q := New(Options{Workers: 1, Limit: 10, Busy: busy.Load, Longest: time.Hour, Pause: time.Millisecond})
	defer q.Close()
	done := make(chan struct{}, 10)
	do := func(context.Context) { done <- struct{}{} }
	q.Try(do)
	select {
	case <-done:
		t.Error("it did not wait")
	case <-time.After(30 * time.Millisecond):
	}
	busy.Store(false)
	<-done
	busy.Store(true)
	q.Try(do)
	q.Wait(t.Context())
	select {
	case <-done:
	default:
		t.Error("somebody waited, and it was not done")
	}
	q.Try(do)
	select {
	case <-done:
		t.Error("it does not wait any more, although nobody waits for it")
	case <-time.After(30 * time.Millisecond):
	}
	impatient := New(Options{Workers: 1, Limit: 10, Busy: busy.Load, Longest: 5 * time.Millisecond, Pause: time.Millisecond})
	defer impatient.Close()
	impatient.Try(do)
	<-done
}

// TestClose: what has not begun gets an ended context.
func TestClose(t *testing.T) {
	q := New(Options{Workers: 1, Limit: 10})
	ended := 0
	block := func(ctx context.Context) { <-ctx.Done(); ended++ }
	q.Try(block)
	q.Try(block)
	q.Close()
	if ended != 2 || q.Try(block) || q.Add(t.Context(), block) {
		t.Errorf("%d tasks ended", ended)
	}
}
