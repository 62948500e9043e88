package restore

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/content/build"
	"github.com/org/gocache-action/internal/content/graph"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/content/modules"
	"github.com/org/gocache-action/internal/content/paths"
	"github.com/org/gocache-action/internal/lookup"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
)

func objects(list []lookup.Candidate) (names []string) {
	for _, c := range list {
		names = append(names, c.Object)
	}
	return names
}

// TestPlan: Plan reports what Run does, and writes nothing.
func TestPlan(t *testing.T) {
	w := full(t)
	o := w.options()
	p, err := Plan(t.Context(), o)
	if err != nil || p.Matched == nil || !p.Matched.Exact || len(p.Candidates) != 6 || len(p.Losses)+len(p.Warnings) != 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	if w.has("mod") || w.has("build") || w.has("lint") {
		t.Error("planning wrote something")
	}
	res, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if p.Modules.Fetch != res.Modules.Restored || p.Build.Fetch != res.Build.Restored || p.Files.Fetch != res.Files.Restored || len(p.Trees) != 1 {
		t.Errorf("plan %+v, result %+v", p, res)
	}
	var graphPack int64
	for _, pack := range w.manifest(t).Packs {
		graphPack += pack.Size
	}
	if sum := p.Modules.Stored + p.Build.Stored + p.Files.Stored; sum >= res.BytesFetched || sum+graphPack <= res.BytesFetched {
		t.Errorf("%d planned, %d fetched", sum, res.BytesFetched)
	}
	p, err = Plan(t.Context(), o)
	if err != nil || p.Modules != (PlanCounts{Present: 1}) || p.Build != (PlanCounts{Present: 3}) || p.Files != (PlanCounts{Present: 1}) {
		t.Errorf("again: %+v, %v", p, err)
	}
}

// planned returns a plan of a kind that was carried out with this outcome.
func planned(name string, s install.Summary, done install.Outcome) plan {
	return plan{Prepared: install.Prepared{Name: name, Summary: s}, done: done}
}

// TestFold: the counts of a kind are those of its plan and of its jobs together; losses and
// warnings are in the order of the kinds.
func TestFold(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	o.setDefaults()
	var known, done, found install.Outcome
	known.Counts = install.Counts{Present: 2, Refused: 1}
	known.Name("m", "sum", install.KindRefused)
	known.Warn("replaced")
	done.Counts = install.Counts{Restored: 3, Refused: 1, Missing: 1}
	done.Damage("x", -1, "gone", install.KindMissing)
	found.Damage("manifest", -1, "junk", install.KindRefused)
	f := finding{Outcome: found, Differs: []string{"CC"}}
	plans := []plan{
		planned(modules.Name, install.Summary{Known: known}, done),
		planned(build.Name, install.Summary{}, install.Outcome{Counts: install.Counts{Restored: 7}}),
		planned(graph.Name, install.Summary{}, install.Outcome{Counts: install.Counts{Restored: 100}, Warnings: []string{"last"}}),
		planned(paths.Name, install.Summary{}, install.Outcome{Counts: install.Counts{Missing: 5}}),
	}
	for range 2 { // fold does not change its arguments
		res := fold(o, o.Now(), f, plans)
		if res.Modules != (Counts{Restored: 3, Present: 2, Missing: 1, Refused: 2}) || res.Build != (Counts{Restored: 7}) || res.Files != (Counts{Missing: 5}) {
			t.Errorf("%+v", res)
		}
		var lost []string
		for _, l := range res.Losses {
			lost = append(lost, l.What)
		}
		if !slices.Equal(lost, []string{"manifest", "m", "x"}) || !slices.Equal(res.Warnings, []string{"replaced", "last"}) || len(res.State.Damaged) != 2 {
			t.Errorf("%q, %q, %+v", lost, res.Warnings, res.State.Damaged)
		}
		if !slices.Equal(res.Differs, []string{"CC"}) || !slices.Equal(res.State.Differs, []string{"CC"}) {
			t.Errorf("%q", res.Differs)
		}
	}
}

