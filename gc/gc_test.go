package gc_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/gc"
	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/storetest"
)

// TestManySaves: after many saves with small changes, each of which keeps what was used within a
// day, collections leave exactly the objects that the manifest names. Saves to a bucket take
// longer, and after 60 of them entries have been dropped for a day and a half.
func TestManySaves(t *testing.T) {
	t.Run("dir", func(t *testing.T) { manySaves(t, dirStore(t), 200) })
	t.Run("s3", func(t *testing.T) { s, _ := s3Store(t); manySaves(t, s, 60) })
}

func manySaves(t *testing.T, st store.Collector, n int) {
	j := newJob(t, "job", main)
	j.maxAge = day
	j.use(t, numbers(0, 20)...)
	for i := range n {
		j.clock = j.clock.Add(time.Hour)
		j.use(t, 0, 1, 2) // always used
		j.use(t, numbers(100+3*i, 103+3*i)...)
		j.save(t, st)
	}
	before, live := len(stored(t, st)), len(named(t, st))
	t.Logf("%d objects, %d of them named", before, live)
	if before <= live {
		t.Fatal("the saves left no garbage, so there is nothing to test")
	}
	if res := collect(t, st, 0); res.Total.Objects != 0 || res.Kinds[snapshot.KindPack].Waiting.Objects != int64(before-live) {
		t.Errorf("first collection: %+v", res)
	}
	if res := collect(t, st, 23*time.Hour); res.Total.Objects != 0 {
		t.Errorf("within the notice period: %+v", res)
	}
	res := collect(t, st, 25*time.Hour)
	if res.Total.Objects != int64(before-live) || res.Reasons[gc.ReasonUnnamed] != res.Total || res.Total.Bytes == 0 {
		t.Errorf("third collection: %+v", res)
	}
	mustBeExact(t, st)
	if again := collect(t, st, 50*time.Hour); again.Total.Objects != 0 {
		t.Errorf("once more: %+v", again)
	}
	mustBeExact(t, st)
}

// TestNoGrace: without a notice period, unnamed objects are removed at once.
func TestNoGrace(t *testing.T) {
	st := dirStore(t)
	j := newJob(t, "job", main)
	j.use(t, numbers(0, 10)...)
	j.save(t, st)
	drop(t, st, main)
	res, err := gc.Run(context.Background(), gc.Options{Store: st, MaxAge: 35 * day})
	must(t, err)
	if res.Total.Objects != 1 || len(stored(t, st)) != 0 {
		t.Errorf("%+v, left: %q", res, stored(t, st))
	}
}

// TestOldManifests: a snapshot that is no longer written is removed after the maximum age, and its
// packs a notice period later. A snapshot that shares its packs and is still written keeps them.
func TestOldManifests(t *testing.T) {
	for _, kind := range []string{"dir", "s3"} {
		t.Run(kind, func(t *testing.T) {
			var st store.Collector = dirStore(t)
			if kind == "s3" {
				st, _ = s3Store(t)
			}
			j := newJob(t, "job", main)
			j.use(t, numbers(0, 10)...)
			j.save(t, st)
			pr := newJob(t, "job", "refs/pull/7/merge")
			pr.dir, pr.base = j.dir, main
			pr.use(t, numbers(10, 20)...)
			pr.save(t, st)
			if n := len(named(t, st)); n != 2 {
				t.Fatalf("%d packs, want one of each scope", n)
			}
			if res := collect(t, st, 34*day); res.Total.Objects != 0 {
				t.Errorf("before the maximum age: %+v", res)
			}
			res := collect(t, st, 36*day)
			if res.Reasons[gc.ReasonOldManifest].Objects != 4 || len(res.Removals) != 4 || res.Kinds[snapshot.KindPack].Waiting.Objects != 2 {
				t.Errorf("after it: %+v", res)
			}
			if res := collect(t, st, 38*day); res.Reasons[gc.ReasonUnnamed].Objects != 2 || len(stored(t, st)) != 0 {
				t.Errorf("a notice period later: %+v", res)
			}
		})
	}
}

