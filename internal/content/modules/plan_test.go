package modules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/retention"
	"github.com/org/gocache-action/internal/snapshot"
)

// here returns the module cache described by module lines; modules that the stock has are stored.
func here(t testing.TB, text string, stock *collect.Stock) (l Local) {
	t.Helper()
	for _, rec := range collecttest.Manifest(t, text).Modules {
		m := localModule{rec: rec}
		m.stored = stock.Module(m.version(), rec.Sum) != nil
		l.list = append(l.list, m)
	}
	return l
}

// situation is the input of a plan of modules.
type situation struct {
	here, own string
	other     string   // manifest of another scope
	gone      []string // versions whose objects are damaged
	failed    []string // versions that could not be uploaded
	policy    retention.Policy
	off       bool
}

func (s situation) local(t testing.TB) (Local, collect.Base) {
	t.Helper()
	var list []*snapshot.Manifest
	base := collect.Base{Start: collecttest.Now, MaxAge: s.policy.MaxAge, Untrimmed: s.off}
	if s.own != "" {
		base.Own = collecttest.Manifest(t, s.own)
		list = append(list, base.Own)
	}
	if s.other != "" {
		list = append(list, collecttest.Manifest(t, s.other))
	}
	bad := collect.Damage{}
	for _, v := range s.gone {
		bad.Mark(collecttest.Module(collecttest.Version(v), "h1:x"), -1)
	}
	base.Stock = collect.NewStock(list, bad)
	l := here(t, s.here, base.Stock)
	var done []collect.Outcome
	for _, v := range s.failed {
		done = append(done, collect.Outcome{Object: collecttest.Module(collecttest.Version(v), "h1:x"), Failed: true})
	}
	return l.With(done).(Local), base
}

// plan returns the manifest, and the modules that the store lacks.
func (s situation) plan(t testing.TB) (m *snapshot.Manifest, p collect.Planned, k collect.Kept) {
	t.Helper()
	l, base := s.local(t)
	merged := l.Merge(base)
	if s.off {
		k = merged.Keep(nil, nil)
	} else {
		s.policy.Now = collecttest.Now
		items := merged.Items(nil)
		k = merged.Keep(items, retention.Decide(items, s.policy))
	}
	m, b := collecttest.Manifest(t, ""), snapshot.NewBuilder()
	p = k.Place(b, m, nil)
	b.Build(m)
	return m, p, k
}

func names(jobs []collect.Job) string {
	var list []string
	for _, j := range jobs {
		list = append(list, strings.TrimPrefix(j.What, "module "))
	}
	return strings.Join(list, " ")
}

// TestNextSnapshot: the local versions and those of the manifest become the next snapshot.
func TestNextSnapshot(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		situation
		want, missing string
		trimmed       int
	}{
		"nothing":        {},
		"the first save": {situation: situation{here: "module x.org/b@v1.0.0 5\nmodule x.org/a@v1.0.0 5"}, missing: "x.org/a@v1.0.0 x.org/b@v1.0.0"},
		"nothing is new": {situation: situation{here: "module x.org/a@v1.0.0 5", own: "module x.org/a@v1.0.0 5"}, want: "module x.org/a@v1.0.0 5"},
		"used again": {
			situation: situation{here: "module x.org/a@v1.0.0 5 use=1h", own: "module x.org/a@v1.0.0 5 use=9h"}, want: "module x.org/a@v1.0.0 5 use=1h",
		},
		"used by another job": {
			situation: situation{here: "module x.org/a@v1.0.0 5 use=9h", own: "module x.org/a@v1.0.0 5 use=2h"}, want: "module x.org/a@v1.0.0 5 use=2h",
		},
		"one more": {
			situation: situation{here: "module x.org/a@v1.0.0 5\nmodule x.org/a@v1.1.0 6", own: "module x.org/a@v1.0.0 5"},
			want:      "module x.org/a@v1.0.0 5", missing: "x.org/a@v1.1.0",
		},
		"not here any more": {
			situation: situation{here: "module x.org/b@v1.0.0 5", own: "module x.org/a@v1.0.0 5 use=9h\nmodule x.org/b@v1.0.0 5"},
			want:      "module x.org/a@v1.0.0 5 use=9h\nmodule x.org/b@v1.0.0 5",
		},
		"another tree": {
			situation: situation{here: "module x.org/a@v1.0.0 5 sum=h1:y", own: "module x.org/a@v1.0.0 9 use=1h"}, missing: "x.org/a@v1.0.0",
		},
		"stored by another scope": {
			situation: situation{here: "module x.org/a@v1.0.0 5", other: "module x.org/a@v1.0.0 5 use=9h"}, want: "module x.org/a@v1.0.0 5",
		},
		"damaged": {
			situation: situation{here: "module x.org/a@v1.0.0 5", own: "module x.org/a@v1.0.0 5\nmodule x.org/b@v1.0.0 5", gone: []string{"x.org/a@v1.0.0"}},
			want:      "module x.org/b@v1.0.0 5", missing: "x.org/a@v1.0.0",
		},
		"damaged, and not here": {
			situation: situation{own: "module x.org/a@v1.0.0 5\nmodule x.org/b@v1.0.0 5", gone: []string{"x.org/a@v1.0.0"}}, want: "module x.org/b@v1.0.0 5",
		},
		"refused by the store": {
			situation: situation{here: "module x.org/a@v1.0.0 5\nmodule x.org/b@v1.0.0 5", failed: []string{"x.org/a@v1.0.0"}}, missing: "x.org/b@v1.0.0",
		},
		"refused, and stored before with another tree": {
			situation: situation{here: "module x.org/a@v1.0.0 5\nmodule x.org/b@v1.0.0 5", own: "module x.org/a@v1.0.0 5 sum=h1:y", failed: []string{"x.org/a@v1.0.0"}},
			missing:   "x.org/b@v1.0.0",
		},
		"too old": {
			situation: situation{here: "module x.org/a@v1.0.0 5 use=50h", own: "module x.org/b@v1.0.0 5 use=50h\nmodule x.org/c@v1.0.0 5", policy: retention.Policy{MaxAge: 2 * day}},
			want:      "module x.org/c@v1.0.0 5", trimmed: 2,
		},
		"too much": {
			situation: situation{here: "module x.org/a@v1.0.0 50 use=1h", own: "module x.org/b@v1.0.0 60 use=9h", policy: retention.Policy{MaxModules: 100}},
			missing:   "x.org/a@v1.0.0", trimmed: 1,
		},
		"a clock that was wrong": {situation: situation{own: "module x.org/a@v1.0.0 5 use=-99h"}, want: "module x.org/a@v1.0.0 5"},
		"a clock that is wrong": {
			situation: situation{own: "module x.org/a@v1.0.0 5 use=-99h\nmodule x.org/b@v1.0.0 5 use=999h", off: true, policy: retention.Policy{MaxAge: day}},
			want:      "module x.org/a@v1.0.0 5 use=-99h\nmodule x.org/b@v1.0.0 5 use=999h",
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, p, k := c.plan(t)
			collecttest.Compare(t, m, c.want)
			if got := names(p.Jobs); got != c.missing {
				t.Errorf("missing %q, want %q", got, c.missing)
			}
			if p.Trimmed != c.trimmed || p.Missing != len(p.Jobs) || p.Stored != len(m.Modules) {
				t.Errorf("%+v", p)
			}
			if k.Shares() != nil {
				t.Error("modules have shares of packs")
			}
		})
	}
}

