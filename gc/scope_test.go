package gc_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/gc"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// TestScope: all snapshots of a pull request go, and nothing else; a collection then finds what
// they alone named.
func TestScope(t *testing.T) {
	s3, _ := s3Store(t)
	for _, st := range []store.Collector{dirStore(t), s3} {
		put := func(name string) string {
			_, err := st.Put(context.Background(), name, strings.NewReader("x"), 1, store.Condition{})
			must(t, err)
			return name
		}
		key := []string{"test", "linux", "amd64", "go1", "digest"}
		gone := []string{
			put(snapshot.ManifestObject(repo, "refs/pull/7/merge", key)),
			put(snapshot.ManifestObject(repo, "refs/pull/7/merge", []string{"test", "linux", "amd64", "go1", "latest"})),
			put(snapshot.HealthObject(repo, "refs/pull/7/merge", "test")),
		}
		stays := []string{
			put(snapshot.ManifestObject(repo, "refs/pull/77/merge", key)), put(snapshot.ManifestObject(repo, main, key)),
			put(snapshot.ManifestObject("github.com/a/other", "refs/pull/7/merge", key)), put(snapshot.HealthObject(repo, main, "test")),
			put(snapshot.ScopePrefix(repo, "refs/pull/7/merge") + "/snapshots-of-others"),
		}
		check := func(what string, has bool, names []string) {
			t.Helper()
			for _, name := range names {
				if _, err := st.Stat(context.Background(), name); (err == nil) != has {
					t.Errorf("%s: %s: %v", what, name, err)
				}
			}
		}
		o := gc.Options{Store: st, Grace: time.Hour}
		plan, err := gc.PlanScope(t.Context(), o, repo, "refs/pull/7/merge")
		must(t, err)
		check("a plan", true, slices.Concat(gone, stays))
		res, err := gc.RunScope(t.Context(), o, repo, "refs/pull/7/merge")
		must(t, err)
		check("removed", false, gone)
		check("of others", true, stays)
		if res.Total.Objects != 3 || plan.Total != res.Total || res.Reasons[gc.ReasonScope].Objects != 3 || res.Listed != 3 {
			t.Errorf("%+v, planned %+v", res, plan)
		}
	}
}

// TestGrades: the grade of a scope goes a notice period after its last manifest.
func TestGrades(t *testing.T) {
	st := dirStore(t)
	j := newJob(t, "job", main)
	j.use(t, 1)
	j.save(t, st)
	kept, gone := snapshot.HealthObject(repo, main, "job"), snapshot.HealthObject(repo, "refs/pull/7/merge", "job")
	put(t, st, kept, []byte("x"))
	put(t, st, gone, []byte("x"))
	grades := func() (list []string) {
		return slices.DeleteFunc(names(t, st), func(n string) bool { k, _ := snapshot.KindOf(n); return k != snapshot.KindHealth })
	}
	if res := collect(t, st, 0); len(grades()) != 2 || res.Kinds[snapshot.KindHealth].Kept.Objects != 1 || res.Kinds[snapshot.KindHealth].Waiting.Objects != 1 {
		t.Errorf("%q, %+v", grades(), res)
	}
	if res := collect(t, st, 25*time.Hour); !slices.Equal(grades(), []string{kept}) || res.Reasons[gc.ReasonUnnamed].Objects != 1 {
		t.Errorf("%q, %+v", grades(), res)
	}
	collect(t, st, 36*day)
	if collect(t, st, 38*day); len(grades()) != 0 {
		t.Errorf("without a manifest: %q", grades())
	}
}
