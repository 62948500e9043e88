package save

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/retention"
	"github.com/org/gocache-action/internal/snapshot"
)

// TestDiffer: a change is a difference if the next job would find something else.
func TestDiffer(t *testing.T) {
	const old = "entry a1 o1 10 p1 time=5 use=1h\nentry a2 o2 10 p1\nmodule x.org/a@v1.0.0 5 use=1h\ntree fuzz t1 3 30 s1\nfile P f h1 7 f1 use=1h\nbuilt cc=5 use=1h"
	for name, c := range map[string]struct {
		from, to string
		want     bool
	}{
		"nothing":                {"", "", false},
		"an action":              {"entry a2", "entry a3", true},
		"one less":               {"entry a2 o2 10 p1\n", "", true},
		"an output":              {"a2 o2", "a2 o3", true},
		"the time inside":        {"time=5", "time=6", false},
		"a use, by a day":        {"p1 time=5 use=1h", "p1 time=5 use=25h", false},
		"a use, by more":         {"p1 time=5 use=1h", "p1 time=5 use=26h", true},
		"another pack":           {"entry a2 o2 10 p1", "entry a2 o2 10 p2", false},
		"a module":               {"x.org/a@", "x.org/b@", true},
		"a version":              {"@v1.0.0", "@v1.0.1", true},
		"a tree of a module":     {"5 use=1h\ntree", "5 use=1h sum=h1:y\ntree", true},
		"use of a module":        {"5 use=1h\ntree", "5 use=26h\ntree", true},
		"no module":              {"module x.org/a@v1.0.0 5 use=1h\n", "", true},
		"a tree":                 {"tree fuzz t1", "tree fuzz t2", true},
		"another tree":           {"tree fuzz", "tree modgraph", true},
		"a file":                 {"file P f", "file P g", true},
		"a path":                 {"file P f", "file Q f", true},
		"content of a file":      {"f h1", "f h2", true},
		"mode of a file":         {"f1 use=1h", "f1 use=1h exec", true},
		"use of a file":          {"f1 use=1h", "f1 use=26h", true},
		"a file's pack":          {"7 f1", "7 f2", false},
		"what it was built with": {"built cc=5", "built cc=6", true},
		"one build more":         {"built cc=5 use=1h", "built cc=5 use=1h\nbuilt cc=6", true},
		"a build's use":          {"built cc=5 use=1h", "built cc=5 use=26h", true},
	} {
		now := strings.Replace(old, c.from, c.to, 1)
		if c.from != "" && now == old {
			t.Fatalf("%s: nothing is replaced", name)
		}
		if got := differ(collecttest.Manifest(t, now), collecttest.Manifest(t, old)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
		if got := differ(collecttest.Manifest(t, old), collecttest.Manifest(t, now)); got != c.want {
			t.Errorf("%s, the other way: %v", name, got)
		}
	}
}

// TestIncludes: a manifest includes another if it has all of its entries and modules.
func TestIncludes(t *testing.T) {
	const all = "entry a1 o1 1 p\nentry a2 o2 1 p\nmodule x.org/a@v1.0.0 5\nmodule x.org/b@v1.0.0 5"
	for name, c := range map[string]struct {
		other string
		want  bool
	}{
		"the same": {all, true}, "nothing": {"", true}, "less": {"entry a2 o9 1 q\nmodule x.org/b@v1.0.0 5", true},
		"an entry more": {"entry a3 o1 1 p", false}, "a module more": {"module x.org/c@v1.0.0 5", false}, "another hash": {"module x.org/a@v1.0.0 5 sum=h1:y", false},
	} {
		if got := includes(collecttest.Manifest(t, all), collecttest.Manifest(t, c.other)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestSameKey: the snapshot of the same key is the job's own one, or that of the same module files
// from another scope.
func TestSameKey(t *testing.T) {
	own, other, files := &snapshot.Manifest{Scope: "s", Digest: "d"}, &snapshot.Manifest{Scope: "o", Digest: "d"}, &snapshot.Manifest{Scope: "o", Digest: "e"}
	latest := &snapshot.Manifest{Scope: "s", Digest: "d"}
	for name, c := range map[string]struct {
		exact *snapshot.Manifest
		list  []*snapshot.Manifest
		want  *snapshot.Manifest
	}{
		"own": {own, []*snapshot.Manifest{own, other}, own}, "other": {nil, []*snapshot.Manifest{files, other}, other},
		"other files": {nil, []*snapshot.Manifest{files}, nil}, "own, under the latest key": {nil, []*snapshot.Manifest{latest}, nil}, "none": {nil, nil, nil},
	} {
		if got := sameKey(c.exact, collect.NewStock(c.list, nil), "s", "d"); got != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestStale: a manifest is stale if its time differs by more than a day in either direction.
func TestStale(t *testing.T) {
	for hours, want := range map[int]bool{0: false, 23: false, 24: false, 25: true, -23: false, -25: true} {
		if got := stale(collecttest.Now.Unix(), collecttest.Ago(hours)); got != want {
			t.Errorf("%dh: %v", hours, got)
		}
	}
}

// TestTrend: the last saves are kept, as many as there is room for.
func TestTrend(t *testing.T) {
	m := collecttest.Manifest(t, "entry a1 o1 1 p\nmodule x.org/a@v1.0.0 5")
	m.Writer = snapshot.Writing{Time: collecttest.Now, Run: "7"}
	list := trend(m, nil, 5, &Reuse{Reused: 3, Made: 4})
	if want := (snapshot.Saved{Time: collecttest.Now, Run: "7", Stored: 510, Uploaded: 5, Actions: 1, Modules: 1, Reused: 3, Made: 4}); len(list) != 1 || list[0] != want {
		t.Errorf("%+v", list)
	}
	old := &snapshot.Manifest{}
	for i := range snapshot.MaxTrend {
		old.Trend = append(old.Trend, snapshot.Saved{Stored: int64(i)})
	}
	list = trend(m, old, 5, nil)
	if len(list) != snapshot.MaxTrend || list[0].Stored != 1 || list[len(list)-1].Run != "7" || old.Trend[0].Stored != 0 {
		t.Errorf("%d saves, the first %+v", len(list), list[0])
	}
}

// TestPolicy: the policy follows from the rules, the job and the clock.
func TestPolicy(t *testing.T) {
	r := rules{start: collecttest.Now, maxAge: time.Hour, maxSize: 1, maxModules: 2, maxBuild: 3, began: collecttest.Now.Add(-time.Minute), usedSince: collecttest.Now.Add(-2 * time.Minute)}
	p, off := r.policy(nil)
	if want := (retention.Policy{Now: r.start, MaxAge: time.Hour, UsedSince: r.usedSince, JobBegan: r.began, MaxSize: 1, MaxModules: 2, MaxBuild: 3}); p != want || off != "" {
		t.Errorf("%+v, %q", p, off)
	}
	for ahead, want := range map[time.Duration]bool{-time.Hour: false, time.Hour: false, 47 * time.Hour: false, 49 * time.Hour: true} {
		m := &snapshot.Manifest{Writer: snapshot.Writing{Time: r.start.Add(ahead)}}
		if _, off := r.policy(m); (off != "") != want || r.isBefore(m) != want {
			t.Errorf("saved %s ahead: %q", ahead, off)
		}
	}
	if r.isBefore(nil) {
		t.Error("no manifest counts as being in the future")
	}
}

// TestDescribeTrim: what is dropped is counted by reason, and so is what the job itself used.
func TestDescribeTrim(t *testing.T) {
	s := situation{
		own:   "entry a1 o1 10 p1 use=200h\nentry a2 o2 60 p1 use=2h\nentry a3 o3 70 p1 use=3h\nentry a4 o4 1 p1 use=5h exec=x\nentry a5 o5 1 p1 use=6h exec=x\nentry a6 o6 1 p1 use=7h exec=x\nmodule x.org/a@v1.0.0 20 use=1h\nmodule x.org/b@v1.0.0 30 use=199h",
		rules: rules{maxAge: 100 * time.Hour, maxBuild: 100, began: collecttest.Now.Add(-4 * time.Hour)},
	}
	f, own := s.facts(t)
	got := f.plan(own).trim
	largest := got.Largest
	got.Largest = nil
	want := Trim{
		Age: Amount{Count: 2, Bytes: 40}, Size: Amount{Count: 3, Bytes: 72}, Programs: Amount{Count: 1, Bytes: 1},
		Used: Amount{Count: 1, Bytes: 70}, Modules: Amount{Count: 1, Bytes: 20}, Build: Amount{Count: 1, Bytes: 60},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if len(largest) != 6 || largest[0].Bytes != 70 || largest[1].Name != "x.org/b@v1.0.0" {
		t.Errorf("%+v", largest)
	}
	var w collecttest.Warnings
	if got.warnUsed(w.Warn); !w.Mention("less than what this job used: 1 of") {
		t.Errorf("%q", w)
	}
	if (Trim{}).warnUsed(w.Warn); len(w) != 1 {
		t.Errorf("%q", w)
	}
}

// TestAsRestored: in the manifest for the key of the restore, modules that its go.sum does not name
// count as tools.
func TestAsRestored(t *testing.T) {
	m := collecttest.Manifest(t, "module x.org/a@v1.0.0 5 insum\nmodule x.org/b@v1.0.0 5 insum\nmodule x.org/c@v1.0.0 5")
	shared := m.Modules
	asRestored(m, []string{"n", "linux", "amd64", "go1.26", "before"}, map[string]string{"x.org/a@v1.0.0": "h1:x", "x.org/b@v1.0.0": "h1:y", "x.org/c@v1.0.0": "h1:x"})
	if m.Digest != "before" || len(m.Key) != 5 {
		t.Errorf("%q, %q", m.Key, m.Digest)
	}
	for i, want := range []bool{true, false, true} {
		if m.Modules[i].InSum != want {
			t.Errorf("%+v", m.Modules[i])
		}
	}
	if !shared[1].InSum {
		t.Error("the list of modules, which may be shared, has changed")
	}
}

// TestRestoredKey: the key of the restore is returned if the same job has another key now.
func TestRestoredKey(t *testing.T) {
	now := testKey.Exact()
	change := func(i int, s string) []string { k := slices.Clone(now); k[i] = s; return k }
	for name, c := range map[string]struct {
		state *jobstate.State
		want  bool
	}{
		"no restore": {nil, false}, "no key": {&jobstate.State{}, false}, "the same": {&jobstate.State{Key: now}, false},
		"other files": {&jobstate.State{Key: change(4, "e")}, true}, "another go": {&jobstate.State{Key: change(3, "go1.25")}, true},
		"another name": {&jobstate.State{Key: change(0, "m")}, false}, "another system": {&jobstate.State{Key: change(1, "darwin")}, false}, "too short": {&jobstate.State{Key: now[:4]}, false},
	} {
		j := job{Options: Options{State: c.state}}
		j.Keys.Key = testKey
		if got := j.restoredKey(); (got != nil) != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	j := job{Options: Options{State: &jobstate.State{Key: change(4, "e")}}}
	j.Keys.Key = testKey
	j.Keys.Key.Extra = "image"
	if got := j.restoredKey(); got != nil {
		t.Errorf("of a restore without --key-extra: %q", got)
	}
	j.State.Key = slices.Insert(slices.Clone(j.State.Key), 4, "other")
	if got := j.restoredKey(); got != nil {
		t.Errorf("of a restore with another --key-extra: %q", got)
	}
	j.State.Key[4] = "image"
	if got := j.restoredKey(); got == nil {
		t.Error("other files with the same --key-extra: no key")
	}
}

// TestJournal: each warning is kept once, on one line, in order.
func TestJournal(t *testing.T) {
	var j journal
	for _, s := range []string{"b", "a", "b", "two\nlines"} {
		j.warn("%s", s)
	}
	j.warnAll([]string{"a", "100%"})
	j.wrote("y")
	j.wrote("x")
	warnings, objects := j.read()
	if len(warnings) != 4 || warnings[0] != "b" || strings.Contains(warnings[2], "\n") || warnings[3] != "100%" || fmt.Sprint(objects) != "[x y]" {
		t.Errorf("%q, %q", warnings, objects)
	}
}

// TestCounts: what lies in packs of this save counts as uploaded by it.
func TestCounts(t *testing.T) {
	m := collecttest.Manifest(t, "entry a1 o1 1 n1\nentry a2 o1 1 n1\nentry a3 o3 1 p1\nfile P f h1 1 n2\nfile P g h2 1 p2\nmodule x.org/a@v1.0.0 5\nmodule x.org/b@v1.0.0 5")
	pack := func(name string) collect.Outcome {
		return collect.Outcome{Object: collecttest.Pack(name), Pack: snapshot.Pack{Object: collecttest.Pack(name)}, Uploaded: true}
	}
	done := []collect.Outcome{pack("n1"), pack("n2"), pack("unused"), {}, {Object: m.Modules[0].Object, Uploaded: true}, {Object: "v2/modules/b"}, {Object: "v2/modules/c", Failed: true}}
	plan := planned{manifest: m}
	plan.parts[kindBuild] = collect.Planned{Trimmed: 3, Missing: 4}
	plan.parts[kindPaths] = collect.Planned{Trimmed: 5, Missing: 6}
	plan.parts[kindModules] = collect.Planned{Trimmed: 7}
	var res Result
	res.countUploads(done)
	if res.Modules != (Counts{Uploaded: 1, Stored: 1, Skipped: 1}) {
		t.Errorf("modules of the upload: %+v", res.Modules)
	}
	res.count(plan, done, func(o *snapshot.Output) bool { return o.ID == collecttest.ID("o1") })
	want := Result{
		Modules: Counts{Uploaded: 1, Stored: 1, Trimmed: 7, Skipped: 1}, Build: Counts{Uploaded: 2, Stored: 1, Trimmed: 3, Skipped: 4},
		Files: Counts{Uploaded: 1, Stored: 1, Trimmed: 5, Skipped: 6}, Packs: Counts{Uploaded: 3, Stored: 2},
	}
	if fmt.Sprint(res) != fmt.Sprint(want) {
		t.Errorf("%+v\nwant\n%+v", res, want)
	}
}

// TestMemory: the lists take their share of the memory for objects, but leave enough to keep two
// cores busy; more memory is requested only above the usual amount.
func TestMemory(t *testing.T) {
	var more []int64
	j := gatherer{job{Options: Options{Memory: DefaultMemory, MoreMemory: func(n int64) { more = append(more, n) }}}}
	s := situation{here: "entry a1 o1 1 -"}
	f, _ := s.facts(t)
	l := buildOf(f)
	m := j.shareMemory(f.stock, l, nil)
	if m.budget >= DefaultMemory || m.budget < DefaultMemory-1000 || more[0] != 0 {
		t.Errorf("%+v, %v", m, more)
	}
	if got := m.with(j.job, prepared{memory: 5 << 20}); got.budget != m.budget-5<<20 || more[len(more)-1] != 0 {
		t.Errorf("with chunks %+v, %v", got, more)
	}
	if got := m.with(j.job, prepared{memory: DefaultMemory}); got.budget != leastMemory || more[len(more)-1] < leastMemory {
		t.Errorf("with many chunks %+v, %v", got, more)
	}
	if got := m.with(j.job, prepared{extents: 10 << 20}); got.built < 510<<20 || more[len(more)-1] < 100<<20 {
		t.Errorf("with many extents %+v, %v", got, more)
	}
	spread := &snapshot.Manifest{Outputs: []snapshot.Output{{Extents: make([]snapshot.Extent, 10<<20)}}}
	if got := j.shareMemory(collect.NewStock([]*snapshot.Manifest{spread}, nil), l, nil); got.lists < 160<<20 || got.built < 350<<20 {
		t.Errorf("with many extents before %+v", got)
	}
	var p planned
	if m.preparing(j.job, p); more[len(more)-1] != 0 {
		t.Errorf("nothing to prepare takes %v", more)
	}
	p.parts[kindBuild].Memory = DefaultMemory + 8<<20
	if m.preparing(j.job, p); more[len(more)-1] < 8<<20 {
		t.Errorf("much to prepare takes %v", more)
	}
	large := &snapshot.Manifest{Outputs: make([]snapshot.Output, 2<<20), Actions: make([]snapshot.Action, 1)}
	if got := j.shareMemory(collect.NewStock([]*snapshot.Manifest{{}}, nil), l, large); got.budget <= leastMemory {
		t.Errorf("%+v", got)
	}
	if n := previousBytes([]*snapshot.Manifest{large}); n < 91*2<<20 {
		t.Errorf("%d bytes", n)
	}
	j.Memory = 10
	if got := j.shareMemory(f.stock, l, nil); got.budget != 10 || more[len(more)-1] <= 0 {
		t.Errorf("%d, %v", got, more)
	}
	j.MoreMemory = nil
	j.tellMemory(1 << 40)
}
