package gc_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/gc"
	"github.com/org/gocache-action/internal/store"
)

// unconditional is a store without conditional writes. between is called once, after an
// unconditional write.
type unconditional struct {
	store.Collector
	between func()
}

func (u *unconditional) Put(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	if cond != (store.Condition{}) {
		return store.Info{}, store.ErrNoConditions
	}
	info, err := u.Collector.Put(ctx, name, body, size, cond)
	if f := u.between; f != nil && err == nil {
		u.between = nil
		f()
	}
	return info, err
}

// TestNoConditions: a collection needs no conditional writes, and notices another collection that
// writes its notes at the same time.
func TestNoConditions(t *testing.T) {
	st := dirStore(t)
	job := newJob(t, "job", "refs/heads/main")
	job.use(t, 1, 2)
	job.save(t, st)
	drop(t, st, "refs/heads/main")
	u := &unconditional{Collector: st}
	run := func(st store.Collector, ahead time.Duration) {
		res, err := gc.Run(context.Background(), gc.Options{Store: st, MaxAge: 35 * day, Grace: day, Now: at(ahead)})
		must(t, err)
		if len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "no conditional writes") {
			t.Errorf("warnings: %q", res.Warnings)
		}
	}
	u.between = func() { run(&unconditional{Collector: st}, 0) }
	run(u, 0)
	if u.between != nil {
		t.Fatal("nothing was written")
	}
	if len(stored(t, st)) == 0 {
		t.Fatal("objects were removed without a notice period")
	}
	run(u, 42*day)
	if left := stored(t, st); len(left) > 0 {
		t.Errorf("unnamed objects are still there: %q", left)
	}
}
