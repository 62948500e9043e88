package collect_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/snapshot"
)

// damage reads texts of the form "PACK:FRAME".
func damage(list ...string) collect.Damage {
	d := collect.Damage{}
	for _, s := range list {
		var name string
		var frame int
		fmt.Sscanf(s, "%2s:%d", &name, &frame)
		d.Mark(collecttest.Pack(name), frame)
	}
	return d
}

func stock(t *testing.T, bad collect.Damage, texts ...string) *collect.Stock {
	t.Helper()
	var list []*snapshot.Manifest
	for _, s := range texts {
		list = append(list, collecttest.Manifest(t, s))
	}
	return collect.NewStock(list, bad)
}

const (
	best = "entry a1 o1 10 p1 use=5h\nentry a2 o2 20 p1 frame=1 use=6h\nmodule x.org/a@v1.0.0 5 use=3h\ntree fuzz t1 3 30 s1\nfile P f1 h1 7 f1 use=4h\ngraph x.org/g@v1.0.0 use=9h"
	next = "entry a1 o1 10 q1 use=2h\nentry a3 o3 30 q1\nmodule x.org/a@v1.0.0 5 use=1h\nmodule x.org/b@v1.0.0 6\ntree fuzz t2 9 90 s2\ntree modgraph t3 1 1 s3\n" +
		"file P f1 h1 7 f2 use=2h\nfile P f2 h2 8 f2\ngraph x.org/g@v1.0.0 use=5h\ngraph x.org/h@v1.0.0"
)

// TestOutput: an output is taken from the best manifest that has all of it.
func TestOutput(t *testing.T) {
	for name, c := range map[string]struct {
		bad  collect.Damage
		want string // packs of o1, o2, o3 and o4
	}{
		"all whole":             {nil, "p1 p1 q1 -"},
		"the best pack is gone": {damage("p1:-1"), "q1 - q1 -"},
		"its first frame":       {damage("p1:0"), "q1 p1 q1 -"},
		"its second frame":      {damage("p1:1"), "p1 - q1 -"},
		"a frame of nothing":    {damage("p1:3"), "p1 p1 q1 -"},
		"the other":             {damage("q1:-1"), "p1 p1 - -"},
		"both":                  {damage("q1:-1", "p1:-1"), "- - - -"},
		"both, in part":         {damage("q1:0", "p1:0"), "- p1 - -"},
	} {
		s := stock(t, c.bad, best, next)
		var got string
		for i := range 4 {
			id, where := collecttest.ID(fmt.Sprint("o", i+1)), "-"
			o, m, ok := s.Output(&id)
			if ok {
				for _, p := range []string{"p1", "q1"} {
					if m.Packs[o.Extents[0].Pack].Object == collecttest.Pack(p) {
						where = p
					}
				}
			}
			n, found := s.Find(&id)
			if found != ok {
				t.Errorf("%s: Find and Output disagree", name)
			}
			if found {
				if at, _ := s.At(n); at.ID != id {
					t.Errorf("%s: At(%d) is %s", name, n, collecttest.Name(at.ID))
				}
			}
			got += " " + where
		}
		if got[1:] != c.want {
			t.Errorf("%s: %s, want %s", name, got[1:], c.want)
		}
		if s.IsSound() != (c.bad == nil) || s.Total() != 4 || len(s.Manifests()) != 2 {
			t.Errorf("%s: %v, %d outputs", name, s.IsSound(), s.Total())
		}
	}
}

// TestAtPanics: asking for an output by a number out of range is a programming error.
func TestAtPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	stock(t, nil, best).At(99)
}