// TestSharedPacks: the packs that a pull request was restored from are kept as long as its own
// snapshot names them, even when the snapshot of its base is gone.
func TestSharedPacks(t *testing.T) {
	st := dirStore(t)
	j := newJob(t, "job", main)
	j.use(t, numbers(0, 10)...)
	j.save(t, st)
	pr := newJob(t, "job", "refs/pull/7/merge")
	pr.dir, pr.base = j.dir, main
	pr.use(t, numbers(10, 20)...)
	pr.save(t, st)
	future := time.Now().Add(30 * day) // still written
	for _, n := range names(t, st) {
		if k, _ := snapshot.KindOf(n); k == snapshot.KindManifest && strings.Contains(n, "pull") {
			must(t, os.Chtimes(file(st, n), future, future))
		}
	}
	for _, d := range []time.Duration{36 * day, 38 * day} {
		collect(t, st, d)
	}
	mustBeExact(t, st)
	if got := named(t, st); len(got) != 2 || !strings.Contains(got[0], "heads~main") {
		t.Errorf("named: %q", got)
	}
}

// TestWrittenManifestsStay rewrites a manifest after a collection has found it too old and before
// it removes it.
func TestWrittenManifestsStay(t *testing.T) {
	inner := dirStore(t)
	j := newJob(t, "job", main)
	j.use(t, numbers(0, 10)...)
	j.save(t, inner)
	st := &storetest.Faulty{Store: inner}
	saved := false
	st.Before = func(_ context.Context, c storetest.Call) (bool, error) {
		if c.Op == storetest.OpDelete && !saved {
			saved = true
			j.use(t, numbers(10, 20)...)
			j.save(t, inner)
			// written at the collection's current time
			for _, n := range names(t, inner) {
				future := time.Now().Add(40 * day)
				must(t, os.Chtimes(file(inner, n), future, future))
			}
		}
		return true, nil
	}
	res, err := gc.Run(context.Background(), gc.Options{Store: st, MaxAge: 35 * day, Grace: day, Now: at(40 * day), Concurrency: 1})
	must(t, err)
	if !saved || res.Total.Objects != 0 {
		t.Errorf("%+v", res)
	}
	mustBeWhole(t, inner)
	if len(named(t, inner)) == 0 {
		t.Error("the snapshot is lost")
	}
}

// file returns the path of an object in a directory store, if no element of its name is reserved.
func file(st store.Store, name string) string {
	return filepath.Join(strings.TrimPrefix(st.String(), "file://"), filepath.FromSlash(name))
}

// TestModules: a module that no manifest names is kept for the maximum age, counted from the last
// write or touch.
func TestModules(t *testing.T) {
	st := dirStore(t)
	for n := range 3 {
		put(t, st, moduleObject(n), []byte("module"))
	}
	scoped := snapshot.ScopePrefix(repo, main) + strings.TrimPrefix(moduleObject(4), "v2")
	put(t, st, scoped, []byte("module"))
	if res := collect(t, st, 34*day); res.Kinds[snapshot.KindModule].Recent.Objects != 4 {
		t.Errorf("%+v", res)
	}
	if res := collect(t, st, 36*day); res.Kinds[snapshot.KindModule].Waiting.Objects != 4 {
		t.Errorf("%+v", res)
	}
	future := time.Now().Add(36*day + time.Hour) // touched after it was noted
	must(t, os.Chtimes(file(st, moduleObject(1)), future, future))
	res := collect(t, st, 38*day)
	if res.Reasons[gc.ReasonUnusedModule].Objects != 3 || !slices.Equal(stored(t, st), []string{moduleObject(1)}) {
		t.Errorf("%+v, left %q", res, stored(t, st))
	}
	// They are kept forever if there is no maximum age.
	res, err := gc.Run(context.Background(), gc.Options{Store: st, Now: at(10_000 * day)})
	if must(t, err); res.Total.Objects != 0 {
		t.Errorf("%+v", res)
	}
}

