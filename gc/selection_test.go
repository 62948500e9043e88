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
		sel := gc.Selection{Repo: repo, Scope: "refs/pull/7/merge"}
		plan, err := gc.PlanSelected(t.Context(), o, sel)
		must(t, err)
		check("a plan", true, slices.Concat(gone, stays))
		res, err := gc.RunSelected(t.Context(), o, sel)
		must(t, err)
		check("removed", false, gone)
		check("of others", true, stays)
		if res.Total.Objects != 3 || plan.Total != res.Total || res.Reasons[gc.ReasonSelected].Objects != 3 || res.Listed != 3 {
			t.Errorf("%+v, planned %+v", res, plan)
		}
	}
}

// TestSelection: names of snapshots, in one scope or in all of a repository.
func TestSelection(t *testing.T) {
	key := []string{"test", "linux", "amd64", "go1", "digest"}
	with := func(name string) []string { return append([]string{name}, key[1:]...) }
	objects := []string{
		snapshot.ManifestObject(repo, main, key), snapshot.ManifestObject(repo, main, with("test2")), snapshot.HealthObject(repo, main, "test"),
		snapshot.HealthObject(repo, main, "test2"), snapshot.ManifestObject(repo, "refs/pull/7/merge", key), snapshot.ManifestObject(repo+"2", main, key),
		snapshot.PackObject(repo, main, [32]byte{1}),
	}
	for sel, want := range map[gc.Selection][]int{
		{Repo: repo, Name: "test"}:               {0, 2, 4},
		{Repo: repo, Name: "test", Scope: main}:  {0, 2},
		{Repo: repo, Name: "test2", Scope: main}: {1, 3},
		{Repo: repo, Name: "tes", Scope: main}:   nil,
		{Repo: repo}:                             {0, 1, 2, 3, 4},
		{Repo: repo + "2", Scope: main}:          {5},
	} {
		st := dirStore(t)
		for _, name := range objects {
			put(t, st, name, []byte("x"))
		}
		res, err := gc.RunSelected(t.Context(), gc.Options{Store: st}, sel)
		must(t, err)
		left := names(t, st)
		var gone []int
		for i, name := range objects {
			if !slices.Contains(left, name) {
				gone = append(gone, i)
			}
		}
		if !slices.Equal(gone, want) || int(res.Total.Objects) != len(want) {
			t.Errorf("%+v: removed %v, want %v: %+v", sel, gone, want, res.Total)
		}
	}
}

// TestWeigh: what Weigh says that snapshots alone name is what collections remove after them.
func TestWeigh(t *testing.T) {
	st := dirStore(t)
	mine, other := newJob(t, "mine", main), newJob(t, "other", main)
	mine.use(t, 1)
	mine.use(t, 2)
	mine.save(t, st)
	other.use(t, 3)
	other.save(t, st)
	o := gc.Options{Store: st, Grace: time.Hour}
	sel := gc.Selection{Repo: repo, Name: "mine"}
	w, err := gc.Weigh(t.Context(), o, repo, sel.Has)
	must(t, err)
	if w.Alone.Objects == 0 || w.Alone.Bytes == 0 {
		t.Errorf("%+v", w)
	}
	all, err := gc.Weigh(t.Context(), o, repo, gc.Selection{Repo: repo}.Has)
	must(t, err)
	if all.Alone.Objects <= w.Alone.Objects || all.Shared.Objects != 0 {
		t.Errorf("of all: %+v, of one: %+v", all, w)
	}
	_, err = gc.RunSelected(t.Context(), o, sel)
	must(t, err)
	collect(t, st, 0)
	res := collect(t, st, 25*time.Hour)
	if removed := res.Kinds[snapshot.KindPack].Removed; removed != w.Alone {
		t.Errorf("removed %+v, weighed %+v", removed, w.Alone)
	}
	put(t, st, snapshot.ManifestObject(repo, main, []string{"bad", "linux", "amd64", "go1", "x"}), []byte("x"))
	if w, err = gc.Weigh(t.Context(), o, repo, gc.Selection{Repo: repo, Name: "other"}.Has); err != nil || len(w.Unreadable) != 1 {
		t.Errorf("with a manifest that cannot be read: %+v, %v", w, err)
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
