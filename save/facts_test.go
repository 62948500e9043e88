package save

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/content/build"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/content/graph"
	"github.com/org/gocache-action/internal/content/modules"
	"github.com/org/gocache-action/internal/content/paths"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/keys"
)

var testKey = keys.Key{Name: "n", OS: "linux", Arch: "amd64", Go: "go1.26", Digest: "d"}

// situation is the input of a plan: the local entries, the manifest under the key, and the
// manifests of other scopes.
type situation struct {
	here, own string
	others    []string
	gone      []string // packs
	meanwhile bool     // own was written after the save began
	rules     rules
	head      head
	rewrite   []string // packs; nil: the plan decides
	saved     time.Time
}

func (s situation) facts(t testing.TB) (facts, *snapshot.Manifest) {
	t.Helper()
	inv, use := collecttest.Inventory(t, s.here)
	if s.rules.start.IsZero() {
		s.rules.start = collecttest.Now
	}
	f := facts{
		kinds: [kinds]collect.Kind{modules.Local{}, build.New(nil, inv, use), graph.Local{}, paths.Local{}},
		head:  s.head, rules: s.rules,
	}
	f.head.repo, f.head.scope, f.head.key = "r", "s", testKey
	var own *snapshot.Manifest
	var list []*snapshot.Manifest
	if s.own != "" {
		own = collecttest.Manifest(t, s.own)
		own.Writer.Time = s.saved
		if !s.meanwhile {
			f.exact = own
			list = append(list, own)
		}
	}
	for _, text := range s.others {
		m := collecttest.Manifest(t, text)
		m.Scope = "other"
		list = append(list, m)
	}
	bad := collect.Damage{}
	for _, name := range s.gone {
		bad.Mark(collecttest.Pack(name), -1)
	}
	f.stock = collect.NewStock(list, bad)
	for _, name := range s.rewrite {
		if f.rewrite == nil {
			f.rewrite = map[string]bool{}
		}
		f.rewrite[collecttest.Pack(name)] = true
	}
	return f, own
}

// lacks returns how many parts of the next snapshot the store lacks.
func lacks(p planned) (n int) {
	for _, part := range p.parts {
		n += part.Missing
	}
	return n
}