// TestRecords: a stock finds what previous saves recorded of entries, modules, trees, files and
// versions.
func TestRecords(t *testing.T) {
	s := stock(t, nil, best, next)
	if s.LastUse(collecttest.ID("a1")) != collecttest.Ago(2) || s.LastUse(collecttest.ID("a2")) != collecttest.Ago(6) || s.LastUse(collecttest.ID("a9")) != 0 {
		t.Error("last uses of actions")
	}
	for entry, want := range map[[2]string]bool{{"a1", "o1"}: true, {"a3", "o3"}: true, {"a1", "o2"}: false, {"a9", "o1"}: false} {
		if s.HasEntry(collecttest.ID(entry[0]), collecttest.ID(entry[1])) != want {
			t.Errorf("entry %v", entry)
		}
	}
	if uses := s.GraphUses(); len(uses) != 2 || uses[collecttest.Version("x.org/g@v1.0.0")] != collecttest.Ago(5) {
		t.Errorf("graph: %v", uses)
	}
	if f, ok := s.File(collect.FileID{Path: "P", Name: "f1", Sum: collecttest.Hex("h1")}); !ok || f.LastUse != collecttest.Ago(2) || f.Pack.Object != collecttest.Pack("f1") {
		t.Errorf("file: %+v", f)
	}
	if _, ok := s.File(collect.FileID{Path: "P", Name: "f1", Sum: collecttest.Hex("h9")}); ok {
		t.Error("a file with other content is found")
	}
	m := s.Manifests()
	if !s.Has(m[1]) || s.Has(new(snapshot.Manifest)) {
		t.Error("Has")
	}
}

// TestFilesOfBadPacks: a file of a bad pack is looked up in the next manifest. A bad frame anywhere
// in the pack is enough, since the frames of a file are not recorded.
func TestFilesOfBadPacks(t *testing.T) {
	id := collect.FileID{Path: "P", Name: "f1", Sum: collecttest.Hex("h1")}
	for name, c := range map[string]struct {
		bad  collect.Damage
		want string
	}{
		"none": {nil, "f1"}, "gone": {damage("f1:-1"), "f2"}, "a frame": {damage("f1:2"), "f2"}, "both": {damage("f1:2", "f2:0"), ""},
	} {
		f, ok := stock(t, c.bad, best, next).File(id)
		if ok != (c.want != "") || ok && f.Pack.Object != collecttest.Pack(c.want) {
			t.Errorf("%s: %+v, %v", name, f, ok)
		}
	}
}

// TestModule: the record of a version counts only if its hash is the same and its object is good.
func TestModule(t *testing.T) {
	a := collecttest.Version("x.org/a@v1.0.0")
	gone := collect.Damage{}
	gone.Mark(collecttest.Module(a, "h1:x"), -1)
	for name, c := range map[string]struct {
		v    string
		sum  string
		bad  collect.Damage
		want int64 // last use
	}{
		"the best":     {"x.org/a@v1.0.0", "h1:x", nil, collecttest.Ago(3)},
		"of the next":  {"x.org/b@v1.0.0", "h1:x", nil, collecttest.Ago(0)},
		"another hash": {"x.org/a@v1.0.0", "h1:y", nil, 0},
		"unknown":      {"x.org/a@v1.0.1", "h1:x", nil, 0},
		"another path": {"x.org/aa@v1.0.0", "h1:x", nil, 0},
		"gone":         {"x.org/a@v1.0.0", "h1:x", gone, 0},
	} {
		m := stock(t, c.bad, best, next).Module(collecttest.Version(c.v), c.sum)
		if (m == nil) != (c.want == 0) || m != nil && m.LastUse != c.want {
			t.Errorf("%s: %+v", name, m)
		}
	}
	if m := collecttest.Manifest(t, next); collect.FindModule(m, module.Version{Path: "x.org/b", Version: "v1.0.0"}) == nil || collect.FindModule(m, module.Version{}) != nil {
		t.Error("FindModule")
	}
}

