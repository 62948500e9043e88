package listing

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/repocache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
)

const (
	repo   = "github.com/a/b"
	branch = "refs/heads/main"
	hexA   = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	hexB   = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// put stores the manifest of a save under its exact key, and if latest also under that.
func put(t *testing.T, st store.Store, name, digest string, at time.Time, latest bool) {
	t.Helper()
	family := []string{name, "linux", "amd64", "go1.26.0"}
	m := &snapshot.Manifest{
		Repo: repo, Scope: branch, Digest: digest, Writer: snapshot.Writing{Time: at, Run: "7"},
		Trend: []snapshot.Saved{{Time: at, Stored: 5, Actions: 3, Modules: 2}},
	}
	for _, last := range []string{digest, snapshot.Latest} {
		if m.Key = append(slices.Clone(family), last); last == snapshot.Latest && !latest {
			continue
		}
		data, err := m.Encode()
		if err == nil {
			_, err = st.Put(t.Context(), m.Place(), strings.NewReader(string(data)), int64(len(data)), store.Condition{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestObjects: a snapshot under two keys is one, damaged manifests have a line, and words find what
// people mean.
func TestObjects(t *testing.T) {
	st, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Second)
	put(t, st, "test", hexA, now.Add(-time.Hour), false)
	put(t, st, "test", hexB, now, true)
	put(t, st, "lint, vet", hexA, now, true)
	bad := snapshot.ManifestObject(repo, branch, []string{"bad/name", "linux", "amd64", "go1.26.0", hexA})
	if _, err := st.Put(t.Context(), bad, strings.NewReader("x"), 1, store.Condition{}); err != nil {
		t.Fatal(err)
	}
	res, err := Objects(t.Context(), st, Filter{Repo: repo}, Options{})
	if err != nil || len(res.Snapshots) != 4 || res.More != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	list := res.Snapshots
	Sort(list, ByName)
	if s := list[0]; s.Problem == "" || s.Readable != "bad/name/linux/amd64/go1.26.0/"+hexA[:16] {
		t.Errorf("a damaged manifest: %+v", s)
	}
	for _, c := range []struct {
		word string
		want []int
	}{
		{"test", []int{3}}, {"test/linux", []int{3}}, {"test/linux/amd64/go1.26.0/" + hexA[:16], []int{2}}, {list[2].ID, []int{2}}, {list[2].ID[:6], []int{2}},
		{list[1].Object, []int{1}}, {list[1].Also, []int{1}}, {"lint, vet", []int{1}}, {"tes", nil}, {list[2].ID[:2], nil},
	} {
		var want []string
		for _, i := range c.want {
			want = append(want, list[i].ID)
		}
		var got []string
		for _, s := range Find(list, c.word) {
			got = append(got, s.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q finds %q, want %q", c.word, got, want)
		}
	}
	if s := list[3]; !s.Latest || s.Also == "" || s.Stored != 5 || s.Actions != 3 || s.Modules != 2 || s.Run != "7" || !s.Saved.Equal(now) || list[2].Latest {
		t.Errorf("%+v\n%+v", s, list[2])
	}
	if res, err := Objects(t.Context(), st, Filter{}, Options{Max: 2}); err != nil || res.More != 4 {
		t.Errorf("of a list that is too long: %+v, %v", res, err)
	}
	if res, err := Objects(t.Context(), st, Filter{Repo: repo, Scope: branch, Name: "tes"}, Options{}); err != nil || len(res.Snapshots) != 0 {
		t.Errorf("of a part of a name: %+v, %v", res, err)
	}
}

// TestCachesReader: what the service does not tell is a line with less in it, and a service that
// fails is an error.
func TestCachesReader(t *testing.T) {
	key := "gocache2-" + hexA[:32] + "-test_linux_amd64_go1.26.0-" + hexA[:16] + "--" + hexB[:32] + "-"
	list := []repocache.Cache{{Ref: branch, Key: key + "2", Size: 9}, {Ref: branch, Key: key + "1", Size: 8}, {Ref: branch, Key: "gocache2b-1", Size: 7}}
	for _, c := range []struct {
		err  error
		rows int
	}{{store.ErrNotFound, 1}, {snapshot.ErrCorrupt, 1}, {store.ErrUnreachable, 0}} {
		res, err := Caches(t.Context(), list, repo, Filter{}, func(context.Context, string) ([]byte, error) { return nil, c.err })
		if c.rows == 0 {
			if !errors.Is(err, c.err) {
				t.Errorf("%v: %+v, %v", c.err, res, err)
			}
			continue
		}
		if err != nil || len(res.Snapshots) != 1 || res.Snapshots[0].Older != 1 || res.Snapshots[0].Bytes != 9 || (res.Snapshots[0].Problem == "") != (c.err == store.ErrNotFound) {
			t.Errorf("%v: %+v, %v", c.err, res, err)
		}
	}
}
