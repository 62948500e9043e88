package save

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

type contextOf = context.Context

// putNotes stores the notes of a garbage collection.
func putNotes(t testing.TB, st *memory, running []gcnotes.Collection, objects ...string) {
	t.Helper()
	var list []gcnotes.Note
	for _, o := range objects {
		list = append(list, gcnotes.Note{Object: gcnotes.FingerprintOf(o), Since: 1})
	}
	slices.SortFunc(list, func(a, b gcnotes.Note) int { return slices.Compare(a.Object[:], b.Object[:]) })
	data, err := gcnotes.Encode(running, slices.Values(list), len(list))
	if err != nil {
		t.Fatal(err)
	}
	st.replace(gcnotes.Object, data, store.Condition{})
}

// TestReadNotes: damaged notes are ignored, as collections do, but an outage is an error.
func TestReadNotes(t *testing.T) {
	for name, c := range map[string]struct {
		data    string // "": none; "good"
		err     error
		noted   bool
		warning string
		want    error
	}{
		"none":        {},
		"good":        {data: "good", noted: true},
		"damaged":     {data: "gocache-unnamed 1\nsha256 00\n\n", warning: "it is ignored"},
		"later":       {data: "gocache-unnamed 9\n", warning: "it is ignored"},
		"denied":      {data: "good", err: store.ErrDenied},
		"unreachable": {data: "good", err: store.ErrUnreachable, want: store.ErrUnreachable},
	} {
		st := newMemory()
		if c.data == "good" {
			putNotes(t, st, nil, "x")
		} else if c.data != "" {
			st.replace(gcnotes.Object, []byte(c.data), store.Condition{})
		}
		st.before = func(string, string, io.Reader) error { return c.err }
		j := testJob(st, nil)
		err := j.notes.read(t.Context())
		w, _ := j.log.read()
		if !errors.Is(err, c.want) || j.notes.noted("x") != c.noted || j.notes.noted("y") || !collecttest.Warnings(w).Mention(c.warning) {
			t.Errorf("%s: %v, noted %v, %q", name, err, j.notes.noted("x"), w)
		}
	}
}

// TestRelyOn: an object that is noted or old is touched before a manifest names it.
func TestRelyOn(t *testing.T) {
	gone, denied := store.ErrNotFound, store.ErrDenied
	for name, c := range map[string]struct {
		noted   bool
		age     time.Duration
		touch   error
		want    bool
		touches int
		again   bool
	}{
		"young":                         {false, time.Hour, nil, true, 0, false},
		"old":                           {false, 8 * 24 * time.Hour, nil, true, 1, false},
		"old, and removed":              {false, 8 * 24 * time.Hour, gone, false, 1, false},
		"old, and may not be touched":   {false, 8 * 24 * time.Hour, denied, true, 1, false},
		"noted":                         {true, time.Hour, nil, true, 1, true},
		"noted, and removed":            {true, time.Hour, gone, false, 1, false},
		"noted, and may not be touched": {true, time.Hour, denied, false, 1, false},
	} {
		st := newMemory()
		st.replace("x", []byte("x"), store.Condition{})
		if c.noted {
			putNotes(t, st, nil, "x")
		}
		j := testJob(st, nil)
		if err := j.notes.read(t.Context()); err != nil {
			t.Fatal(err)
		}
		touches := 0
		st.before = func(op, _ string, _ io.Reader) error {
			if op == "touch" {
				touches++
				return c.touch
			}
			return nil
		}
		got := j.notes.relyOn(t.Context(), "x", store.Info{ModTime: collecttest.Now.Add(-c.age)})
		if got != c.want || touches != c.touches || j.notes.again["x"] != c.again {
			t.Errorf("%s: %v, %d touches, again %v", name, got, touches, j.notes.again)
		}
	}
}

// untouchable is a store without Touch.
type untouchable struct{ store.Store }

// TestRelyOnUntouchable: if the store cannot touch objects, those that are noted are uploaded
// again.
func TestRelyOnUntouchable(t *testing.T) {
	st := newMemory()
	putNotes(t, st, nil, "x")
	j := testJob(untouchable{st}, nil)
	if err := j.notes.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if j.notes.relyOn(t.Context(), "x", store.Info{ModTime: collecttest.Now}) || !j.notes.relyOn(t.Context(), "y", store.Info{}) {
		t.Error("noted or not")
	}
}

