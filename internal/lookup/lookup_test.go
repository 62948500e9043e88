package lookup

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
)

// denying is a store that denies access to some objects.
type denying struct {
	store.Store
	denied map[string]bool
}

func (d denying) Open(ctx context.Context, name string, off, n int64) (io.ReadCloser, store.Info, error) {
	if d.denied[name] {
		return nil, store.Info{}, store.ErrDenied
	}
	return d.Store.Open(ctx, name, off, n)
}

// TestFirstDenied: a manifest that this job may not read is passed over, unless it may read none of
// them.
func TestFirstDenied(t *testing.T) {
	st, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	exact, latest := []string{"n", "linux", "amd64", "go1.26.0", "d"}, []string{"n", "linux", "amd64", "go1.26.0", "latest"}
	cands := Candidates("r", []string{"own", "main"}, exact, latest)
	m := &snapshot.Manifest{Repo: "r", Scope: "main", Key: latest, Digest: "d"}
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Put(t.Context(), cands[3].Object, bytes.NewReader(data), int64(len(data)), store.Condition{}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		denied        []int
		found, passed bool
		err           error
	}{
		"none":            {nil, true, false, nil},
		"the first":       {[]int{0}, true, true, nil},
		"the own scope":   {[]int{0, 1}, true, true, nil},
		"the one there":   {[]int{3}, false, true, nil},
		"all of them":     {[]int{0, 1, 2, 3}, false, false, store.ErrDenied},
		"all but a miss":  {[]int{0, 2, 3}, false, true, nil},
		"the other scope": {[]int{2, 3}, false, true, nil},
	} {
		d := denying{st, map[string]bool{}}
		for _, i := range c.denied {
			d.denied[cands[i].Object] = true
		}
		found, passed, err := Reader{Store: d, Repo: "r"}.First(t.Context(), cands)
		if (found.Manifest != nil) != c.found || (len(passed) > 0) != c.passed || !errors.Is(err, c.err) {
			t.Errorf("%s: found %t, passed over %d, %v", name, found.Manifest != nil, len(passed), err)
		}
	}
}