// TestPlan plans all kinds together.
func TestPlan(t *testing.T) {
	const everything = "entry a1 o1 10 p1 use=1h\nmodule x.org/a@v1.0.0 5 use=1h\ntree fuzz t1 3 30 s1\nfile P f h1 7 f1 use=1h\ngraph x.org/g@v1.0.0 use=1h\nbuilt cc=5 use=1h"
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		situation
		want    string
		trimmed string // modules, build, paths
		off     string
		warning string
		changed bool
	}{
		"the first save":       {situation: situation{here: "entry a1 o1 10 -"}, changed: true},
		"all is kept":          {situation: situation{own: everything}, want: everything},
		"all is kept, and new": {situation: situation{own: everything, here: "entry a2 o2 9 -"}, want: everything},
		"a use is recorded": {
			situation: situation{own: "entry a1 o1 10 p1 use=30h", here: "entry a1 o1 10 -"}, want: "entry a1 o1 10 p1", changed: true,
		},
		"a use of the same day": {
			situation: situation{own: "entry a1 o1 10 p1 use=20h", here: "entry a1 o1 10 -"}, want: "entry a1 o1 10 p1",
		},
		"all ages": {
			situation: situation{own: everything + "\nmodule x.org/b@v1.0.0 5 use=90h\nentry a2 o2 7 p1 use=90h\nfile P g h2 7 f1 use=90h", rules: rules{maxAge: 2 * day}},
			want:      everything, trimmed: "1 1 1", changed: true,
		},
		"one bound for both caches": { // the most recently used parts stay
			situation: situation{
				own:   "entry a1 o1 40 p1 use=2h\nentry a2 o2 40 p1 use=4h\nmodule x.org/a@v1.0.0 40 use=1h\nmodule x.org/b@v1.0.0 40 use=3h\nfile P f h1 700 f1 use=9h",
				rules: rules{maxSize: 125},
			},
			want:    "entry a1 o1 40 p1 use=2h\nmodule x.org/a@v1.0.0 40 use=1h\nmodule x.org/b@v1.0.0 40 use=3h\nfile P f h1 700 f1 use=9h",
			trimmed: "0 1 0", changed: true,
		},
		"a bound for each cache": {
			situation: situation{
				own:   "entry a1 o1 40 p1 use=2h\nentry a2 o2 40 p1 use=4h\nmodule x.org/a@v1.0.0 40 use=1h\nmodule x.org/b@v1.0.0 40 use=3h",
				rules: rules{maxModules: 50, maxBuild: 50},
			},
			want: "entry a1 o1 40 p1 use=2h\nmodule x.org/a@v1.0.0 40 use=1h", trimmed: "1 1 0", changed: true,
		},
		"the job failed": {
			situation: situation{own: everything + "\nentry a2 o2 7 p1 use=900h", here: "entry a3 o3 1 -", rules: rules{maxAge: day, failed: true}},
			want:      everything + "\nentry a2 o2 7 p1 use=900h", off: "the job failed",
		},
		"the last save is in the future": {
			situation: situation{own: "entry a1 o1 10 p1 use=900h", rules: rules{maxAge: day}, saved: collecttest.Now.Add(3 * day)},
			want:      "entry a1 o1 10 p1 use=900h", off: "the clock", warning: "nothing is trimmed", changed: true,
		},
		"it is, and the job failed": {
			situation: situation{own: "entry a1 o1 10 p1", rules: rules{failed: true}, saved: collecttest.Now.Add(3 * day)},
			want:      "entry a1 o1 10 p1", off: "the job failed", changed: true,
		},
		"another scope has it": {
			situation: situation{here: "entry a1 o1 10 -", others: []string{"entry a1 o1 10 q\nmodule x.org/a@v1.0.0 5"}},
			want:      "entry a1 o1 10 q", changed: true,
		},
		"another scope has just this": {
			situation: situation{here: "entry a1 o1 10 -", others: []string{"entry a1 o1 10 q"}}, want: "entry a1 o1 10 q",
		},
		"a pack of every kind is gone": {
			situation: situation{own: everything, gone: []string{"p1", "t1", "f1"}}, want: "module x.org/a@v1.0.0 5 use=1h\ngraph x.org/g@v1.0.0 use=1h\nbuilt cc=5 use=1h", changed: true,
		},
		"another save meanwhile": {
			situation: situation{own: everything, meanwhile: true, here: "entry a1 o1 10 -"},
			want:      strings.Replace(everything, "p1 use=1h", "p1", 1), changed: true,
		},
		"what was built with ages": {
			situation: situation{own: "built cc=5 use=90h\nbuilt cc=6 use=1h", rules: rules{maxAge: 2 * day}, head: head{build: true}}, want: "built cc=6 use=1h", changed: true,
		},
		"what was built with now": {
			situation: situation{own: "built cc=5 use=90h", head: head{build: true, builtWith: map[string]string{"cc": strings.Repeat("7", 16)}}},
			want:      "built cc=5 use=90h\nbuilt cc=7", changed: true,
		},
		"without the build cache": {
			situation: situation{own: "built cc=5 use=90h", rules: rules{maxAge: 2 * day}, head: head{builtWith: map[string]string{"cc": strings.Repeat("7", 16)}}}, want: "built cc=5 use=90h",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, own := c.facts(t)
			p := f.plan(own)
			collecttest.Compare(t, p.manifest, c.want)
			parts := p.parts
			if got := fmt.Sprint(parts[kindModules].Trimmed, parts[kindBuild].Trimmed, parts[kindPaths].Trimmed); c.trimmed != "" && got != c.trimmed {
				t.Errorf("trimmed %s, want %s", got, c.trimmed)
			}
			if !strings.HasPrefix(p.trim.Off, c.off) || (c.off == "") != (p.trim.Off == "") {
				t.Errorf("off: %q", p.trim.Off)
			}
			if !collecttest.Warnings(p.warnings).Mention(c.warning) {
				t.Errorf("warnings %q", p.warnings)
			}
			if missing := lacks(p) > 0; !missing && f.isChange(p) != c.changed {
				t.Errorf("a change: %v", !c.changed)
			}
			again := f.plan(own)
			if got, want := collecttest.Print(again.manifest), collecttest.Print(p.manifest); got != want {
				t.Errorf("planned again:\n%s\nbefore\n%s", got, want)
			}
		})
	}
}