// TestConfirm: an object that was noted and renewed is doubtful if it is gone or while a collection
// is running. If the notes are old, an object noted since they were read is doubtful as well.
func TestConfirm(t *testing.T) {
	active := []gcnotes.Collection{{ID: "1", Start: collecttest.Now.Add(-time.Hour)}}
	killed := []gcnotes.Collection{{ID: "1", Start: collecttest.Now.Add(-100 * time.Hour)}}
	for name, c := range map[string]struct {
		again   []string
		running []gcnotes.Collection
		there   bool
		took    time.Duration // since the notes were first read
		later   []string      // noted since then
		want    string        // which of "x" and "y" are doubtful
		asks    bool          // whether the notes are read again
	}{
		"nothing renewed":           {},
		"renewed, and there":        {again: []string{"x"}, there: true, asks: true},
		"renewed, and gone":         {again: []string{"x"}, want: "x", asks: true},
		"a collection is going on":  {again: []string{"x"}, there: true, running: active, want: "x", asks: true},
		"one was killed":            {again: []string{"x"}, there: true, running: killed, asks: true},
		"the notes are old":         {took: 2 * time.Hour, later: []string{"y"}, want: "y", asks: true},
		"young, and noted since":    {took: time.Minute, later: []string{"y"}},
		"old, renewed, and there":   {took: 2 * time.Hour, again: []string{"x"}, there: true, later: []string{"x"}, asks: true},
		"old, with nothing in them": {took: 2 * time.Hour, asks: true},
	} {
		st := newMemory()
		putNotes(t, st, nil, "x")
		now := collecttest.Now
		j := testJob(st, func(o *Options) { o.Now = func() time.Time { return now } })
		if err := j.notes.read(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, o := range c.again {
			j.notes.renewed(o)
		}
		if c.there {
			st.replace("x", nil, store.Condition{})
		}
		now = now.Add(c.took)
		putNotes(t, st, c.running, c.later...)
		reads := st.Requests()["open"]
		doubtful, err := j.notes.confirm(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range []string{"x", "y"} {
			if doubtful != nil && doubtful(o) {
				got = append(got, o)
			}
		}
		if asks := st.Requests()["open"] > reads; strings.Join(got, " ") != c.want || asks != c.asks || (doubtful == nil) == c.asks {
			t.Errorf("%s: %q, asked again %v", name, got, asks)
		}
	}
}

// TestConfirmFails: a failure to read the notes again ends the save, since it cannot know what is
// being removed.
func TestConfirmFails(t *testing.T) {
	st := newMemory()
	putNotes(t, st, nil, "x")
	j := testJob(st, nil)
	if err := j.notes.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	j.notes.renewed("x")
	for _, op := range []string{"open", "stat"} {
		st.before = func(o, _ string, _ io.Reader) error {
			if o == op {
				return store.ErrUnreachable
			}
			return nil
		}
		if _, err := j.notes.confirm(t.Context()); !errors.Is(err, store.ErrUnreachable) {
			t.Errorf("%s: %v", op, err)
		}
	}
}

// TestReadPrevious: a save builds on the right manifests, and knows which of their packs are bad.
func TestReadPrevious(t *testing.T) {
	const (
		own    = "entry a1 o1 1 p1"
		base   = "entry a2 o2 2 q1"
		latest = "entry a3 o3 3 l1"
	)
	matched := &jobstate.Matched{Scope: "main", Key: testKey.Exact()}
	for name, c := range map[string]struct {
		change func(*memory, *Options)
		want   string // packs of the manifests, best first
		bad    string // packs
		err    error
		warn   string
	}{
		"all of them": {func(*memory, *Options) {}, "p1 q1 l1", "", nil, ""},
		"what was restored": {func(st *memory, o *Options) {
			putManifest(t, st, "third", testKey.Latest(), "entry a4 o4 4 m1", 1)
			o.State.Matched = &jobstate.Matched{Scope: "third", Key: testKey.Latest()}
		}, "p1 m1 l1", "", nil, ""},
		"the own was restored": {func(_ *memory, o *Options) { o.State.Matched = &jobstate.Matched{Scope: "s", Key: testKey.Exact()} }, "p1 l1", "", nil, ""},
		"the state is of another store": {func(_ *memory, o *Options) {
			o.State.Store, o.State.Damaged = "elsewhere", []jobstate.Damage{{Object: collecttest.Pack("p1"), Frame: -1}}
		}, "p1 q1 l1", "", nil, ""},
		"a pack is gone": {func(st *memory, _ *Options) { st.remove(collecttest.Pack("q1")) }, "p1 q1 l1", "q1", nil, ""},
		"another size":   {func(st *memory, _ *Options) { st.replace(collecttest.Pack("p1"), []byte("x"), store.Condition{}) }, "p1 q1 l1", "p1", nil, ""},
		"the restore found damage": {func(_ *memory, o *Options) {
			o.State.Damaged = []jobstate.Damage{{Object: collecttest.Pack("l1"), Frame: -1}}
		}, "p1 q1 l1", "l1", nil, ""},
		"it is noted":        {func(st *memory, _ *Options) { putNotes(t, st, nil, collecttest.Pack("p1"), collecttest.Pack("l1")) }, "p1 q1 l1", "p1 l1", nil, ""},
		"a damaged manifest": {func(st *memory, _ *Options) { st.replace(exactName, []byte("gocache-manifest 2\n"), store.Condition{}) }, "q1 l1", "", nil, "it will be replaced"},
		"another scope may not be read": {func(st *memory, _ *Options) {
			st.before = func(op, name string, _ io.Reader) error {
				if strings.Contains(name, "/main/") && op == "open" {
					return store.ErrDenied
				}
				return nil
			}
		}, "p1 l1", "", nil, ""},
		"an outage": {func(st *memory, _ *Options) {
			st.before = func(op, _ string, _ io.Reader) error {
				if op == "stat" {
					return store.ErrUnreachable
				}
				return nil
			}
		}, "", "", store.ErrUnreachable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			st := newMemory()
			putManifest(t, st, "s", testKey.Exact(), own, 3)
			putManifest(t, st, "main", testKey.Exact(), base, 2)
			putManifest(t, st, "s", testKey.Latest(), latest, 1)
			j := testJob(st, func(o *Options) {
				o.DefaultScope = "main"
				o.State = &jobstate.State{Store: st.String(), Repo: "r", Matched: matched}
				c.change(st, o)
			})
			prev, err := gatherer{j}.readPrevious(t.Context())
			if !errors.Is(err, c.err) {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			var got, bad []string
			for _, m := range prev.stock.Manifests() {
				for _, name := range []string{"p1", "q1", "l1", "m1"} {
					if m.Packs[0].Object == collecttest.Pack(name) {
						got = append(got, name)
						if prev.stock.IsGone(m.Packs[0].Object) {
							bad = append(bad, name)
						}
					}
				}
			}
			w, _ := j.log.read()
			if strings.Join(got, " ") != c.want || strings.Join(bad, " ") != c.bad || !collecttest.Warnings(w).Mention(c.warn) {
				t.Errorf("%q, bad %q, %q", got, bad, w)
			}
			if prev.stock.IsSound() != (c.bad == "") {
				t.Error("sound, or not")
			}
		})
	}
}

// moduleJob returns the job of a module object of a few bytes.
func moduleJob(object string) collect.Job {
	return collect.Job{What: "module x.org/a@v1.0.0", Object: object, Bytes: 1, Size: 1, Write: func(_ context.Context, w *snapshot.Writer, n collect.Note) (collect.Content, error) {
		_, err := w.Add(snapshot.Member{Name: "x", Size: 1}, strings.NewReader("x"))
		n.Wrote(1)
		return collect.Content{Members: 1, Raw: 1}, err
	}}
}

// TestEnsureModule: a save checks whether a module is stored before it uploads it, and leaves a
// stored one alone unless it cannot be relied on.
func TestEnsureModule(t *testing.T) {
	const object = "v2/modules/x.org/a/@v/v1.0.0/00"
	for name, c := range map[string]struct {
		there, noted, gone bool // gone: the restore found it damaged
		put                func(n int, st *memory) error
		want               string // "uploaded", "stored", "failed" or an error
		puts               int
	}{
		"new":                       {want: "uploaded", puts: 1},
		"stored":                    {there: true, want: "stored"},
		"stored, and damaged":       {there: true, gone: true, want: "uploaded", puts: 1},
		"stored, and noted":         {there: true, noted: true, want: "stored"},
		"another job was faster":    {put: func(n int, st *memory) error { st.replace(object, []byte("12345"), store.Condition{}); return nil }, want: "stored", puts: 1},
		"faster, and removed since": {put: func(n int, st *memory) error { return map[int]error{1: store.ErrConflict}[n] }, want: "uploaded", puts: 2},
		"no conditional writes":     {put: func(n int, st *memory) error { return map[int]error{1: store.ErrNoConditions}[n] }, want: "uploaded", puts: 2},
		"denied":                    {put: func(int, *memory) error { return store.ErrDenied }, want: "failed", puts: 1},
		"unreachable":               {put: func(int, *memory) error { return store.ErrUnreachable }, want: store.ErrUnreachable.Error(), puts: 1},
	} {
		st := newMemory()
		if c.there {
			st.replace(object, []byte("12345"), store.Condition{})
		}
		if c.noted {
			putNotes(t, st, nil, object)
		}
		u := testUploader(t, st)
		if err := u.notes.read(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c.gone {
			m := &snapshot.Manifest{Modules: []snapshot.Module{{Object: object}}}
			u.stock = collect.NewStock([]*snapshot.Manifest{m}, collect.Damage{object: {-1: true}})
		}
		puts := 0
		st.before = func(op, _ string, _ io.Reader) error {
			if op != "put" {
				return nil
			}
			puts++
			if c.put != nil {
				return c.put(puts, st)
			}
			return nil
		}
		done, err := u.upload(t.Context(), []collect.Job{moduleJob(object)})
		got := "stored"
		switch d := done[0]; {
		case err != nil:
			got = c.want
			if !strings.Contains(err.Error(), c.want) {
				got = err.Error()
			}
		case d.Failed:
			got = "failed"
		case d.Uploaded:
			got = "uploaded"
		}
		if got != c.want || puts != c.puts {
			t.Errorf("%s: %s, %d puts, %+v, %v", name, got, puts, done[0], err)
		}
		if o, _ := st.get(object); err == nil && !done[0].Failed && done[0].Size != int64(len(o.data)) {
			t.Errorf("%s: size %d of %d", name, done[0].Size, len(o.data))
		}
	}
}

// TestDenied: after the store has refused a few modules, the other public ones are not even
// compressed, and there are few warnings.
func TestDenied(t *testing.T) {
	st := newMemory()
	st.before = func(op, _ string, _ io.Reader) error {
		if op == "put" {
			return store.ErrDenied
		}
		return nil
	}
	u := testUploader(t, st)
	u.Concurrency = 1
	var jobs []collect.Job
	for i := range 20 {
		j := moduleJob(fmt.Sprintf("v2/modules/x.org/a/@v/v1.0.0/%02d", i))
		j.What = fmt.Sprintf("module x.org/a%02d@v1.0.0", i)
		j.Private = i == 19
		jobs = append(jobs, j)
	}
	done, err := u.upload(t.Context(), jobs)
	w, _ := u.log.read()
	if err != nil || st.Requests()["put"] != maxDenied+1 || len(w) != maxDenied+1 || !strings.Contains(w[maxDenied], "15 more modules") {
		t.Errorf("%d puts, %q, %v", st.Requests()["put"], w, err)
	}
	for i, d := range done {
		if !d.Failed {
			t.Errorf("module %d: %+v", i, d)
		}
	}
}

// TestProbe: after an outage in the restore of the same job, a save first looks up one object.
func TestProbe(t *testing.T) {
	for name, c := range map[string]struct {
		state *jobstate.State
		err   error
		want  error
		stats int64
	}{
		"no restore": {nil, store.ErrUnreachable, nil, 0}, "it answered": {&jobstate.State{}, store.ErrUnreachable, nil, 0},
		"it is back": {&jobstate.State{Unreachable: true}, nil, nil, 1}, "it is not": {&jobstate.State{Unreachable: true}, store.ErrUnreachable, store.ErrUnreachable, 1},
	} {
		st := newMemory()
		st.before = func(string, string, io.Reader) error { return c.err }
		j := testJob(st, nil)
		j.State = c.state
		err := gatherer{j}.probe(t.Context())
		if !errors.Is(err, c.want) || st.Requests()["stat"] != c.stats || err != nil && !strings.Contains(err.Error(), "as in the restore of this job") {
			t.Errorf("%s: %v, %v", name, err, maps.Collect(maps.All(st.Requests())))
		}
	}
}
