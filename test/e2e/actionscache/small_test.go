package actionscache

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/store/actions/actionstest"
	"github.com/org/gocache-action/save"
)

// TestSmall: a little that is new is no entry, and counts once more when the next job has made
// more.
func TestSmall(t *testing.T) {
	first := saved(t)
	job := first.next(t, "test", pullRef, mainRef)
	const least = 64 << 10
	trySave := func() *save.Result {
		t.Helper()
		o := job.saveOptions(t)
		o.LeastNew = least
		first.server.Counts()
		res, err := save.Run(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	job.restore(t)
	job.entry(t, "few")
	o := job.saveOptions(t)
	o.LeastNew = least
	if plan, err := save.Plan(t.Context(), o); err != nil || plan.Written || plan.TooFew < 3000 {
		t.Errorf("planned %+v, %v", plan, err)
	}
	if res := trySave(); res.Written || res.TooFew < 3000 || res.TooFew >= least || res.StoredBytes == 0 || first.server.Counts()[actionstest.Create] != 0 {
		t.Errorf("a little: %+v", res)
	}
	// What another job has stored is not new.
	lint := first.next(t, "lint", pullRef, mainRef)
	lint.restore(t)
	lint.entry(t, "few")
	o = lint.saveOptions(t)
	o.LeastNew = 8000 // its two modules have more
	if res, err := save.Run(t.Context(), o); err != nil || res.Written || res.TooFew == 0 {
		t.Errorf("modules of another job: %+v, %v", res, err)
	}
	for i := range 40 {
		job.entry(t, fmt.Sprint("more", i))
	}
	if res := trySave(); !res.Written || res.TooFew != 0 {
		t.Errorf("enough: %+v", res)
	}
	again := first.next(t, "test", pullRef, mainRef)
	again.restore(t)
	again.wants(t, "the pull request", append(everything, "few", "more0", "more39")...)
}

// TestFailedJob: where the newest snapshot is what others start from, a job that failed saves
// nothing before it has everything of that, and uploads nothing in vain.
func TestFailedJob(t *testing.T) {
	for name, c := range map[string]struct {
		restores, bumped, want bool
	}{
		"the same files":                    {true, false, true},
		"other files":                       {true, true, true},
		"other files, and nothing restored": {false, true, false},
	} {
		first := saved(t) // what one case saves is what the next would start from
		j := first.next(t, "test", mainRef, "")
		if c.bumped {
			j.needs(t, "example.com/"+strings.ReplaceAll(name, " ", "-"))
			delete(j.sums, module.Version{Path: "example.com/one", Version: "v1.0.0"})
		}
		if c.restores {
			j.restore(t)
		}
		j.entry(t, "of "+name)
		o := j.saveOptions(t)
		o.JobFailed = true
		before := len(first.server.Keys(""))
		res, err := save.Run(t.Context(), o)
		if err != nil || res.Written != c.want || res.Partial == c.want || (len(first.server.Keys("")) > before) != c.want {
			t.Errorf("%s: %+v, %v", name, res, err)
		}
		plan, err := save.Plan(t.Context(), o)
		if err != nil || !c.want && plan.Written {
			t.Errorf("%s: planned %+v, %v", name, plan, err)
		}
	}
}
