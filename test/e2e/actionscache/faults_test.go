package actionscache

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store/actions/actionstest"
	"github.com/org/gocache-action/save"
)

// faults are what can happen to one request. One that is repeated with success is no trouble; the
// others end what needs them.
var faults = map[string]actionstest.Fault{
	"answer lost": {Lost: true},
	"overloaded":  {Status: 503},
	"forbidden":   {Status: 403},
	"not found":   {Status: 404},
	"cut off":     {Cut: 10},
}

// isPassing reports whether a request that is repeated succeeds.
func isPassing(f actionstest.Fault) bool { return f.Status == 503 || f.Lost || f.Cut > 0 }

// soon is how long any command may take here: all waiting is bounded.
const soon = time.Minute

// failAt makes one request fail; others that a hook sees first have lower numbers.
func failAt(n int, f actionstest.Fault) func(actionstest.Request) actionstest.Fault {
	return func(r actionstest.Request) actionstest.Fault {
		if r.N == n {
			return f
		}
		return actionstest.Fault{}
	}
}

// TestFaultsOfSaves lets each request of a save after a change fail in turn. After it, a restore
// finds the old snapshot or the new one, whole; and a save that says that it has written has.
func TestFaultsOfSaves(t *testing.T) {
	for name, fault := range faults {
		step := 1
		if testing.Short() {
			step = 4
		} else if name == "not found" || name == "cut off" {
			step = 3 // mostly like the others
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel() // much of it waits
			for n, done := 1, false; !done; n += step {
				done = faultOfSave(t, fmt.Sprintf("%s at request %d", name, n), n, fault)
			}
		})
	}
}

// faultOfSave lets request n of a save fail. It reports whether the save was over before that.
func faultOfSave(t *testing.T, name string, n int, fault actionstest.Fault) (over bool) {
	t.Helper()
	first := saved(t)
	j := first.next(t, "test", mainRef, "")
	j.change, j.patience = shareAll, 300*time.Millisecond
	j.restore(t)
	j.entry(t, "a3")
	j.module(t, "example.com/three")
	before := j.server.Requests()
	j.server.SetFault(failAt(before+n, fault))
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	res, err := save.Run(ctx, j.saveOptions(t))
	if ctx.Err() != nil {
		t.Errorf("%s: the save took more than %v", name, soon)
	}
	requests := j.server.Requests() - before
	j.server.SetFault(nil)

	old := first.next(t, "test", mainRef, "")
	found := old.restore(t)
	if found.Matched == nil || len(found.Losses) > 0 {
		t.Fatalf("%s: saved %+v, %v; then matched %+v, losses %+v", name, res, err, found.Matched, found.Losses)
	}
	old.wants(t, name, everything...)
	next := j.next(t, "test", mainRef, "")
	next.restore(t)
	if err != nil && isPassing(fault) {
		t.Errorf("%s: one request is not repeated: %v", name, err)
	}
	if err == nil && res.Written {
		next.wants(t, name+", new", append(everything, "a3", "example.com/three")...)
	} else if err == nil {
		t.Errorf("%s: nothing was written, and there is no error: %q", name, res.Warnings)
	}
	// Whatever is left does not hinder the next save.
	next.work(t)
	next.entry(t, "a3")
	if !next.hasModule("example.com/three") {
		next.module(t, "example.com/three")
	}
	next.patience = 300 * time.Millisecond
	next.save(t)
	last := j.next(t, "test", mainRef, "")
	last.restore(t)
	last.wants(t, name+", next", append(everything, "a3", "example.com/three")...)
	return n > requests
}

// TestFaultsOfRestores lets each request of a restore fail in turn. It restores everything, or says
// what is missing; the save of the same job does not take less for more.
func TestFaultsOfRestores(t *testing.T) {
	first := saved(t)
	for name, fault := range faults {
		for n := 1; ; n++ {
			name := fmt.Sprintf("%s at request %d", name, n)
			before := first.server.Requests()
			first.server.SetFault(failAt(before+n, fault))
			j := first.next(t, "test", mainRef, "")
			j.patience = 100 * time.Millisecond
			ctx, cancel := context.WithTimeout(t.Context(), soon)
			res, err := j.tryRestore(ctx, t)
			if ctx.Err() != nil {
				t.Errorf("%s: the restore took more than %v", name, soon)
			}
			cancel()
			first.server.SetFault(nil)
			if err == nil && len(res.Losses) == 0 && res.Matched != nil {
				j.wants(t, name, everything...)
			}
			if isPassing(fault) && err != nil {
				t.Errorf("%s: it is not repeated: %v", name, err)
			}
			if err == nil && len(res.Losses) == 0 && res.Matched == nil && fault.Status != 404 {
				t.Errorf("%s: taken for a miss", name)
			}
			if first.server.Requests()-before < n {
				break
			}
		}
	}
}