// TestTree: the largest good pack of a tree is taken from the best manifest that has one.
func TestTree(t *testing.T) {
	const two = "tree fuzz t1 3 30 s1\ntree fuzz t4 4 40 s4"
	for name, c := range map[string]struct {
		tree  string
		bad   collect.Damage
		texts []string
		want  string
	}{
		"the best manifest":        {"fuzz", nil, []string{best, next}, "t1"},
		"only in the next":         {"modgraph", nil, []string{best, next}, "t3"},
		"nowhere":                  {"other", nil, []string{best, next}, ""},
		"gone there":               {"fuzz", damage("t1:-1"), []string{best, next}, "t2"},
		"damaged there":            {"fuzz", damage("t1:0"), []string{best, next}, "t2"},
		"gone everywhere":          {"fuzz", damage("t1:0", "t2:1"), []string{best, next}, ""},
		"the largest of several":   {"fuzz", nil, []string{two}, "t4"},
		"the largest that is good": {"fuzz", damage("t4:0"), []string{two}, "t1"},
	} {
		tree, pack, ok := stock(t, c.bad, c.texts...).Tree(c.tree)
		if ok != (c.want != "") || ok && (pack.Object != collecttest.Pack(c.want) || tree.Name != c.tree) {
			t.Errorf("%s: %+v in %s, %v", name, tree, pack.Object, ok)
		}
	}
}

// TestAsked: what counts is the last time that the go command was asked for the same module files.
func TestAsked(t *testing.T) {
	at := func(hours int, digest string) *snapshot.Manifest {
		return &snapshot.Manifest{UseAsked: collecttest.Now.Add(-time.Duration(hours) * time.Hour), Digest: digest}
	}
	s := collect.NewStock([]*snapshot.Manifest{at(5, "d"), at(3, "d"), at(1, "e"), at(9, "d")}, nil)
	if got := s.Asked("d"); !got.Equal(collecttest.Now.Add(-3 * time.Hour)) {
		t.Errorf("%s", got)
	}
	if got := s.Asked("f"); !got.IsZero() {
		t.Errorf("of others: %s", got)
	}
}

// TestWithout: a stock without some objects is a new value; the original does not change.
func TestWithout(t *testing.T) {
	gone := func(names ...string) func(string) bool {
		return func(object string) bool {
			return slices.ContainsFunc(names, func(n string) bool {
				return collecttest.Pack(n) == object || collecttest.Module(collecttest.Version("x.org/a@v1.0.0"), "h1:x") == n && n == object
			})
		}
	}
	s := stock(t, damage("t1:0"), best, next)
	o1 := collecttest.ID("o1")
	w := s.Without(gone("p1"))
	if _, m, ok := w.Output(&o1); !ok || m != w.Manifests()[1] {
		t.Error("o1 is not found in the other manifest")
	}
	if _, m, ok := s.Output(&o1); !ok || m != s.Manifests()[0] || s.IsGone(collecttest.Pack("p1")) {
		t.Error("the stock itself has changed")
	}
	if !w.IsGone(collecttest.Pack("p1")) || !w.IsDamaged(collecttest.Pack("t1")) || w.IsGone(collecttest.Pack("t1")) {
		t.Error("damage that was known is forgotten")
	}
	if s.Without(gone("unknown")) != s || s.Without(gone("p1")) == s || w.Without(gone("p1")) != w {
		t.Error("Without returns a new stock only if something is gone")
	}
	object := collecttest.Module(collecttest.Version("x.org/a@v1.0.0"), "h1:x")
	if w := s.Without(gone(object)); w.Module(collecttest.Version("x.org/a@v1.0.0"), "h1:x") != nil || s.Module(collecttest.Version("x.org/a@v1.0.0"), "h1:x") == nil {
		t.Error("a module")
	}
	if w := stock(t, nil, best).Without(gone("p1")); w.IsSound() {
		t.Error("of a sound one")
	}
}

// TestObjects: the objects of a manifest are its packs and modules.
func TestObjects(t *testing.T) {
	if got := collect.Objects(collecttest.Manifest(t, next)); len(got) != 6 {
		t.Errorf("%q", got)
	}
}

// TestFindAction: each action is found, and nothing else.
func TestFindAction(t *testing.T) {
	m := collecttest.Manifest(t, "entry a1 o1 1 p\nentry a3 o1 1 p\nentry a5 o1 1 p")
	for i := range 7 {
		a := collect.FindAction(m, collecttest.ID(fmt.Sprint("a", i)))
		if (a != nil) != (i%2 == 1) {
			t.Errorf("a%d: %v", i, a)
		}
	}
}