// TestUnreadable: a manifest of a later format, or a damaged one, could name anything of its
// repository, and any shared module. Only the damaged one is removed when it is old.
func TestUnreadable(t *testing.T) {
	for _, c := range []struct {
		content string
		expires bool
	}{
		{"gocache-manifest 3\n\nwho knows", false},
		{"gocache-manifest 2\nsha256 00\n\nbroken", true},
		{"", true},
	} {
		st := dirStore(t)
		pack := snapshot.PackObject(repo, main, [32]byte{1})
		other := snapshot.PackObject("another/repo", main, [32]byte{2})
		for _, n := range []string{pack, other, moduleObject(1)} {
			put(t, st, n, []byte("x"))
		}
		manifest := snapshot.ManifestObject(repo, "refs/heads/x", []string{"a", "b", "c", "d", "latest"})
		collect(t, st, 0)
		put(t, st, manifest, []byte(c.content))
		collect(t, st, 0)
		res := collect(t, st, 30*day)
		if len(res.Unreadable) != 1 || res.Unreadable[0].Object != manifest || res.Kinds[snapshot.KindPack].Protected.Objects != 1 {
			t.Errorf("%q: %+v", c.content, res)
		}
		if got := stored(t, st); !slices.Equal(got, []string{moduleObject(1), pack}) {
			t.Errorf("%q: left %q", c.content, got)
		}
		collect(t, st, 100*day)
		collect(t, st, 102*day)
		if got := stored(t, st); (len(got) == 0) != c.expires {
			t.Errorf("%q: after its time: %q", c.content, got)
		}
	}
}

// TestOthersAreLeftAlone: gc removes only objects of kinds that it knows.
func TestOthersAreLeftAlone(t *testing.T) {
	st := dirStore(t)
	others := []string{"v2/readme", "v2/repos/r/s/signatures/x", "v2/repos/r/s/packs/short", "v1/modules/x", "backup/x"}
	for _, n := range others {
		put(t, st, n, []byte("x"))
	}
	collect(t, st, 0)
	res := collect(t, st, 1000*day)
	slices.Sort(others)
	got := slices.DeleteFunc(names(t, st), func(n string) bool { return n == gcnotes.Object })
	if diff := cmp.Diff(others, got); diff != "" || res.Other.Objects != 3 {
		t.Errorf("%+v %s", res, diff)
	}
}

// TestPlan: a plan writes nothing, and lists what Run would remove.
func TestPlan(t *testing.T) {
	st := dirStore(t)
	j := newJob(t, "job", main)
	j.use(t, numbers(0, 10)...)
	j.save(t, st)
	drop(t, st, main)
	old := newJob(t, "old", main)
	old.use(t, numbers(20, 50)...)
	old.save(t, st)
	for n := range 5 {
		put(t, st, moduleObject(n), make([]byte, 100*(n+1)))
	}
	collect(t, st, 36*day) // notes everything, and removes the old manifests
	tmp := filepath.Join(file(st, ".#store"), "tmp", "abandoned")
	must(t, os.WriteFile(tmp, make([]byte, 50), 0o666))
	before := tree(t, file(st, ""))
	o := gc.Options{Store: st, MaxAge: 35 * day, Grace: day, Now: at(40 * day)}
	plan, err := gc.Plan(context.Background(), o)
	must(t, err)
	if diff := cmp.Diff(before, tree(t, file(st, ""))); diff != "" {
		t.Errorf("the plan wrote: %s", diff)
	}
	if !plan.DryRun || plan.Total.Objects != 8 || !slices.IsSortedFunc(plan.Removals, func(a, b gc.Removal) int { return int(b.Bytes - a.Bytes) }) {
		t.Errorf("plan: %+v", plan)
	}
	run, err := gc.Run(context.Background(), o)
	must(t, err)
	run.DryRun, run.Seconds, run.Requests, plan.Seconds, plan.Requests = true, 0, nil, 0, nil
	if diff := cmp.Diff(plan.Reasons, run.Reasons); diff != "" {
		t.Errorf("plan and run differ: %s", diff)
	}
	if diff := cmp.Diff(objectsOf(plan), objectsOf(run)); diff != "" {
		t.Errorf("plan and run differ: %s", diff)
	}
}

