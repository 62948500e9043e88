package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
)

// The graphs in testdata were written by go1.26.8 for a module with two packages, where app imports
// lib: with an empty cache, and after a change of app.
func TestGraphs(t *testing.T) {
	for _, c := range []struct {
		name           string
		files          []string
		compiles, vets actions
	}{
		{"nothing cached", []string{"build-cold"}, actions{2, 2}, actions{}},
		{"one package changed", []string{"build-edit"}, actions{2, 1}, actions{}},
		{"all cached", []string{"build-warm"}, actions{2, 0}, actions{}},
		{"vet finds what build compiled", []string{"build-cold", "vet-cold"}, actions{2, 2}, actions{2, 2}},
		{"the order does not matter", []string{"vet-cold", "build-cold"}, actions{2, 2}, actions{2, 2}},
		{"two versions of app are two actions", []string{"build-cold", "build-edit"}, actions{3, 3}, actions{}},
		{"vet after a change", []string{"build-edit", "vet-edit"}, actions{2, 1}, actions{2, 1}},
	} {
		g := new(graphs)
		for _, f := range c.files {
			data, err := os.ReadFile(filepath.Join("testdata", f+".json"))
			if err != nil {
				t.Fatal(err)
			}
			if err := g.add(data); err != nil {
				t.Fatal(err)
			}
		}
		if got := g.compiled(); got != c.compiles || g.vets != c.vets {
			t.Errorf("%s: compiles %+v, vets %+v, want %+v and %+v", c.name, got, g.vets, c.compiles, c.vets)
		}
	}
}

func TestDamagedGraph(t *testing.T) {
	if err := new(graphs).add([]byte(`[{"Mode": "build"`)); err == nil {
		t.Error("a truncated graph was accepted")
	}
}

// tinyProject returns a lab with a module of two packages that need nothing from the standard
// library.
func tinyProject(t *testing.T) *lab {
	t.Helper()
	l, err := newLab(t.Context(), filepath.Join(t.TempDir(), "lab"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.close(); err != nil {
			t.Error(err)
		}
	})
	source := filepath.Join(t.TempDir(), "source")
	for name, text := range map[string]string{
		"go.mod":          "module example.com/tiny\n\ngo 1.26\n",
		"lib/lib.go":      "package lib\n\nconst Word = 8\n",
		"lib/lib_test.go": "package lib\n\nvar _ = Word\n",
		"app/app.go":      "package app\n\nimport \"example.com/tiny/lib\"\n\nfunc Bits() int { return 8 * lib.Word }\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(source, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(source, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.checkOut(source, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := l.emptyCaches(); err != nil {
		t.Fatal(err)
	}
	return l
}

// tinySteps leave out the tests, which would compile half of the standard library.
var tinySteps = [][]string{{"build", "./..."}, {"vet", "./lib", "./app"}}

func (l *lab) mustRun(t *testing.T) (before *buildcache.Inventory, u usage, g *graphs) {
	t.Helper()
	old := steps
	defer func() { steps = old }()
	steps = tinySteps
	before = l.mustScan(t)
	start := time.Now()
	g, err := l.runJob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	after := l.mustScan(t)
	g.prune(after)
	return before, inspect(before, after, start, nil), g
}