// TestDescribe: `gocache plan` prints what is known before anything is fetched.
func TestDescribe(t *testing.T) {
	o := newWorld(t).options()
	known := install.Outcome{Counts: install.Counts{Present: 2}}
	known.Warn("unread")
	trees := []snapshot.Tree{{Name: snapshot.TreeModGraph}}
	p := describe(o, finding{}, []plan{
		planned(modules.Name, install.Summary{Fetch: 1, Unlisted: 4, Stored: 10, Bytes: 100, Known: known}, install.Outcome{}),
		planned(build.Name, install.Summary{Fetch: 2, Stored: 20, Bytes: 200}, install.Outcome{}),
		planned(graph.Name, install.Summary{Stored: 1, Trees: trees}, install.Outcome{}),
		planned(paths.Name, install.Summary{Fetch: 3, Stored: 30, Bytes: 300}, install.Outcome{}),
	})
	want := &PlanResult{
		Key: o.Keys.Key.String(), Candidates: candidates(o), Unlisted: 4, Trees: trees, Warnings: []string{"unread"},
		Modules: PlanCounts{1, 2, 10, 100}, Build: PlanCounts{2, 0, 20, 200}, Files: PlanCounts{3, 0, 30, 300},
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("%+v\n%+v", p, want)
	}
}