// TestPlanHead: a plan sets the fields that describe the manifest itself.
func TestPlanHead(t *testing.T) {
	s := situation{own: "entry a1 o1 10 p1", head: head{asked: collecttest.Now.Add(-time.Hour + 5), writer: snapshot.Writing{Run: "7"}}}
	f, own := s.facts(t)
	m := f.plan(own).manifest
	if m.Repo != "r" || m.Scope != "s" || !slices.Equal(m.Key, testKey.Exact()) || m.Digest != "d" || m.Writer.Run != "7" || !m.UseAsked.Equal(collecttest.Now.Add(-time.Hour)) {
		t.Errorf("%+v", m)
	}
	own.UseAsked = collecttest.Now.Add(-time.Minute)
	if m := f.plan(own).manifest; !m.UseAsked.Equal(own.UseAsked) {
		t.Errorf("another job asked later: %s", m.UseAsked)
	}
}

// TestRestoredBuilds: entries that were restored from another scope bring the build settings
// recorded there.
func TestRestoredBuilds(t *testing.T) {
	s := situation{here: "entry a1 o1 10 -", others: []string{"entry a1 o1 10 q\nbuilt cc=5"}}
	f, _ := s.facts(t)
	f.head.restored = f.stock.Manifests()
	for range 2 { // a plan does not change them
		collecttest.Compare(t, f.plan(nil).manifest, "entry a1 o1 10 q\nbuilt cc=5")
	}
	own := collecttest.Manifest(t, "built cc=6 use=1h")
	collecttest.Compare(t, f.plan(own).manifest, "entry a1 o1 10 q\nbuilt cc=5\nbuilt cc=6 use=1h")
}