func objectsOf(r *gc.Result) (list []string) {
	for _, x := range r.Removals {
		list = append(list, x.Object)
	}
	return list
}

// tree describes all files of a directory.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	must(t, filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		out[p] = info.ModTime().String()
		return err
	}))
	return out
}

// TestUploads: only uploads older than the notice period are aborted.
func TestUploads(t *testing.T) {
	st := dirStore(t)
	put(t, st, "v2/x", nil)
	tmp := filepath.Join(file(st, ".#store"), "tmp")
	for name, age := range map[string]time.Duration{"old": 25 * time.Hour, "young": 23 * time.Hour} {
		must(t, os.WriteFile(filepath.Join(tmp, name), []byte("123"), 0o666))
		then := time.Now().Add(-age)
		must(t, os.Chtimes(filepath.Join(tmp, name), then, then))
	}
	res, err := gc.Plan(context.Background(), gc.Options{Store: st, Grace: day})
	if must(t, err); res.Reasons[gc.ReasonUpload] != (gc.Amount{Objects: 1, Bytes: 3}) {
		t.Errorf("%+v", res)
	}
}

// TestRefused: an object that the store refuses to remove is reported, and the others are removed.
// A temporary refusal is retried.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		err   error
		times int
		left  int
	}{
		{store.ErrDenied, 1, 1},
		{errors.New("internal error"), 2, 0},
		{errors.New("internal error"), 100, 1},
	} {
		inner := dirStore(t)
		for n := range 3 {
			put(t, inner, moduleObject(n), []byte("x"))
		}
		st := &refusing{Collector: inner, name: moduleObject(1), err: c.err, times: c.times}
		res, err := gc.Run(context.Background(), gc.Options{Store: st, MaxAge: 35 * day, Now: at(36 * day)})
		must(t, err)
		if res.Total.Objects != int64(3-c.left) || res.Kinds[snapshot.KindModule].Refused.Objects != int64(c.left) || len(res.Warnings) != c.left {
			t.Errorf("%+v", res)
		}
		if got := stored(t, inner); len(got) != c.left || c.left == 1 && (got[0] != st.name || !strings.Contains(res.Warnings[0], st.name)) {
			t.Errorf("left: %q, warnings %q", got, res.Warnings)
		}
	}
}

// refusing is a store that refuses to remove one object some number of times.
type refusing struct {
	store.Collector
	name  string
	err   error
	times int
}

func (r *refusing) Delete(ctx context.Context, names []string) map[string]error {
	i := slices.Index(names, r.name)
	if r.times--; i < 0 || r.times < 0 {
		return r.Collector.Delete(ctx, names)
	}
	failed := r.Collector.Delete(ctx, slices.Delete(slices.Clone(names), i, i+1))
	if failed == nil {
		failed = map[string]error{}
	}
	failed[r.name] = r.err
	return failed
}

// TestCancelled: a cancelled collection ends soon, says so, and leaves no note that it is running.
func TestCancelled(t *testing.T) {
	inner := dirStore(t)
	for n := range 50 {
		put(t, inner, moduleObject(n), []byte("x"))
	}
	ctx, cancel := context.WithCancel(context.Background())
	st := &storetest.Faulty{Store: inner, Before: func(_ context.Context, c storetest.Call) (bool, error) {
		if c.Op == storetest.OpList && c.Name == snapshot.Root {
			cancel()
		}
		return true, nil
	}}
	if _, err := gc.Run(ctx, gc.Options{Store: st, MaxAge: day, Now: at(36 * day)}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	body, _, err := inner.Open(context.Background(), gcnotes.Object, 0, -1)
	must(t, err)
	defer body.Close()
	u, err := gcnotes.Decode(body, func(gcnotes.Fingerprint) bool { return true })
	if err != nil || len(u.Running) != 0 {
		t.Errorf("%+v, %v", u, err)
	}
}