// TestCountPacks: each pack counts once, according to its outcome.
func TestCountPacks(t *testing.T) {
	m := &snapshot.Manifest{
		Packs: []snapshot.Pack{{Object: "a"}, {Object: "b"}, {Object: "c"}, {Object: "tree"}, {Object: "path"}},
		Trees: []snapshot.Tree{{Pack: 3}},
		Paths: []snapshot.PathFiles{{Files: []snapshot.PathFile{{Pack: 4}}}},
	}
	lost := map[string]string{"b": install.KindMissing, "tree": install.KindRefused, "elsewhere": install.KindMissing}
	reads := func(name string, packs ...int) plan {
		done := map[string]int{}
		for _, i := range packs {
			done[m.Packs[i].Object] = 1
		}
		return planned(name, install.Summary{Packs: packs}, install.Outcome{Read: done})
	}
	waiting := planned(build.Name, install.Summary{Packs: []int{0, 1}}, install.Outcome{})
	inParts := func(ended int) plan {
		p := planned(build.Name, install.Summary{Packs: []int{0}}, install.Outcome{Read: map[string]int{"a": ended}})
		p.parts = map[string]int{"a": 2}
		return p
	}
	for name, c := range map[string]struct {
		plans []plan
		want  Counts
	}{
		"nothing compared":        {nil, Counts{}},
		"nothing wanted":          {[]plan{reads(build.Name)}, Counts{Present: 3}},
		"no build cache":          {[]plan{reads(graph.Name, 3)}, Counts{Refused: 1}},
		"one restored":            {[]plan{reads(build.Name, 0)}, Counts{Restored: 1, Present: 2}},
		"one missing":             {[]plan{reads(build.Name, 0, 1)}, Counts{Restored: 1, Missing: 1, Present: 1}},
		"read by two":             {[]plan{reads(build.Name, 0, 4), reads(paths.Name, 4)}, Counts{Restored: 2, Present: 2}},
		"all":                     {[]plan{reads(build.Name, 0, 1, 2), reads(graph.Name, 3), reads(paths.Name, 4)}, Counts{Restored: 3, Missing: 1, Refused: 1}},
		"not carried out, a loss": {[]plan{waiting}, Counts{Missing: 1, Present: 1}},
		"read by the second":      {[]plan{waiting, reads(paths.Name, 0)}, Counts{Restored: 1, Missing: 1, Present: 1}},
		"both parts":              {[]plan{inParts(2)}, Counts{Restored: 1, Present: 2}},
		"one part of two":         {[]plan{inParts(1)}, Counts{Present: 2}},
		"a snapshot of two paths": {[]plan{reads(build.Name), reads(paths.Name, 4)}, Counts{Restored: 1, Present: 3}},
	} {
		if got := countPacks(m, c.plans, lost); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestBegin: jobs of early kinds come first, and then one job of each other kind in turn.
func TestBegin(t *testing.T) {
	of := func(early bool, bytes ...int64) plan {
		begin := func(context.Context, *install.Env) (jobs []install.Job, out install.Outcome) {
			for _, n := range bytes {
				jobs = append(jobs, install.Job{Bytes: n, Pack: "p"})
			}
			out.Warn("begun")
			return jobs, out
		}
		return plan{early: early, Prepared: install.Prepared{Begin: begin}}
	}
	plans := []plan{of(false, 1, 2, 3), of(false, 10), of(true, 100, 200), of(true), of(true, 300)}
	var order []int64
	for _, task := range begin(t.Context(), nil, plans) {
		order = append(order, task.Bytes)
	}
	if !slices.Equal(order, []int64{100, 200, 300, 1, 10, 2, 3}) {
		t.Errorf("%v", order)
	}
	for i, p := range plans {
		if p.parts["p"] != []int{3, 1, 2, 0, 1}[i] || len(p.done.Warnings) != 1 {
			t.Errorf("%d: %+v", i, p)
		}
	}
}

// TestDo: every job runs once, no more jobs run at once than there are slots, and the outcomes are
// in the order of the jobs.
func TestDo(t *testing.T) {
	const n = 8
	var now, most atomic.Int32
	var tasks []task
	for i := range 100 {
		run := func(_ context.Context, fetched func()) (install.Outcome, error) {
			if k := now.Add(1); k > most.Load() {
				most.Store(k)
			}
			time.Sleep(time.Millisecond / 4)
			now.Add(-1)
			return install.Outcome{Counts: install.Counts{Restored: i}}, nil
		}
		tasks = append(tasks, task{Job: install.Job{Bytes: int64(i%3) * bigJob, Run: run}})
	}
	outs, err := do(t.Context(), n, tasks)
	if err != nil || most.Load() > n {
		t.Errorf("%d at once, %v", most.Load(), err)
	}
	for i, out := range outs {
		if out.Counts.Restored != i {
			t.Fatalf("outcome %d is %+v", i, out)
		}
	}
}

// TestDoFails: the first error ends running and waiting jobs, and outcomes up to then count.
func TestDoFails(t *testing.T) {
	down := errors.New("store is down")
	tasks := []task{
		{Job: install.Job{Run: func(context.Context, func()) (install.Outcome, error) {
			return install.Outcome{Counts: install.Counts{Restored: 1}}, nil
		}}},
		{Job: install.Job{Run: func(context.Context, func()) (install.Outcome, error) {
			return install.Outcome{Counts: install.Counts{Restored: 2}}, down
		}}},
	}
	for range 100 {
		tasks = append(tasks, task{Job: install.Job{Run: func(ctx context.Context, _ func()) (install.Outcome, error) {
			<-ctx.Done()
			return install.Outcome{}, ctx.Err()
		}}})
	}
	outs, err := do(t.Context(), 4, tasks)
	if !errors.Is(err, down) || outs[0].Counts.Restored != 1 || outs[1].Counts.Restored != 2 {
		t.Errorf("%+v, %v", outs[:2], err)
	}
}

// TestAddTotals: the totals of the plans are added to the progress display.
func TestAddTotals(t *testing.T) {
	m := new(report.Meter)
	addTotals(m, []plan{
		planned(modules.Name, install.Summary{Stored: 1, Bytes: 10}, install.Outcome{}),
		planned(build.Name, install.Summary{Stored: 2, Bytes: 20, Files: 200}, install.Outcome{}),
	})
	if m.BytesTotal.Load() != 3 || m.DiskTotal.Load() != 30 || m.FilesTotal.Load() != 200 {
		t.Errorf("%d, %d, %d", m.BytesTotal.Load(), m.DiskTotal.Load(), m.FilesTotal.Load())
	}
}

// TestPlaces: a failing directory is not a failure of the whole place if something was already
// present there.
func TestPlaces(t *testing.T) {
	for _, present := range []int{0, 1} {
		o := newWorld(t).options()
		p := newPlaces(o)
		var out install.Outcome
		if err := p.build.Tolerate(&out, "ab", "directory ab", errors.New("denied")); err != nil {
			t.Fatal(err)
		}
		plans := []plan{planned(modules.Name, install.Summary{}, out), planned(build.Name, install.Summary{Known: install.Outcome{Counts: install.Counts{Present: present}}}, out)}
		if err := p.failed(plans); (err == nil) != (present > 0) || err != nil && !install.IsLocal(err) {
			t.Errorf("%d present: %v", present, err)
		}
		if err := p.tolerated(); (err == nil) != (present == 0) {
			t.Errorf("%d present: tolerated: %v", present, err)
		}
	}
	p := newPlaces(Options{})
	if p.modules != nil || p.build != nil || p.failed(nil) != nil {
		t.Errorf("%+v", p)
	}
}

// TestDiffers: differences from what the snapshot was built with are reported, with a warning if
// something of its build cache is missing here.
func TestDiffers(t *testing.T) {
	missing := planned(build.Name, install.Summary{Fetch: 1}, install.Outcome{})
	for _, c := range []struct {
		differs []string
		plans   []plan
		warns   bool
	}{
		{nil, []plan{missing}, false},
		{[]string{"CC"}, []plan{missing}, true},
		{[]string{"CC"}, []plan{planned(build.Name, install.Summary{}, install.Outcome{})}, false},
		{[]string{"CC"}, []plan{planned(modules.Name, install.Summary{Fetch: 1}, install.Outcome{})}, false},
	} {
		f := finding{Differs: c.differs}
		f.warnBuiltWith(c.plans)
		if f.toldDiffers != c.warns || len(f.Warnings) > 0 != c.warns {
			t.Errorf("%+v: %q", c, f.Warnings)
		}
	}
}

// TestMemory: buffers stay within their limits whatever the memory is, and larger lists need more
// memory.
func TestMemory(t *testing.T) {
	for _, mib := range []int64{0, 1, 64, 128, 256, 1 << 20} {
		o := Options{Memory: mib << 20}
		o.setDefaults()
		if o.Concurrency < minTransfers || o.Concurrency > DefaultConcurrency || o.decodedFrames() < 1 || o.decodedFrames() > maxBuffers || o.storedBytes() > maxStored {
			t.Errorf("%d MiB: %d transfers, %d frames, %d bytes", mib, o.Concurrency, o.decodedFrames(), o.storedBytes())
		}
		if taken := int64(o.decodedFrames())*snapshot.FrameSize + o.storedBytes() + againBytes; mib >= 64 && taken > mib<<20 {
			t.Errorf("%d MiB: %d are taken", mib, taken>>20)
		}
	}
	m := new(snapshot.Manifest)
	if listMemory(m, 0) != 0 || listMemory(m, usualLists) <= 0 || listMemory(m, -1<<40) != 0 {
		t.Error("lists")
	}
	m.Actions = make([]snapshot.Action, 2<<20)
	if few, more := listMemory(m, 0), listMemory(m, 1<<20); few <= 0 || more <= few {
		t.Errorf("%d, %d", few, more)
	}
	before := listMemory(m, 0)
	m.Outputs = []snapshot.Output{{Extents: make([]snapshot.Extent, 1<<20)}}
	if grown := listMemory(m, 0) - before; grown < 32<<20 {
		t.Errorf("a million extents take %d bytes", grown)
	}
	var told []int64
	o := Options{MoreMemory: func(n int64) { told = append(told, n) }}
	o.tellMemory(m, 5)
	if len(told) != 1 || told[0] != listMemory(m, 5) {
		t.Errorf("%v", told)
	}
}
