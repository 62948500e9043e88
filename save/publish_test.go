package save

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/keys"
)

// exactName and latestName are the names of the manifests in these tests.
var (
	exactName  = snapshot.ManifestObject("r", "s", testKey.Exact())
	latestName = snapshot.ManifestObject("r", "s", testKey.Latest())
)

// testJob returns a job on a store whose saves begin at Now.
func testJob(st store.Store, change func(*Options)) job {
	o := Options{Store: st, Repo: "r", Scope: "s", Keys: keys.Plan{Key: testKey}, Meter: new(report.Meter), Now: func() time.Time { return collecttest.Now }}
	if change != nil {
		change(&o)
	}
	return newJob(o)
}

// putManifest stores a manifest for a key, written some hours ago.
func putManifest(t testing.TB, st *memory, scope string, key []string, text string, ago int) {
	t.Helper()
	m := collecttest.Manifest(t, text)
	m.Scope, m.Key, m.Digest = scope, key, "d"
	m.Writer.Time = collecttest.Now.Add(-time.Duration(ago) * time.Hour)
	for _, p := range m.Packs {
		if _, err := st.replace(p.Object, make([]byte, p.Size), store.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.replace(snapshot.ManifestObject("r", scope, key), data, store.Condition{}); err != nil {
		t.Fatal(err)
	}
}

// manifestAt reads a manifest of the store; it returns nil if there is none.
func manifestAt(t testing.TB, st *memory, name string) *snapshot.Manifest {
	t.Helper()
	o, err := st.get(name)
	if err != nil {
		return nil
	}
	m, err := snapshot.DecodeManifest(o.data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// textAt returns the text of a manifest of the store.
func textAt(t testing.TB, st *memory, name string) string {
	t.Helper()
	if m := manifestAt(t, st, name); m != nil {
		return collecttest.Sorted(collecttest.Print(m))
	}
	return "none"
}

// publisherFor reads the store, and returns a publisher of entries that are stored in one pack.
func publisherFor(t testing.TB, j job, entries string) *publisher {
	t.Helper()
	prev, err := gatherer{j}.readPrevious(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := situation{here: entries}
	f, _ := s.facts(t)
	f.exact, f.stock = prev.exact.Manifest, prev.stock
	f = s.uploaded(t, f, "n1")
	f.stock = f.stock.Without(func(string) bool { return false })
	return &publisher{job: j, facts: f, latest: prev.latest, version: prev.exact.Version, pause: func(int) time.Duration { return 0 }}
}

// outcome is what publish reported and returned.
type outcome struct {
	published
	also []string
}

func publish(ctx context.Context, p *publisher) (o outcome, err error) {
	also, written, err := p.publish(ctx, func(pub published) { o.published = pub })
	o.also, o.written = also, written
	return o, err
}

// TestPublish: both manifests are written, the exact one first.
func TestPublish(t *testing.T) {
	st := newMemory()
	var order []string
	st.after = func(name string) { order = append(order, name) }
	p := publisherFor(t, testJob(st, nil), "entry a1 o1 1 -")
	pub, err := publish(t.Context(), p)
	if err != nil || !pub.written || pub.also != nil {
		t.Fatalf("%+v, %v", pub, err)
	}
	const want = "entry a1 o1 1 n1"
	if textAt(t, st, exactName) != want || textAt(t, st, latestName) != want || fmt.Sprint(order) != fmt.Sprint([]string{exactName, latestName}) {
		t.Errorf("%q, %q, %q", textAt(t, st, exactName), textAt(t, st, latestName), order)
	}
	if m := manifestAt(t, st, exactName); !m.Writer.Time.Equal(collecttest.Now) || len(m.Trend) != 1 {
		t.Errorf("%+v", m)
	}
}

// TestNothingNew: an unchanged snapshot is not written again. The latest manifest is written if an
// earlier save did not get that far.
func TestNothingNew(t *testing.T) {
	const same = "entry a1 o1 1 n1"
	for name, c := range map[string]struct {
		latest string // "": none
		ago    int
		want   int // number of writes
	}{
		"both are there": {same, 1, 0}, "no latest": {"", 0, 1}, "an older latest": {"entry a9 o9 1 p9", 5, 1}, "a newer latest": {"entry a9 o9 1 p9", 0, 0},
	} {
		st := newMemory()
		putManifest(t, st, "s", testKey.Exact(), same, 1)
		if c.latest != "" {
			putManifest(t, st, "s", testKey.Latest(), c.latest, c.ago)
		}
		writes := 0
		st.after = func(string) { writes++ }
		pub, err := publish(t.Context(), publisherFor(t, testJob(st, nil), "entry a1 o1 1 -"))
		if err != nil || pub.written || writes != c.want {
			t.Errorf("%s: %d writes, %+v, %v", name, writes, pub.written, err)
		}
		if c.want > 0 && textAt(t, st, latestName) != same {
			t.Errorf("%s: the latest is %s", name, textAt(t, st, latestName))
		}
	}
}

// TestPublishConflict: manifests that other saves write meanwhile are merged, however many.
func TestPublishConflict(t *testing.T) {
	for _, conflicts := range []int{1, 3} {
		st := newMemory()
		p := publisherFor(t, testJob(st, nil), "entry a1 o1 1 -")
		n := 0
		st.before = func(op, name string, _ io.Reader) error {
			if op == "put" && name == exactName && n < conflicts {
				n++
				putManifest(t, st, "s", testKey.Exact(), fmt.Sprintf("entry a2 o2 2 q\nentry b%d o2 2 q", n), 0)
			}
			return nil
		}
		pub, err := publish(t.Context(), p)
		if err != nil || !pub.written {
			t.Fatal(err)
		}
		want := fmt.Sprintf("entry a1 o1 1 n1\nentry a2 o2 2 q\nentry b%d o2 2 q", conflicts)
		if got := textAt(t, st, exactName); got != want || textAt(t, st, latestName) != want {
			t.Errorf("after %d conflicts:\n%s\nlatest\n%s", conflicts, got, textAt(t, st, latestName))
		}
	}
}

// TestPublishGivesUp: endless conflicts about either of the manifests are an error, and a failure
// of the store is one at once.
func TestPublishGivesUp(t *testing.T) {
	before := append(testKey.Exact()[:4:4], "before")
	for name, c := range map[string]struct {
		object string
		err    error
		puts   int
		holds  bool // the exact manifest is written
	}{
		"conflicts":                  {exactName, store.ErrConflict, publishAttempts + 1, false},
		"conflicts about the latest": {latestName, store.ErrConflict, publishAttempts + 1, true},
		"conflicts about that of the restore": {
			snapshot.ManifestObject("r", "s", before), store.ErrConflict, publishAttempts + 1, true,
		},
		"a failure": {exactName, store.ErrUnreachable, 1, false},
	} {
		st := newMemory()
		j := testJob(st, func(o *Options) { o.State = &jobstate.State{Store: st.String(), Repo: "r", Key: before} })
		p := publisherFor(t, j, "entry a1 o1 1 -")
		puts := 0
		var tries []int
		p.pause = func(try int) time.Duration { tries = append(tries, try); return 0 }
		st.before = func(op, name string, _ io.Reader) error {
			if op == "put" && name == c.object {
				puts++
				return c.err
			}
			return nil
		}
		pub, err := publish(t.Context(), p)
		if !errors.Is(err, c.err) || puts != c.puts || (pub.plan.manifest != nil) != c.holds || pub.written != c.holds {
			t.Errorf("%s: %d puts, written %t, %v", name, puts, pub.written, err)
		}
		if len(tries) != puts-1 || puts > 1 && tries[puts-2] != puts-2 {
			t.Errorf("%s: pauses %d", name, tries)
		}
	}
}

// TestLatest: the latest manifest is left alone if a later save of the same key has already merged
// ours. One for other module files is replaced, unless the job failed.
func TestLatest(t *testing.T) {
	for name, c := range map[string]struct {
		digest string
		ahead  time.Duration // of the other save
		failed bool
		before bool // the other save came before this one began
		want   string
	}{
		"same files, later":       {"d", time.Minute, false, false, "theirs"},
		"same files, before":      {"d", -time.Minute, false, false, "ours"},
		"other files, later":      {"e", time.Minute, false, false, "ours"},
		"other files, failed":     {"e", -time.Hour, true, true, "theirs"},
		"same files, failed":      {"d", -time.Hour, true, true, "ours"},
		"other files, not failed": {"e", -time.Hour, false, true, "ours"},
		"other files, meanwhile":  {"e", -time.Minute, true, false, "theirs"},
		"same files, meanwhile":   {"d", -time.Minute, true, false, "ours"},
	} {
		st := newMemory()
		theirs := collecttest.Manifest(t, "entry a9 o9 1 q")
		theirs.Key, theirs.Digest = testKey.Latest(), c.digest
		theirs.Writer.Time = collecttest.Now.Add(c.ahead)
		data, err := theirs.Encode()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range theirs.Packs {
			st.replace(p.Object, make([]byte, p.Size), store.Condition{})
		}
		put := func() { st.replace(latestName, data, store.Condition{}) }
		if c.before {
			put()
		}
		p := publisherFor(t, testJob(st, func(o *Options) { o.JobFailed = c.failed }), "entry a1 o1 1 -")
		once := c.before
		st.before = func(op, name string, _ io.Reader) error {
			if op == "put" && name == latestName && !once {
				once = true
				put()
			}
			return nil
		}
		if _, err := publish(t.Context(), p); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := "ours"
		if textAt(t, st, latestName) == "entry a9 o9 1 q" {
			got = "theirs"
		}
		if got != c.want {
			t.Errorf("%s: the latest is %s", name, got)
		}
	}
}

// TestLatestFails: if the latest manifest cannot be written, the result has the exact one.
func TestLatestFails(t *testing.T) {
	st := newMemory()
	p := publisherFor(t, testJob(st, nil), "entry a1 o1 1 -")
	st.before = func(op, name string, _ io.Reader) error {
		if op == "put" && name == latestName {
			return store.ErrDenied
		}
		return nil
	}
	pub, err := publish(t.Context(), p)
	if !errors.Is(err, store.ErrDenied) || !pub.written || pub.plan.manifest == nil || textAt(t, st, exactName) != "entry a1 o1 1 n1" {
		t.Errorf("%+v, %v", pub.written, err)
	}
}

// lax is a store that ignores conditions, or says that it does not support them.
type lax struct {
	*memory
	says bool
}

func (l lax) Put(ctx contextOf, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	if l.says && cond != (store.Condition{}) {
		return store.Info{}, store.ErrNoConditions
	}
	return l.memory.Put(ctx, name, body, size, store.Condition{})
}

// TestNoConditions: without conditional writes, a save checks after a while whether its manifest is
// still there, and merges if it is not.
func TestNoConditions(t *testing.T) {
	for name, says := range map[string]bool{"the store says so": true, "the store ignores them": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := newMemory()
			j := testJob(lax{st, says}, nil)
			p := publisherFor(t, j, "entry a1 o1 1 -")
			reads := 0
			st.before = func(op, name string, _ io.Reader) error {
				if op == "open" && name == exactName {
					if reads++; reads == 1 { // before the write that counts
						putManifest(t, st, "s", testKey.Exact(), "entry a2 o2 2 q", 0)
					}
				}
				return nil
			}
			pub, err := publish(t.Context(), p)
			if err != nil || !pub.written {
				t.Fatal(err)
			}
			if got := textAt(t, st, exactName); got != "entry a1 o1 1 n1\nentry a2 o2 2 q" || got != textAt(t, st, latestName) {
				t.Errorf("%s", got)
			}
			w, _ := j.log.read()
			if len(w) != 1 || strings.Contains(w[0], "has no conditional writes") != says {
				t.Errorf("%q", w)
			}
		})
	}
}

// TestAlso: a job that changed its module files also saves under the key of its restore, merged
// with what is stored there.
func TestAlso(t *testing.T) {
	before := append(testKey.Exact()[:4:4], "before")
	name := snapshot.ManifestObject("r", "s", before)
	for title, c := range map[string]struct {
		stored string // "": nothing
		want   string
		writes int // of that manifest
	}{
		"nothing there":  {"", "entry a1 o1 1 n1", 1},
		"something else": {"entry a2 o2 2 q use=1h", "entry a1 o1 1 n1\nentry a2 o2 2 q use=1h", 1},
		"the same":       {"entry a1 o1 1 n1", "entry a1 o1 1 n1", 0},
	} {
		st := newMemory()
		if c.stored != "" {
			putManifest(t, st, "s", before, c.stored, 5)
		}
		j := testJob(st, func(o *Options) {
			o.State = &jobstate.State{Store: st.String(), Repo: "r", Key: before, Time: collecttest.Now.Add(-time.Hour)}
		})
		p := publisherFor(t, j, "entry a1 o1 1 -")
		writes := 0
		st.after = func(n string) {
			if n == name {
				writes++
			}
		}
		pub, err := publish(t.Context(), p)
		if err != nil || fmt.Sprint(pub.also) != fmt.Sprint(before) || writes != c.writes || textAt(t, st, name) != c.want {
			t.Errorf("%s: %d writes, %q, %s, %v", title, writes, pub.also, textAt(t, st, name), err)
		}
		if m := manifestAt(t, st, name); m.Digest != map[bool]string{true: "before", false: "d"}[c.writes > 0] {
			t.Errorf("%s: digest %q", title, m.Digest)
		}
	}
}

// TestAlsoConflict: a manifest that another save writes under that key meanwhile is merged as well.
func TestAlsoConflict(t *testing.T) {
	before := append(testKey.Exact()[:4:4], "before")
	name := snapshot.ManifestObject("r", "s", before)
	st := newMemory()
	j := testJob(st, func(o *Options) { o.State = &jobstate.State{Store: st.String(), Repo: "r", Key: before} })
	p := publisherFor(t, j, "entry a1 o1 1 -")
	once := false
	st.before = func(op, n string, _ io.Reader) error {
		if op == "put" && n == name && !once {
			once = true
			putManifest(t, st, "s", before, "entry a2 o2 2 q", 0)
		}
		return nil
	}
	if _, err := publish(t.Context(), p); err != nil || textAt(t, st, name) != "entry a1 o1 1 n1\nentry a2 o2 2 q" {
		t.Errorf("%s, %v", textAt(t, st, name), err)
	}
}

// TestPause: the pause grows with the number of attempts, up to a limit.
func TestPause(t *testing.T) {
	for try := range publishAttempts {
		if d := store.ConflictPause(try); d < 0 || d > 20*time.Millisecond<<6 {
			t.Errorf("try %d: %s", try, d)
		}
	}
}
