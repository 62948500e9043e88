package build

import (
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/retention"
	"github.com/org/gocache-action/internal/snapshot"
)

// here returns a build cache described by entry lines.
func here(t testing.TB, text string) Local {
	t.Helper()
	inv, use := collecttest.Inventory(t, text)
	return New(nil, inv, use)
}

// situation is the input of a plan of entries.
type situation struct {
	here, own string
	stock     []string // manifests; nil: only own
	gone      []string // packs
	meanwhile bool
	rewrite   []string // packs
	policy    retention.Policy
	off       bool // nothing is dropped
	known     bool // own and the manifests of the stock come from one save
}

func (s situation) base(t testing.TB) collect.Base {
	t.Helper()
	if s.stock == nil && s.own != "" && !s.meanwhile {
		s.stock = []string{s.own}
	}
	base := collect.Base{Stock: collecttest.Stock(t, s.gone, s.stock...), Meanwhile: s.meanwhile, Start: collecttest.Now, MaxAge: s.policy.MaxAge, Untrimmed: s.off}
	if s.own != "" {
		base.Own = collecttest.Manifest(t, s.own)
	}
	if s.known {
		for _, m := range append(base.Stock.Manifests(), base.Own) {
			m.Writer.Time = collecttest.Now
		}
	}
	return base
}

// keep decides which entries stay.
func (s situation) keep(t testing.TB, l Local) collect.Kept {
	t.Helper()
	m := l.Merge(s.base(t))
	if s.off {
		return m.Keep(nil, nil)
	}
	s.policy.Now = collecttest.Now
	items := m.Items(nil)
	return m.Keep(items, retention.Decide(items, s.policy))
}

// plan makes the manifest, and lists the outputs to be packed.
func (s situation) plan(t testing.TB, l Local) (*snapshot.Manifest, collect.Planned, string) {
	t.Helper()
	rewrite := map[string]bool{}
	for _, name := range s.rewrite {
		rewrite[collecttest.Pack(name)] = true
	}
	m, b := &snapshot.Manifest{Repo: "r", Scope: "s", Key: []string{"n", "d"}, Digest: "d"}, snapshot.NewBuilder()
	p, missing := s.keep(t, l).(kept).place(b, rewrite)
	b.Build(m)
	var names []string
	for _, i := range missing {
		names = append(names, collecttest.Name(l.inv.Outputs[i].ID))
	}
	return m, p, strings.Join(names, " ")
}

// nameOf returns the short name of a pack.
func nameOf(object string) string {
	b, err := hex.DecodeString(path.Base(object))
	if err != nil || len(b) != 32 {
		return object
	}
	return collecttest.Name(digest.ID(b))
}

