package e2e

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/org/gocache-action/gc"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// TestStoreStaysSmall saves two hundred times after changes that leave dead bytes in packs, and
// collects garbage every night. From the first save on, the objects that the snapshot names hold
// less than 1.6 times the live bytes. Other objects are in the store only until their notice period
// is over.
func TestStoreStaysSmall(t *testing.T) {
	const saves, every, notice = 200, 8 * time.Hour, day
	w := newDatedStore(t)
	m := newMachine(t, w.Store)
	m.size = 15_000
	m.with = func(o *save.Options) { o.MaxAge, o.RepackBudget = 3*day, 3<<20 }
	version := make([]int, 150) // versions of packages; 2.2 MB in total
	worst, most, slack := 0.0, 0, int64(0)
	at := epoch
	for i := range saves {
		for p := range version {
			// A few packages change all the time, the others now and then, which leaves holes in
			// the packs.
			if p < 8 || (p+i)%40 == 0 {
				version[p]++
			}
		}
		at = at.Add(every)
		m.job(at, newest(version))
		s := m.stored()
		w.date(at, s)
		live := liveBytes(s)
		worst, most = max(worst, float64(s.StoredBytes())/float64(live)), max(most, len(s.Packs))
		if (i+1)%3 == 0 { // after a day of jobs
			at = at.Add(time.Hour)
			w.collect(at, notice)
			slack = max(slack, w.mustWait(at, notice+day, s))
		}
	}
	t.Logf("named objects hold at most %.2f times the live bytes, in at most %d packs; at most %d bytes wait to be removed after a collection", worst, most, slack)
	if worst >= 1.6 {
		t.Errorf("named objects hold %.2f times the live bytes, want less than 1.6", worst)
	}
	if slack == 0 {
		t.Error("no object ever waited to be removed")
	}
	w.collect(at.Add(time.Minute), notice)
	w.collect(at.Add(time.Minute+notice+time.Hour), notice)
	s := m.stored()
	if n := w.mustWait(at, 0, s); n > 0 {
		t.Errorf("%d bytes that no manifest names are left", n)
	}
	if n := sizeOf(t, filepath.Join(w.root, "v2", "repos")); n >= liveBytes(s)*8/5 {
		t.Errorf("the store has %d bytes of the repository, with %d of them live", n, liveBytes(s))
	}
	if missed := m.job(at.Add(3*day), newest(version)); missed > 0 {
		t.Errorf("%d entries were lost", missed)
	}
}

func newest(version []int) (uses []string) {
	for p, v := range version {
		uses = append(uses, fmt.Sprint(p, "@", v))
	}
	return uses
}

func liveBytes(s *snapshot.Manifest) (n int64) {
	for _, o := range s.Outputs {
		n += o.Size
	}
	return n
}

// datedStore is a directory store whose objects get dates from the clock of a test. It records when
// each object was last named.
type datedStore struct {
	store.Store
	t     *testing.T
	root  string
	dates map[string]time.Time // as set, by file
	named map[string]time.Time // when it was last named, by object
}

func newDatedStore(t *testing.T) *datedStore {
	t.Helper()
	st, root := dirAndRoot(t)
	return &datedStore{Store: st, t: t, root: root, dates: map[string]time.Time{}, named: map[string]time.Time{}}
}

// date sets the time of all files written since the last call, and records which objects the
// manifest names.
func (w *datedStore) date(at time.Time, s *snapshot.Manifest) {
	w.t.Helper()
	for _, p := range s.Packs {
		w.named[p.Object] = at
	}
	e2etest.Must(w.t, filepath.WalkDir(w.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil || info.ModTime().Equal(w.dates[path]) {
			return err
		}
		w.dates[path] = at
		return os.Chtimes(path, at, at)
	}))
}

func (w *datedStore) collect(at time.Time, notice time.Duration) {
	w.t.Helper()
	_, err := gc.Run(context.Background(), gc.Options{Store: w.Store.(store.Collector), MaxAge: 35 * day, Grace: notice, Now: func() time.Time { return at }})
	e2etest.Must(w.t, err)
}

// mustWait returns the bytes of packs that the manifest does not name, and fails if one of them has
// been unnamed for longer than most.
func (w *datedStore) mustWait(at time.Time, most time.Duration, s *snapshot.Manifest) (bytes int64) {
	w.t.Helper()
	live, found := map[string]bool{}, 0
	for _, p := range s.Packs {
		live[p.Object] = true
	}
	for e, err := range w.Store.(store.Collector).List(context.Background(), snapshot.Root) {
		e2etest.Must(w.t, err)
		kind, _ := snapshot.KindOf(e.Name)
		switch {
		case kind != snapshot.KindPack:
		case live[e.Name]:
			found++
		default:
			bytes += e.Size
			if age := at.Sub(w.named[e.Name]); age > most {
				w.t.Fatalf("%s: still there %v after it was last named", e.Name, age)
			}
		}
	}
	if found != len(live) {
		w.t.Fatalf("the store has %d of the %d packs that the manifest names", found, len(live))
	}
	return bytes
}

func sizeOf(t *testing.T, root string) (n int64) {
	t.Helper()
	e2etest.Must(t, filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		st, err := d.Info()
		n += st.Size()
		return err
	}))
	return n
}