// TestRepackIsDecidedOnce: packs with many dead bytes are repacked if the local cache has
// everything live in them. A decision made before the upload also holds after it.
func TestRepackIsDecidedOnce(t *testing.T) {
	dead := situation{here: "entry a1 o1 10 -\nentry a2 o2 20 -", own: "pack p1 100\nentry a1 o1 10 p1\nentry a2 o2 20 p2"}
	for name, c := range map[string]struct {
		change func(*situation)
		want   string // of packs
		lacks  int
	}{
		"mostly dead":        {func(*situation) {}, "p1", 1},
		"not here":           {func(s *situation) { s.here = "entry a2 o2 20 -" }, "", 0},
		"no budget":          {func(s *situation) { s.rules.repackBudget = -1 }, "", 0},
		"too small a budget": {func(s *situation) { s.rules.repackBudget = 9 }, "", 0},
		"the job failed":     {func(s *situation) { s.rules.failed = true }, "", 0},
		"decided before":     {func(s *situation) { s.rewrite = []string{"p2"} }, "p2", 1},
		"files":              {func(s *situation) { s.own += "\npack f1 100\nfile P f h1 7 f1"; s.gone = nil }, "p1", 1},
	} {
		s := dead
		c.change(&s)
		f, own := s.facts(t)
		p := f.plan(own)
		var got []string
		for _, name := range []string{"p1", "p2", "f1"} {
			if p.rewrite[collecttest.Pack(name)] {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != c.want || lacks(p) != c.lacks || len(p.rewrite) != len(got) {
			t.Errorf("%s: %q, %d missing", name, got, lacks(p))
		}
		if p.rewrite == nil {
			t.Errorf("%s: the plan would decide again", name)
		}
		if len(got) > 0 && !f.differs(p, own) {
			t.Errorf("%s: repacking does not count as a change", name)
		}
	}
}

// TestConflict: whichever of two saves publishes first, the final manifest has the entries of both.
func TestConflict(t *testing.T) {
	const base = "entry a0 o0 1 p0 use=50h"
	saves := map[string]situation{
		"x": {here: "entry a0 o0 1 - use=9h\nentry a1 o1 1 - time=5\nentry a2 o2 2 - time=7", own: base},
		"y": {here: "entry a0 o0 1 - use=3h\nentry a1 o9 9 - time=6\nentry a3 o3 3 - time=1", own: base},
	}
	results := map[string]string{}
	for _, order := range [][2]string{{"x", "y"}, {"y", "x"}} {
		published := collecttest.Manifest(t, base)
		for _, name := range order {
			s := saves[name]
			f, _ := s.facts(t)
			first := f.plan(f.exact)
			f.rewrite = first.rewrite
			f = s.uploaded(t, f, "n"+name)
			own := f.exact
			if name != order[0] {
				own = published
			}
			p := f.plan(own)
			if lacks(p) > 0 {
				t.Errorf("after the upload %d are missing", lacks(p))
			}
			published = p.manifest
		}
		var lines []string // without packs, which depend on the order if both saves have the output
		for _, a := range published.Actions {
			lines = append(lines, fmt.Sprint(collecttest.Name(a.ID), collecttest.Name(published.Outputs[a.Output].ID), a.Time, collecttest.Now.Unix()-a.LastUse))
		}
		results[order[0]] = strings.Join(lines, "\n")
	}
	if want := "a0o00 10800\na1o96 0\na2o27 0\na3o31 0"; results["x"] != want || results["y"] != want {
		t.Errorf("%s\n\n%s\nwant\n%s", results["x"], results["y"], want)
	}
}

// uploaded returns the facts after all local entries were uploaded in one more pack.
func (s situation) uploaded(t testing.TB, f facts, pack string) facts {
	t.Helper()
	text := strings.ReplaceAll(s.here, " -", " "+pack)
	f.stock = collect.NewStock(append(slices.Clone(f.stock.Manifests()), collecttest.Manifest(t, text)), nil)
	return f
}

// TestDoubts: an object that a collection may be removing is no longer named, wherever it lies; the
// original facts do not change.
func TestDoubts(t *testing.T) {
	s := situation{here: "entry a1 o1 1 -", own: "entry a2 o2 2 p1\nentry a3 o3 3 p1\nmodule x.org/a@v1.0.0 5\nmodule x.org/b@v1.0.0 5\ntree fuzz t1 1 1 s\nfile P f h 1 f1"}
	f, own := s.facts(t)
	f.rewrite = map[string]bool{}
	f = s.uploaded(t, f, "n0")
	all := "entry a1 o1 1 n0\nentry a2 o2 2 p1\nentry a3 o3 3 p1\nmodule x.org/a@v1.0.0 5\nmodule x.org/b@v1.0.0 5\ntree fuzz t1 1 1 s\nfile P f h 1 f1"
	for name, c := range map[string]struct {
		gone []string
		lost []string // lines
	}{
		"nothing":          {nil, nil},
		"what it uploaded": {[]string{collecttest.Pack("n0")}, []string{"entry a1"}},
		"a stored pack":    {[]string{collecttest.Pack("p1")}, []string{"entry a2", "entry a3"}},
		"a module":         {[]string{collecttest.Module(collecttest.Version("x.org/b@v1.0.0"), "h1:x")}, []string{"module x.org/b"}},
		"a tree":           {[]string{collecttest.Pack("t1")}, []string{"tree"}},
		"a file":           {[]string{collecttest.Pack("f1")}, []string{"file"}},
		"all packs":        {[]string{collecttest.Pack("n0"), collecttest.Pack("p1"), collecttest.Pack("t1"), collecttest.Pack("f1")}, []string{"entry", "tree", "file"}},
	} {
		w := f.without(func(object string) bool { return slices.Contains(c.gone, object) })
		var want []string
		for line := range strings.Lines(all) {
			if !slices.ContainsFunc(c.lost, func(p string) bool { return strings.HasPrefix(line, p) }) {
				want = append(want, line)
			}
		}
		p := w.plan(own)
		if got, want := collecttest.Sorted(collecttest.Print(p.manifest)), collecttest.Sorted(strings.Join(want, "\n")); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
		collecttest.Compare(t, f.plan(own).manifest, all)
	}
}

// TestPlanLeavesManifests: planning does not change its input manifests.
func TestPlanLeavesManifests(t *testing.T) {
	const text = "entry a1 o1 10 p1 use=-99h\nmodule x.org/a@v1.0.0 5 use=-99h\nmodule x.org/b@v1.0.0 5 use=99h\nfile P f h1 7 f1 use=99h\nfile P g h1 7 f1\ntree fuzz t1 3 30 s1\ngraph x.org/g@v1.0.0 use=99h\nbuilt cc=5 use=99h"
	s := situation{here: "entry a2 o2 1 -", own: text, rules: rules{maxAge: 48 * time.Hour, maxSize: 12}}
	f, own := s.facts(t)
	f.plan(own)
	if got, want := collecttest.Sorted(collecttest.Print(own)), collecttest.Sorted(text); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// buildOf returns the build cache of facts.
func buildOf(f facts) build.Local { return f.kinds[kindBuild].(build.Local) }