// TestNextSnapshot: the local and the stored entries are merged into the next snapshot.
func TestNextSnapshot(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		situation
		want    string
		missing string
		counts  string // stored, missing, trimmed
	}{
		"nothing": {},
		"the first save": {
			situation: situation{here: "entry a1 o1 10 -\nentry a2 o2 20 -"},
			missing:   "o1 o2", counts: "0 2 0",
		},
		"nothing is new": {
			situation: situation{here: "entry a1 o1 10 -", own: "entry a1 o1 10 p1"},
			want:      "entry a1 o1 10 p1", counts: "1 0 0",
		},
		"use counts": {
			situation: situation{here: "entry a1 o1 10 - use=1h\nentry a2 o1 10 - use=30h", own: "entry a1 o1 10 p1 use=40h\nentry a2 o1 10 p1 use=20h"},
			want:      "entry a1 o1 10 p1 use=1h\nentry a2 o1 10 p1 use=20h", counts: "2 0 0",
		},
		"one more": {
			situation: situation{here: "entry a1 o1 10 -\nentry a2 o2 20 -", own: "entry a1 o1 10 p1"},
			want:      "entry a1 o1 10 p1", missing: "o2", counts: "1 1 0",
		},
		"not here any more": {
			situation: situation{here: "entry a2 o2 20 -", own: "entry a1 o1 10 p1 use=50h\nentry a2 o2 20 p1"},
			want:      "entry a1 o1 10 p1 use=50h\nentry a2 o2 20 p1", counts: "2 0 0",
		},
		"two actions of one output": {
			situation: situation{here: "entry a1 o1 10 -\nentry a2 o1 10 -\nentry a3 o2 5 -", own: "entry a3 o2 5 p1"},
			want:      "entry a3 o2 5 p1", missing: "o1", counts: "1 2 0",
		},
		"a new action of a stored output": {
			situation: situation{here: "entry a1 o1 10 -\nentry a2 o1 10 -", own: "entry a1 o1 10 p1"},
			want:      "entry a1 o1 10 p1\nentry a2 o1 10 p1", counts: "2 0 0",
		},
		"another output, made later": {
			situation: situation{here: "entry a1 o2 20 - time=9", own: "entry a1 o1 10 p1 time=5"},
			missing:   "o2", counts: "0 1 0",
		},
		"another output, made earlier": {
			situation: situation{here: "entry a1 o2 20 - time=4 use=3h", own: "entry a1 o1 10 p1 time=5 use=9h"},
			want:      "entry a1 o1 10 p1 time=5 use=3h", counts: "1 0 0",
		},
		"a program": {
			situation: situation{here: "entry a1 o1 10 - exec=tool", own: "entry a1 o1 10 p1 exec=tool"},
			want:      "entry a1 o1 10 p1 exec=tool", counts: "1 0 0",
		},
		"stored in another scope": {
			situation: situation{here: "entry a1 o1 10 -", stock: []string{"entry a1 o1 10 q"}},
			want:      "entry a1 o1 10 q", counts: "1 0 0",
		},
		"another scope has more, which is its own": {
			situation: situation{here: "entry a1 o1 10 -", own: "entry a1 o1 10 p1", stock: []string{"entry a1 o1 10 p1", "entry a2 o2 10 q"}},
			want:      "entry a1 o1 10 p1", counts: "1 0 0",
		},
		"the best manifest first": {
			situation: situation{here: "entry a1 o1 10 -", stock: []string{"entry a1 o1 10 p1", "entry a1 o1 10 q"}},
			want:      "entry a1 o1 10 p1", counts: "1 0 0",
		},
		"a pack is gone, and its content here": {
			situation: situation{here: "entry a1 o1 10 -\nentry a2 o2 20 -", own: "entry a1 o1 10 p1\nentry a2 o2 20 p2", gone: []string{"p1"}},
			want:      "entry a2 o2 20 p2", missing: "o1", counts: "1 1 0",
		},
		"a pack is gone, and its content too": {
			situation: situation{here: "entry a2 o2 20 -", own: "entry a1 o1 10 p1\nentry a2 o2 20 p2", gone: []string{"p1"}},
			want:      "entry a2 o2 20 p2", counts: "1 0 0",
		},
		"a pack is gone, another scope has it": {
			situation: situation{here: "", own: "entry a1 o1 10 p1", stock: []string{"entry a1 o1 10 p1", "entry a1 o1 10 q"}, gone: []string{"p1"}},
			want:      "entry a1 o1 10 q", counts: "1 0 0",
		},
		"all packs are gone": {
			situation: situation{own: "entry a1 o1 10 p1\nentry a2 o2 20 p2", gone: []string{"p1", "p2"}},
			counts:    "0 0 0",
		},
		"packed anew": {
			situation: situation{here: "entry a1 o1 10 -\nentry a2 o2 20 -", own: "entry a1 o1 10 p1\nentry a2 o2 20 p2", rewrite: []string{"p1"}},
			want:      "entry a2 o2 20 p2", missing: "o1", counts: "1 1 0",
		},
		"packed anew, another save has it elsewhere": {
			situation: situation{
				here: "entry a1 o1 10 -", own: "entry a1 o1 10 q", meanwhile: true, stock: []string{"entry a1 o1 10 p1"}, rewrite: []string{"p1"},
			},
			want: "entry a1 o1 10 q", counts: "1 0 0",
		},
		"another save meanwhile": {
			situation: situation{here: "entry a1 o1 10 -", own: "entry a1 o1 10 q\nentry a2 o2 20 q use=5h", meanwhile: true, stock: []string{"entry a1 o1 10 p1"}},
			want:      "entry a1 o1 10 p1\nentry a2 o2 20 q use=5h", counts: "2 0 0",
		},
		// that save wrote the pack again, or it would not name it
		"another save meanwhile, its pack known to be bad": {
			situation: situation{own: "entry a2 o2 20 q", meanwhile: true, stock: []string{"entry a2 o2 20 q"}, gone: []string{"q"}},
			want:      "entry a2 o2 20 q", counts: "1 0 0",
		},
		"the snapshot of the restore, which lacks a pack": {
			situation: situation{own: "entry a1 o1 10 p\nentry a2 o2 20 q", meanwhile: true, known: true, stock: []string{"entry a1 o1 10 p\nentry a2 o2 20 q"}, gone: []string{"q"}},
			want:      "entry a1 o1 10 p", counts: "1 0 0",
		},
		"another save made another output": {
			situation: situation{here: "entry a1 o1 10 - time=3", own: "entry a1 o2 20 q time=4", meanwhile: true},
			want:      "entry a1 o2 20 q time=4", counts: "1 0 0",
		},
		"too old": {
			situation: situation{here: "entry a1 o1 10 - use=50h\nentry a2 o2 20 - use=1h", own: "entry a1 o1 10 p1 use=60h\nentry a3 o3 5 p1 use=49h", policy: retention.Policy{MaxAge: 2 * day}},
			missing:   "o2", counts: "0 1 2",
		},
		"too much": {
			situation: situation{here: "entry a1 o1 10 - use=1h\nentry a2 o2 20 - use=2h", own: "entry a3 o3 30 p1 use=3h", policy: retention.Policy{MaxBuild: 35}},
			missing:   "o1 o2", counts: "0 2 1",
		},
		"a shared output fits once": {
			situation: situation{own: "entry a1 o1 30 p1 use=1h\nentry a2 o1 30 p1 use=2h\nentry a3 o3 30 p1 use=3h", policy: retention.Policy{MaxBuild: 35}},
			want:      "entry a1 o1 30 p1 use=1h\nentry a2 o1 30 p1 use=2h", counts: "2 0 1",
		},
		"old programs": {
			situation: situation{
				own:    "entry a1 o1 1 p1 use=5h exec=x\nentry a2 o2 1 p1 use=4h exec=x\nentry a3 o3 1 p1 use=3h exec=x\nentry a4 o4 1 p1 use=9h exec=y",
				policy: retention.Policy{JobBegan: collecttest.Now},
			},
			want: "entry a2 o2 1 p1 use=4h exec=x\nentry a3 o3 1 p1 use=3h exec=x\nentry a4 o4 1 p1 use=9h exec=y", counts: "3 0 1",
		},
		"a clock that was wrong": {
			situation: situation{own: "entry a1 o1 1 p1 use=-999h\nentry a2 o2 1 p1 use=-40h"},
			want:      "entry a1 o1 1 p1\nentry a2 o2 1 p1 use=-40h", counts: "2 0 0",
		},
		"a clock that is wrong": {
			situation: situation{own: "entry a1 o1 1 p1 use=-999h\nentry a2 o2 1 p1 use=9999h", off: true, policy: retention.Policy{MaxAge: day}},
			want:      "entry a1 o1 1 p1 use=-999h\nentry a2 o2 1 p1 use=9999h", counts: "2 0 0",
		},
		"the job failed": {
			situation: situation{here: "entry a2 o2 5 -", own: "entry a1 o1 1 p1 use=9999h", off: true, policy: retention.Policy{MaxAge: day}},
			want:      "entry a1 o1 1 p1 use=9999h", missing: "o2", counts: "1 1 0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := here(t, c.here)
			m, p, missing := c.plan(t, l)
			collecttest.Compare(t, m, c.want)
			if missing != c.missing {
				t.Errorf("missing %q, want %q", missing, c.missing)
			}
			if got := fmt.Sprint(p.Stored, p.Missing, p.Trimmed); c.counts != "" && got != c.counts {
				t.Errorf("%s stored, missing and trimmed, want %s", got, c.counts)
			}
		})
	}
}

