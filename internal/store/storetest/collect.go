package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/org/gocache-action/internal/store"
)

// collecting runs a test of a Collector, which every store of this program is.
func collecting(test func(*testing.T, store.Collector)) func(*testing.T, store.Store) {
	return func(t *testing.T, s store.Store) {
		c, ok := s.(store.Collector)
		if !ok {
			t.Fatalf("%T is no store.Collector", s)
		}
		test(t, c)
	}
}

// names lists what lies below prefix.
func names(t testing.TB, s store.Collector, prefix string) (list []string) {
	t.Helper()
	for e, err := range s.List(context.Background(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e.Name)
	}
	return list
}

// testList uses more objects than a page has, and names whose order differs from that of a walk.
func testList(t *testing.T, s store.Collector) {
	if got := names(t, s, ""); len(got) > 0 {
		t.Errorf("an empty store lists %q", got)
	}
	all := []string{"a/b/c", "a/b-d", "a/b/d", "a-b/x", "a.b", "a~/x", "a=/nul", "a=/con.x/y", "a/b.z", "ab", "a!/trailing.", "a+/x+y@v1"}
	for i := range 1200 {
		all = append(all, fmt.Sprintf("page/%d/%04d", i%7, i))
	}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := w; i < len(all); i += 8 {
				if _, err := s.Put(context.Background(), all[i], bytes.NewReader(make([]byte, i)), int64(i), store.Condition{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	size := map[string]int64{}
	for i, n := range all {
		size[n] = int64(i)
	}
	slices.Sort(all)
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/b/", "a/b/c", "page/3/0", "nothing", "a=/con.", "b"} {
		want := slices.DeleteFunc(slices.Clone(all), func(n string) bool { return !strings.HasPrefix(n, prefix) })
		if diff := cmp.Diff(want, names(t, s, prefix), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("prefix %q: %s", prefix, diff)
		}
	}
	for e, err := range s.List(context.Background(), "a") {
		stat, serr := s.Stat(context.Background(), e.Name)
		if err != nil || serr != nil {
			t.Fatal(err, serr)
		}
		if e.Size != size[e.Name] || !e.Same(stat) || !e.ModTime.Truncate(time.Second).Equal(stat.ModTime.Truncate(time.Second)) {
			t.Errorf("listed %+v, Stat says %+v", e, stat)
		}
	}
	for range s.List(context.Background(), "") { // a loop that ends early
		break
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range s.List(ctx, "") {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("list with a cancelled context: %v", err)
		}
	}
}

// testListChanging deletes what the listing has just shown, as a collection does, and meets all the
// rest.
func testListChanging(t *testing.T, s store.Collector) {
	const n = 1100
	for i := range n {
		put(t, s, fmt.Sprintf("d%d/x%d/y", i%5, i), nil, store.Condition{})
	}
	var seen []string
	for e, err := range s.List(context.Background(), "") {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, e.Name)
		if len(seen)%100 == 0 {
			if failed := s.Delete(context.Background(), seen[len(seen)-100:]); failed != nil {
				t.Fatal(failed)
			}
		}
	}
	if len(seen) != n {
		t.Errorf("%d of %d objects were listed", len(seen), n)
	}
	if got := names(t, s, ""); len(got) > 0 {
		t.Errorf("%d objects are left", len(got))
	}
}

func testDelete(t *testing.T, s store.Collector) {
	ctx := context.Background()
	var all []string
	for i := range 300 {
		all = append(all, fmt.Sprintf("d/%d/x+y@v1.0", i))
		put(t, s, all[i], []byte("x"), store.Condition{})
	}
	put(t, s, "d/stays", []byte("x"), store.Condition{})
	if failed := s.Delete(ctx, append(slices.Clone(all), "d/never/was", "d")); failed != nil {
		t.Error(failed)
	}
	if got := names(t, s, ""); len(got) != 1 || got[0] != "d/stays" {
		t.Errorf("left: %q", got)
	}
	if failed := s.Delete(ctx, nil); failed != nil {
		t.Error(failed)
	}
	if failed := s.Delete(ctx, []string{"d/stays", "../x"}); len(failed) != 2 || !errors.Is(failed["../x"], store.ErrBadName) {
		t.Errorf("with a bad name: %v", failed)
	}
	if failed := s.Delete(ctx, make([]string, store.MaxDelete+1)); failed == nil {
		t.Error("too many names are accepted")
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if failed := s.Delete(cancelled, []string{"d/stays"}); !errors.Is(failed["d/stays"], context.Canceled) {
		t.Errorf("cancelled: %v", failed)
	}
	put(t, s, all[0], []byte("again"), store.Condition{IfAbsent: true})
}

func testDeleteVersion(t *testing.T, s store.Collector) {
	ctx := context.Background()
	old := put(t, s, "m/x", []byte("one"), store.Condition{})
	info := put(t, s, "m/x", []byte("two"), store.Condition{})
	if err := s.DeleteVersion(ctx, "m/x", old.Version); !errors.Is(err, store.ErrConflict) {
		t.Errorf("an old version: %v", err)
	}
	if got, _ := get(t, s, "m/x"); string(got) != "two" {
		t.Errorf("left: %q", got)
	}
	for range 2 { // the second time it is gone
		if err := s.DeleteVersion(ctx, "m/x", info.Version); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Stat(ctx, "m/x"); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
}

// testTouch takes a refusal for an answer; what a touch does to an old object is tested by each
// implementation.
func testTouch(t *testing.T, s store.Collector) {
	want := Content(5, 100_000)
	put(t, s, "t/a+b", want, store.Condition{IfAbsent: true})
	before, err := s.Stat(context.Background(), "t/a+b")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Touch(context.Background(), "t/a+b"); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	got, info := get(t, s, "t/a+b")
	same(t, "touched object", got, want)
	if info.ModTime.Before(before.ModTime) || time.Since(info.ModTime).Abs() > time.Hour {
		t.Errorf("times %v before, %v after", before.ModTime, info.ModTime)
	}
	if err := s.Touch(context.Background(), "t/none"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("touch of nothing: %v", err)
	}
}

func testNoUploads(t *testing.T, s store.Collector) {
	put(t, s, "u/x", Content(1, PartSize+100), store.Condition{})
	for u, err := range s.Uploads(context.Background(), "", time.Now().Add(time.Hour)) {
		t.Errorf("unfinished upload %+v, %v", u, err)
	}
	if err := s.AbortUpload(context.Background(), store.Upload{Name: "u/x", ID: "none"}); err != nil {
		t.Errorf("abort of nothing: %v", err)
	}
}
