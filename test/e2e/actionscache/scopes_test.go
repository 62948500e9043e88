package actionscache

import (
	"testing"

	"github.com/org/gocache-action/internal/store/actions/actionstest"
)

// saved is a service with the snapshot of a job on the default branch.
func saved(t *testing.T) *job {
	t.Helper()
	j := newJob(t, actionstest.New(t), "test", mainRef, "")
	j.restore(t)
	j.work(t)
	if res := j.save(t); !res.Written {
		t.Fatalf("nothing was saved: %+v", res)
	}
	return j
}

// TestRequests: what the service is asked. It allows a repository 200 reservations and 1500 lookups
// in a minute.
func TestRequests(t *testing.T) {
	first := saved(t)
	if n := first.lastSave[actionstest.Create]; n > 3 {
		t.Errorf("a first save makes %d entries", n)
	}
	again := first.next(t, "test", mainRef, "")
	if res := again.restore(t); !res.Matched.Exact {
		t.Errorf("matched %+v", res.Matched)
	}
	again.wants(t, "the same job", everything...)
	if n := again.lastIn[actionstest.Lookup]; n > 3 {
		t.Errorf("a restore asks %d times", n)
	}
	if res := again.save(t); res.Written || again.lastSave[actionstest.Create] != 0 {
		t.Errorf("an unchanged save: written %t, %v", res.Written, again.lastSave)
	}
	again.entry(t, "a3")
	if res := again.save(t); !res.Written || again.lastSave[actionstest.Create] > 2 {
		t.Errorf("a save after a change: written %t, %v", res.Written, again.lastSave)
	}
	again.state = nil
	again.module(t, "example.com/three")
	again.entry(t, "a4")
	if res := again.save(t); !res.Written || again.lastSave[actionstest.Create] > 2 {
		t.Errorf("a save after a new dependency: written %t, %v", res.Written, again.lastSave)
	}
	last := again.next(t, "test", mainRef, "")
	last.restore(t)
	last.wants(t, "after the new dependency", append(everything, "a3", "a4", "example.com/three")...)
}

// TestScopes: a job finds the snapshot of its own ref, then of the base, then of the default
// branch, and writes to its own alone.
func TestScopes(t *testing.T) {
	first := saved(t)
	for _, c := range []struct{ ref, base string }{{branchRef, ""}, {pullRef, mainRef}, {pullRef, branchRef}} {
		j := first.next(t, "test", c.ref, c.base)
		if res := j.restore(t); res.Matched == nil || !res.Matched.Exact {
			t.Fatalf("%s: matched %+v", c.ref, res.Matched)
		}
		j.wants(t, c.ref, everything...)
	}
	pull := first.next(t, "test", pullRef, mainRef)
	pull.restore(t)
	pull.entry(t, "of the pull request")
	pull.save(t)
	if n := len(first.server.Keys(pullRef)); n != 2 {
		t.Errorf("the pull request has %d entries: %q", n, first.server.Keys(pullRef))
	}
	again := first.next(t, "test", pullRef, mainRef)
	if res := again.restore(t); res.Matched.Scope != pullRef {
		t.Errorf("matched %+v", res.Matched)
	}
	again.wants(t, "the pull request again", append(everything, "of the pull request")...)
	other := first.next(t, "test", "refs/pull/8/merge", mainRef)
	if res := other.restore(t); res.Matched.Scope != mainRef || other.hasEntry("of the pull request") {
		t.Errorf("another pull request: matched %+v", res.Matched)
	}
}

// TestLatest: other module files find the newest snapshot, of the own ref before those of others.
func TestLatest(t *testing.T) {
	first := saved(t)
	j := first.next(t, "test", branchRef, "")
	j.module(t, "example.com/three")
	if res := j.restore(t); res.Matched == nil || res.Matched.Exact || res.Matched.Scope != mainRef {
		t.Fatalf("matched %+v", res.Matched)
	}
	j.wants(t, "other module files", everything...)
	j.entry(t, "a3")
	if res := j.save(t); !res.Written {
		t.Fatal("nothing was saved")
	}
	next := first.next(t, "test", branchRef, "")
	next.needs(t, "example.com/four")
	if res := next.restore(t); res.Matched == nil || res.Matched.Scope != branchRef {
		t.Fatalf("matched %+v", res.Matched)
	}
	next.wants(t, "the newest of the branch", append(everything, "a3")...)
}

// TestSharedModules: a job of another name stores no module that the first one has stored, and
// restores them without a snapshot of its own.
func TestSharedModules(t *testing.T) {
	first := saved(t)
	other := first.next(t, "lint", mainRef, "")
	if res := other.restore(t); res.Matched != nil || res.Modules.Restored != 2 {
		t.Errorf("matched %+v, modules %+v", res.Matched, res.Modules)
	}
	other.wants(t, "modules by go.sum", "example.com/one", "example.com/two")
	other.entry(t, "lint1")
	res := other.save(t)
	if res.Modules.Uploaded != 0 || res.Modules.Stored != 2 || other.lastSave[actionstest.Create] > 2 {
		t.Errorf("modules %+v, %v", res.Modules, other.lastSave)
	}
	again := first.next(t, "lint", mainRef, "")
	again.restore(t)
	again.wants(t, "the other job", "lint1", "example.com/one", "example.com/two")
}