// TestPlanFrames: if one frame of a pack is bad, only its outputs are lost.
func TestPlanFrames(t *testing.T) {
	const own = "entry a1 o1 10 p1\nentry a2 o2 20 p1 frame=1\nentry a3 o3 1500000 p1 frame=2"
	for name, c := range map[string]struct {
		frame int
		want  string
	}{
		"the first":  {0, "entry a2 o2 20 p1 frame=1\nentry a3 o3 1500000 p1 frame=2"},
		"the second": {1, "entry a1 o1 10 p1\nentry a3 o3 1500000 p1"},
		"a part":     {2, "entry a1 o1 10 p1\nentry a2 o2 20 p1"},
		"its end":    {3, "entry a1 o1 10 p1\nentry a2 o2 20 p1"},
		"none":       {9, "entry a1 o1 10 p1\nentry a2 o2 20 p1\nentry a3 o3 1500000 p1"},
	} {
		bad := collect.Damage{}
		bad.Mark(collecttest.Pack("p1"), c.frame)
		m := collecttest.Manifest(t, own)
		base := collect.Base{Stock: collect.NewStock([]*snapshot.Manifest{m}, bad), Own: m, Untrimmed: true}
		to, b := &snapshot.Manifest{Repo: "r"}, snapshot.NewBuilder()
		Local{}.Merge(base).Keep(nil, nil).Place(b, to, nil)
		b.Build(to)
		if got, want := collecttest.Sorted(collecttest.Print(to)), collecttest.Sorted(strings.ReplaceAll(strings.ReplaceAll(c.want, " frame=1", ""), " frame=2", "")); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestShares: how many bytes of a pack are live, and whether the local cache has all of them.
func TestShares(t *testing.T) {
	for name, c := range map[string]struct {
		situation
		want string
	}{
		"all is here":      {situation{here: "entry a1 o1 10 -\nentry a2 o2 5 -", own: "entry a1 o1 10 p1\nentry a2 o2 5 p1"}, "p1 15/15"},
		"a part":           {situation{here: "entry a1 o1 10 -", own: "entry a1 o1 10 p1\nentry a2 o2 5 p1"}, "p1 15/15 remote"},
		"dead bytes":       {situation{here: "entry a1 o1 10 -", own: "pack p1 100\nentry a1 o1 10 p1"}, "p1 10/100"},
		"two packs":        {situation{here: "entry a1 o1 10 -", own: "entry a1 o1 10 p1\nentry a2 o2 5 p2"}, "p1 10/10, p2 5/5 remote"},
		"an output twice":  {situation{here: "entry a1 o1 10 -", own: "entry a1 o1 10 p1\nentry a2 o1 10 p1"}, "p1 10/10"},
		"too old":          {situation{here: "entry a1 o1 10 -", own: "entry a1 o1 10 p1\nentry a2 o2 5 p1 use=99h", policy: retention.Policy{MaxAge: 50 * time.Hour}}, "p1 10/15"},
		"gone":             {situation{here: "entry a1 o1 10 -", own: "entry a1 o1 10 p1", gone: []string{"p1"}}, ""},
		"only here":        {situation{here: "entry a1 o1 10 -"}, ""},
		"of another scope": {situation{here: "entry a1 o1 10 -", stock: []string{"pack q 50\nentry a1 o1 10 q"}}, "q 10/50"},
	} {
		var got []string
		for _, s := range c.keep(t, here(t, c.here)).Shares() {
			text := fmt.Sprintf("%s %d/%d", nameOf(s.Object), s.Live, s.Raw)
			if s.Remote {
				text += " remote"
			}
			got = append(got, text)
		}
		slices.Sort(got)
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestStaysAndGone: an output shared by several entries counts with each entry that goes, and once
// with those that stay.
func TestStaysAndGone(t *testing.T) {
	s := situation{
		here: "entry a1 o1 10 - use=1h\nentry a2 o1 10 - use=60h\nentry a3 o3 7 - use=60h exec=tool",
		own:  "entry a4 o4 5 p1 use=70h\nentry a5 o1 10 p1 use=2h", policy: retention.Policy{MaxAge: 50 * time.Hour},
	}
	k := s.keep(t, here(t, s.here))
	if got, want := k.Stays(), (retention.Amount{Count: 2, Bytes: 10}); got != want {
		t.Errorf("stays %+v, want %+v", got, want)
	}
	var got []string
	k.Gone(func(v retention.Verdict, d retention.Dropped) {
		got = append(got, fmt.Sprint(v, " ", d.Kind, " ", d.Bytes, " ", d.LastUse.Sub(collecttest.Now), " ", d.Reason, " ", len(d.Name)))
	})
	want := []string{"age build entry 10 -60h0m0s age 16", "age program 7 -60h0m0s age 4", "age build entry 5 -70h0m0s age 16"}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	off := situation{own: s.own, off: true}.keep(t, Local{})
	if off.Stays() != (retention.Amount{}) {
		t.Errorf("with no policy: %+v", off.Stays())
	}
	off.Gone(func(retention.Verdict, retention.Dropped) { t.Error("something goes without a policy") })
}