func (l *lab) mustScan(t *testing.T) *buildcache.Inventory {
	t.Helper()
	inv, err := l.scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// TestSharedIsReal changes a package, removes the entries of another one from the cache, and
// compares the prediction of shared with what the go command does.
func TestSharedIsReal(t *testing.T) {
	l := tinyProject(t)
	if _, u, g := l.mustRun(t); g.compiled().Executed == 0 || u.Made.Entries == 0 || u.Used.Entries != 0 {
		t.Fatalf("a build from nothing: %+v, %+v", g.compiled(), u)
	}
	shiftBy(t, l, -3*time.Hour)
	s := shared{lab: l}
	_, u, g := l.mustRun(t)
	if g.compiled().Executed != 0 || u.Used.Entries == 0 || u.Used.Bytes > u.Restored.Bytes {
		t.Fatalf("a build of the same: %+v, %+v", g.compiled(), u)
	}
	if err := s.keep(u, g); err != nil {
		t.Fatal(err)
	}
	app := actionsOf(g, "example.com/tiny/app")
	l.forget(t, app)
	before, u, g := l.mustRun(t)
	if got := g.compiled().Executed; got != len(app) {
		t.Errorf("%d actions executed, want %d", got, len(app))
	}
	c := s.compare("test", "v1", before, u, g)
	if c.Other != "" || c.Unseen.Bytes > 1000 || c.Excess.Entries > 0 {
		t.Errorf("foreseen otherwise: %v", c)
	}
	// The same machine again, this time without the go command.
	l.forget(t, app)
	before = l.mustScan(t)
	start := time.Now()
	g2, err := s.replay(t.Context(), before)
	if err != nil {
		t.Fatal(err)
	}
	if g.compiled() != g2.compiled() {
		t.Errorf("shared: %+v, real: %+v", g2.compiled(), g.compiled())
	}
	u2 := inspect(before, l.mustScan(t), start, nil)
	// "go list -test" also indexes packages of the standard library, which these steps do not read.
	if lost := minus(u.working, u2.working); len(lost) > 0 || u2.Used != u.Used {
		t.Errorf("%d entries not touched or made; shared: %+v, real: %+v", len(lost), u2.Used, u.Used)
	}
}

// forget makes the cache older, and removes the entries of actions from it.
func (l *lab) forget(t *testing.T, actions map[string]bool) {
	t.Helper()
	shiftBy(t, l, -3*time.Hour)
	for _, e := range l.mustScan(t).Entries {
		if actions[shortID(e.Action)] {
			if err := buildcache.Open(l.buildDir()).Remove([]digest.ID{e.Action}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// actionsOf returns the compile actions of a package.
func actionsOf(g *graphs, pkg string) map[string]bool {
	ids := map[string]bool{}
	for id, c := range g.compiles {
		if c.pkg == pkg {
			ids[id] = true
		}
	}
	return ids
}

func shiftBy(t *testing.T, l *lab, by time.Duration) {
	t.Helper()
	if err := shiftCaches(l, by, always); err != nil {
		t.Fatal(err)
	}
}

// TestClock moves a cache back and forth. Files with times in the past arrive aged, files that the
// restore wrote with the machine's time keep it, and in the end everything has its original time.
func TestClock(t *testing.T) {
	l := &lab{Dir: kit.Dir(t.TempDir())}
	if err := l.emptyCaches(); err != nil {
		t.Fatal(err)
	}
	then := time.Now().Add(-100 * 24 * time.Hour).Truncate(time.Second)
	old, fresh, trim := filepath.Join(l.buildDir(), "old-a"), filepath.Join(l.modDir(), "fresh"), filepath.Join(l.buildDir(), "trim.txt")
	for _, f := range []string{old, fresh} {
		if err := os.WriteFile(f, nil, 0o444); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeTrim(trim, then); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{old, trim} {
		if err := os.Chtimes(f, then.Add(-2*time.Hour), then.Add(-2*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	c := clockAt(then)
	if err := c.toMachine(l, time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	near(t, "file of the history, on the machine", mtime(t, old), time.Now().Add(-2*time.Hour))
	near(t, "file of the machine, on the machine", mtime(t, fresh), time.Now())
	near(t, "trim.txt, on the machine", mtime(t, trim), time.Now().Add(-2*time.Hour))
	data, err := os.ReadFile(trim)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeTrim(filepath.Join(string(l.Dir), "want"), then.Add(c.ahead)); err != nil {
		t.Fatal(err)
	}
	if want, _ := os.ReadFile(filepath.Join(string(l.Dir), "want")); string(data) != string(want) {
		t.Errorf("trim.txt says %s, want %s", data, want)
	}
	if err := c.toHistory(l); err != nil {
		t.Fatal(err)
	}
	if got := mtime(t, old); !got.Equal(then.Add(-2 * time.Hour)) {
		t.Errorf("back in the history: %v, want %v", got, then.Add(-2*time.Hour))
	}
	near(t, "file of the machine, in the history", mtime(t, fresh), then)
	near(t, "now in the history", c.now(), then)
}

func mtime(t *testing.T, file string) time.Time {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}

func near(t *testing.T, what string, got, want time.Time) {
	t.Helper()
	if d := got.Sub(want).Abs(); d > time.Minute {
		t.Errorf("%s: %v, want about %v", what, got, want)
	}
}

func TestInOrder(t *testing.T) {
	// Output of "go list -m -json github.com/nats-io/nats-server/v2@...", with two release lines
	// that are maintained in parallel.
	list, err := parseReleases([]byte(`{
	"Path": "github.com/nats-io/nats-server/v2",
	"Version": "v2.10.27",
	"Time": "2025-04-08T16:20:09Z",
	"GoVersion": "1.23.0"
}
{
	"Path": "github.com/nats-io/nats-server/v2",
	"Version": "v2.11.0",
	"Time": "2025-03-19T15:28:56Z",
	"GoVersion": "1.24.0"
}
{
	"Path": "github.com/nats-io/nats-server/v2",
	"Version": "v2.12.4-RC.5",
	"Time": "2026-01-26T18:12:33Z",
	"GoVersion": "1.24.0"
}
{
	"Path": "github.com/nats-io/nats-server/v2",
	"Version": "v2.12.4-RC.6",
	"Time": "2026-01-26T19:11:02Z",
	"GoVersion": "1.24.0"
}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range inOrder(list) {
		got = append(got, r.Version)
	}
	if diff := cmp.Diff([]string{"v2.11.0", "v2.12.4-RC.6"}, got); diff != "" {
		t.Errorf("releases (-want +got):\n%s", diff)
	}
}

// made returns a run of release n whose build cache needs working bytes.
func made(policy string, i int, restored, used, working, snapshot int64, executed int) run {
	return run{
		Policy: policy, Release: "v1", Time: time.Unix(int64(i)*86400, 0), Sum: "s",
		Usage:   usage{Restored: amount{1, restored}, Used: amount{1, used}, Working: amount{1, working}},
		Modules: moduleUsage{Restored: amount{1, restored * 3 / 10}, Used: amount{1, working / 4}},
		Saved:   saved{Snapshot: snapshot, Store: snapshot}, Compiles: actions{100, executed},
	}
}

func TestTargets(t *testing.T) {
	r := &results{}
	for i := range 20 {
		size := int64(100) // of the project, which doubles
		if i >= 10 {
			size = 200
		}
		r.Runs = append(r.Runs,
			made(gocacheName, i, size, size*95/100, size, size, 10),
			made(dailyName, i, size, size*95/100, size, size, 10),
			made(prefixName, i, size, size, size, size, 10),
			made(setupGoName, i, 0, 0, size, size, 100))
	}
	if missed := r.missed(); len(missed) > 0 {
		t.Errorf("missed: %q", missed)
	}
	for _, c := range []struct {
		change func(*run)
		missed int
		text   string
	}{
		{func(x *run) { x.Usage.Restored.Bytes *= 2 }, 2, "restored bytes / bytes of entries that the run used"},
		{func(x *run) { x.Usage.Used.Bytes /= 2 }, 1, "restored entries that the run found"},
		{func(x *run) { x.Compiles.Executed += 5 }, 2, "hit share"},
		{func(x *run) { x.Saved.Store += x.Time.Unix() / 86400 * 20 }, 1, "store, last ten"},
	} {
		bad := &results{Runs: append([]run(nil), r.Runs...)}
		for i := range bad.Runs {
			if bad.Runs[i].Policy == gocacheName {
				c.change(&bad.Runs[i])
			}
		}
		missed := bad.missed()
		if len(missed) != c.missed || !strings.Contains(missed[0], c.text) {
			t.Errorf("missed %q, want %d with %q", missed, c.missed, c.text)
		}
	}
}

func TestUnused(t *testing.T) {
	entry := func(action, output byte, size int64) buildcache.Local {
		return buildcache.Local{Entry: buildcache.Entry{Action: digest.ID{action}, Output: digest.ID{output}, Size: size}}
	}
	shared, dead, old := entry(1, 1, 1000), entry(2, 2, 500), entry(3, 3, 70)
	twin := entry(4, 1, 1000) // another action with the output of the first
	all, latest := unused([]buildcache.Local{shared, dead, old, twin}, []buildcache.Local{shared}, map[digest.ID]bool{{2}: true})
	size := int64(buildcache.EntrySize)
	if want := (amount{3, 3*size + 570}); all != want {
		t.Errorf("unused %+v, want %+v: the twin uses the output", all, want)
	}
	if want := (amount{1, size + 500}); latest != want {
		t.Errorf("of the run before %+v, want %+v", latest, want)
	}
	if got, want := measure([]buildcache.Local{shared, twin}), (amount{2, 2*size + 1000}); got != want {
		t.Errorf("measure %+v, want %+v: an output counts once", got, want)
	}
}

func TestReport(t *testing.T) {
	r := &results{Module: "example.com/m", MaxAge: 14 * 24 * time.Hour}
	for i := range 3 {
		for _, p := range everyone {
			r.Runs = append(r.Runs, made(p, i, 100e6, 50e6, 80e6, 30e6, 10))
		}
	}
	kept := held{"kept", "kept", 1e6}
	r.Needs = []need{{"v1", []held{kept, {"dropped", "dropped", 1e6}}}, {"v2", []held{kept}}}
	page, err := render(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| gocache | 200 | 1.25 | 2.00 | 1.50 | 90.0 % | 20 |",
		"| 1d | 2 | 2.00 | 2.00 | 0 |",
		"| v1 | 1970-01-03 | 80 | 100 | 100 | 100 | 100 | 50 |",
		"| ≤ 1.15 | 1.250 | **missed** |",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}