// TestGone: each module that goes is reported with the reason, and so is what stays.
func TestGone(t *testing.T) {
	s := situation{
		here: "module x.org/a@v1.0.0 50 use=1h", own: "module x.org/b@v1.0.0 60 use=9h\nmodule x.org/c@v1.0.0 7 use=99h",
		policy: retention.Policy{MaxModules: 100, MaxAge: 48 * time.Hour},
	}
	_, _, k := s.plan(t)
	if got := k.Stays(); got != (retention.Amount{Count: 1, Bytes: 50}) {
		t.Errorf("stays %+v", got)
	}
	var got []string
	k.Gone(func(v retention.Verdict, d retention.Dropped) {
		got = append(got, fmt.Sprint(v, d.Kind, d.Name, d.Bytes, d.LastUse.Unix() == collecttest.Ago(9), d.Reason))
	})
	if want := "[sizemodulex.org/b@v1.0.060 truesize agemodulex.org/c@v1.0.07 falseage]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestMergeLeavesLocal: planning does not change its input, so that a plan can be made again.
func TestMergeLeavesLocal(t *testing.T) {
	s := situation{
		here: "module x.org/a@v1.0.0 5 use=90h\nmodule x.org/b@v1.0.0 5 use=9h\nmodule x.org/c@v1.0.0 5 use=-99h", own: "module x.org/b@v1.0.0 5 use=1h",
		policy: retention.Policy{Now: collecttest.Now, MaxAge: 48 * time.Hour},
	}
	l, base := s.local(t)
	before := fmt.Sprint(l.list)
	for range 2 {
		m := l.Merge(base)
		items := m.Items(nil)
		if got := names(m.Keep(items, retention.Decide(items, s.policy)).Place(nil, collecttest.Manifest(t, ""), nil).Jobs); got != "x.org/c@v1.0.0" {
			t.Errorf("missing %q", got)
		}
	}
	if fmt.Sprint(l.list) != before {
		t.Errorf("%v, before %v", l.list, before)
	}
}

// TestOutcomes: a module that was uploaded or found counts as stored, with its size; one that may
// be removed is no longer named.
func TestOutcomes(t *testing.T) {
	s := situation{here: "module x.org/a@v1.0.0 5\nmodule x.org/b@v1.0.0 5\nmodule x.org/c@v1.0.0 5"}
	l, base := s.local(t)
	object := func(v string) string { return collecttest.Module(collecttest.Version(v), "h1:x") }
	after := l.With([]collect.Outcome{
		{Object: object("x.org/a@v1.0.0"), Size: 77, Uploaded: true}, {Object: object("x.org/b@v1.0.0"), Size: 88}, {},
		{Object: collecttest.Pack("p"), Pack: snapshot.Pack{Object: collecttest.Pack("p")}},
	})
	place := func(k collect.Kind) (*snapshot.Manifest, string) {
		m := collecttest.Manifest(t, "")
		p := k.Merge(base).Keep(nil, nil).Place(nil, m, nil)
		return m, names(p.Jobs)
	}
	m, missing := place(after)
	if len(m.Modules) != 2 || m.Modules[0].Size != 77 || m.Modules[1].Size != 88 || missing != "x.org/c@v1.0.0" {
		t.Errorf("%+v, missing %q", m.Modules, missing)
	}
	m, missing = place(after.Without(func(o string) bool { return o == object("x.org/a@v1.0.0") || o == object("x.org/c@v1.0.0") }))
	if len(m.Modules) != 1 || m.Modules[0].Path != "x.org/b" || missing != "" {
		t.Errorf("without: %+v, missing %q", m.Modules, missing)
	}
	if m, missing := place(l); len(m.Modules) != 0 || len(strings.Fields(missing)) != 3 {
		t.Errorf("the original has changed: %+v, %q", m.Modules, missing)
	}
	if here := l.Versions(); len(here) != 3 || !here[collecttest.Version("x.org/b@v1.0.0")] {
		t.Errorf("versions %v", here)
	}
}
