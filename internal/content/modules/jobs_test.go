package modules

import (
	"reflect"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/keys"
)

// h1 returns a hash that can be part of an object's name.
func h1(c string) string { return "h1:" + strings.Repeat(c, 42) + "A=" }

func version(path string) module.Version { return module.Version{Path: path, Version: "v1.0.0"} }

// record returns the manifest's record of example.com/<name>.
func record(name string, inSum bool) snapshot.Module {
	return snapshot.Module{
		Path: "example.com/" + name, Version: "v1.0.0", Sum: h1(name), ModSum: "mod of manifest",
		Object: "object of " + name, Size: 10, Files: 2, Bytes: 100, InSum: inSum,
	}
}

// sums returns a go.sum file with these names.
func sums(names ...string) keys.Plan {
	p := keys.Plan{Sums: keys.Sums{Zip: map[module.Version]string{}, Mod: map[module.Version]string{}}}
	for _, n := range names {
		p.Sums.Zip[version("example.com/"+n)] = h1(n)
		p.Sums.Mod[version("example.com/"+n)] = "mod of " + n
	}
	return p
}

func manifest(mods ...snapshot.Module) *snapshot.Manifest { return &snapshot.Manifest{Modules: mods} }

// short describes each fetch in a few words.
func short(list []Fetch) (all []string) {
	for _, f := range list {
		s := strings.TrimPrefix(f.Version.Path, "example.com/")
		for _, flag := range []struct {
			name string
			is   bool
		}{{"listed", f.Listed}, {"unproven", f.Unproven}, {"zip", f.Zip}, {"replace", f.Replace}} {
			if flag.is {
				s += " " + flag.name
			}
		}
		all = append(all, s)
	}
	return all
}

func TestPlan(t *testing.T) {
	whole := State{Complete: true, Sum: h1("a"), Bytes: 100}
	with := func(change func(*State)) map[module.Version]State {
		s := whole
		change(&s)
		return map[module.Version]State{version("example.com/a"): s}
	}
	toolchain := snapshot.Module{Path: modcache.Toolchain, Version: "v1.0.0", Sum: h1("t"), Object: "toolchain", Size: 99}
	other := record("a", true)
	other.Sum = h1("b")
	for name, c := range map[string]struct {
		rules   Rules
		m       *snapshot.Manifest
		here    map[module.Version]State
		want    []string
		present int
		refused []string // reasons
	}{
		"no manifest": {rules: Rules{Keys: sums("b", "a")}, m: manifest(), want: []string{"a", "b"}},
		"exact": {
			// go.sum is the same, and the job did not need b
			rules: Rules{Keys: sums("a", "b"), Exact: true}, m: manifest(record("a", true)), want: []string{"a listed"},
		},
		"latest": {
			rules: Rules{Keys: sums("a", "b")}, m: manifest(record("a", true)), want: []string{"a listed", "b"},
		},
		"no longer selected": {rules: Rules{Keys: sums("b")}, m: manifest(record("a", true)), want: []string{"b"}},
		"no longer selected, exact": {
			rules: Rules{Keys: sums(), Exact: true}, m: manifest(record("a", true)),
		},
		"never in go.sum": {
			rules: Rules{Keys: sums("b"), Exact: true}, m: manifest(record("a", false)), want: []string{"a listed unproven"},
		},
		"in go.sum by now": {
			rules: Rules{Keys: sums("a")}, m: manifest(record("a", false)), want: []string{"a listed"},
		},
		"go.sum contradicts": {
			rules: Rules{Keys: sums("a"), Exact: true}, m: manifest(other),
			refused: []string{"manifest says " + h1("b") + ", go.sum says " + h1("a")},
		},
		"go.sum contradicts, latest": {
			// the store may have the right one
			rules: Rules{Keys: sums("a")}, m: manifest(other), want: []string{"a"},
			refused: []string{"manifest says " + h1("b") + ", go.sum says " + h1("a")},
		},
		"not selected by --go-sum": {
			rules: Rules{Keys: keys.Plan{Sums: sums("a", "b").Sums, Selected: map[module.Version]bool{version("example.com/b"): true}}},
			m:     manifest(), want: []string{"b"},
		},
		"bad line in go.sum": {
			rules: Rules{Keys: keys.Plan{Sums: keys.Sums{Zip: map[module.Version]string{version("example.com/a"): "h1:short"}}}},
			m:     manifest(), refused: []string{"?"},
		},
		"toolchain": {
			rules: Rules{Keys: sums(), Zips: true}, m: manifest(toolchain), want: []string{modcache.Toolchain + " listed unproven"},
		},
		"no toolchains": {rules: Rules{Keys: sums(), NoToolchains: true}, m: manifest(toolchain)},
		"largest first": {
			rules: Rules{Keys: sums("a", "b")}, m: manifest(record("a", true), toolchain),
			want: []string{modcache.Toolchain + " listed unproven", "a listed", "b"},
		},
		"here": {
			rules: Rules{Keys: sums("a")}, m: manifest(record("a", true)), here: with(func(*State) {}), present: 1,
		},
		"here, unlisted": {
			// nothing says how large it should be
			rules: Rules{Keys: sums("a")}, m: manifest(), here: with(func(s *State) { s.Bytes = 0 }), present: 1,
		},
		"here, another": {
			rules: Rules{Keys: sums("a")}, m: manifest(record("a", true)),
			here: with(func(s *State) { s.Sum = h1("b") }), want: []string{"a listed"},
		},
		"here, not complete": {
			rules: Rules{Keys: sums("a")}, m: manifest(record("a", true)),
			here: with(func(s *State) { s.Complete = false }), want: []string{"a listed"},
		},
		"here, file missing": {
			rules: Rules{Keys: sums("a")}, m: manifest(record("a", true)),
			here: with(func(s *State) { s.Bytes = 99 }), want: []string{"a listed replace"},
		},
		"here, cannot be measured": {
			rules: Rules{Keys: sums("a")}, m: manifest(record("a", true)),
			here: with(func(s *State) { s.Bytes = -1 }), want: []string{"a listed replace"},
		},
		"zip wanted": {
			rules: Rules{Keys: sums("a"), Zips: true}, m: manifest(record("a", true)),
			here: with(func(*State) {}), want: []string{"a listed zip"},
		},
		"zip wanted, here": {
			rules: Rules{Keys: sums("a"), Zips: true}, m: manifest(record("a", true)),
			here: with(func(s *State) { s.HasZip = true }), present: 1,
		},
		"zip wanted, broken": {
			rules: Rules{Keys: sums("a"), Zips: true}, m: manifest(record("a", true)),
			here: with(func(s *State) { s.Bytes, s.HasZip = 1, true }), want: []string{"a listed zip replace"},
		},
	} {
		p := c.rules.Plan(c.m, c.here)
		if got := short(p.Fetch); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: fetched is %q, want %q", name, got, c.want)
		}
		known := p.Summary().Known
		if p.Present != c.present || known.Counts.Present != c.present {
			t.Errorf("%s: %d present, counted %d, want %d", name, p.Present, known.Counts.Present, c.present)
		}
		if known.Counts.Refused != len(c.refused) || len(known.Losses) != len(c.refused) {
			t.Errorf("%s: %+v", name, known)
			continue
		}
		for i, reason := range c.refused {
			if l := known.Losses[i]; l.What != "example.com/a@v1.0.0" || reason != "?" && l.Reason != reason || l.Kind != "refused" {
				t.Errorf("%s: %+v", name, l)
			}
		}
		if len(known.Damages) != 0 {
			t.Errorf("%s: damages %+v", name, known.Damages)
		}
	}
}

// TestPlanWarnsOfReplaced: a plan warns about a broken tree that will be replaced, and about what
// will be lost with it, where that is known.
func TestPlanWarnsOfReplaced(t *testing.T) {
	r := Rules{Keys: sums("a", "b")}
	p := r.Plan(manifest(record("a", true), record("b", true)), map[module.Version]State{
		version("example.com/a"): {Complete: true, Sum: h1("a"), Bytes: 101, Deviation: "does not belong there: notes.txt"},
		version("example.com/b"): {Complete: true, Sum: h1("b"), Bytes: 101},
	})
	want := "the tree of module example.com/a@v1.0.0 is not what its hash says and is replaced; does not belong there: notes.txt"
	if got := p.Summary().Known.Warnings; len(got) != 1 || got[0] != want {
		t.Errorf("%q", got)
	}
}

// TestModSum: the hash of go.mod is taken from go.sum rather than from the manifest.
func TestModSum(t *testing.T) {
	list, _ := Rules{Keys: sums("a")}.Wanted(manifest(record("a", true), record("b", false)))
	if len(list) != 2 || list[0].ModSum != "mod of a" || list[1].ModSum != "mod of manifest" {
		t.Errorf("%+v", list)
	}
}

// TestObjects: a private module is never looked up under the shared prefix.
func TestObjects(t *testing.T) {
	v := version("example.com/private/m")
	shared, err := snapshot.ModuleObject(v, h1("m"))
	if err != nil {
		t.Fatal(err)
	}
	scoped := func(scope string) string {
		name, err := snapshot.ScopedModuleObject("r", scope, v, h1("m"))
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	for name, c := range map[string]struct {
		private string
		scopes  []string
		want    []string
	}{
		"public":       {"example.com/other,corp.example", []string{"a", "b"}, wholeOrDelta([]string{shared})},
		"private":      {"example.com/private", []string{"a", "b", "c"}, []string{scoped("a"), scoped("a") + "-delta", scoped("b"), scoped("b") + "-delta", scoped("c"), scoped("c") + "-delta"}},
		"same scopes":  {"example.com/*", []string{"a", "a", "b"}, wholeOrDelta([]string{scoped("a"), scoped("b")})},
		"empty scopes": {"example.com/private/m", []string{"", "b", ""}, wholeOrDelta([]string{scoped("b")})},
		"no scope":     {"example.com/private", []string{"", ""}, []string{}},
	} {
		r := Rules{Repo: "r", Scopes: c.scopes, Private: c.private, Keys: keys.Plan{Sums: keys.Sums{Zip: map[module.Version]string{v: h1("m")}}}}
		list, out := r.Wanted(manifest())
		if len(list) != 1 || !reflect.DeepEqual(list[0].Objects, c.want) || len(out.Losses) != 0 {
			t.Errorf("%s: %+v, want %q", name, list, c.want)
		}
	}
}

// TestSummary: modules that only go.sum names are counted separately, since the store may not have
// them.
func TestSummary(t *testing.T) {
	r := Rules{Keys: sums("a", "b", "c")}
	s := r.Plan(manifest(record("a", true), record("b", true)), nil).Summary()
	if s.Fetch != 2 || s.Unlisted != 1 || s.Stored != 20 || s.Bytes != 200 || s.Files != 4 || s.Packs != nil {
		t.Errorf("%+v", s)
	}
}

// TestPlanIsPure: planning does not change its input, and gives the same plan each time.
func TestPlanIsPure(t *testing.T) {
	r := Rules{Keys: sums("a", "b", "c", "d"), Zips: true}
	m := manifest(record("a", true), record("c", true))
	first := r.Plan(m, nil)
	for range 20 {
		if again := r.Plan(m, nil); !reflect.DeepEqual(again, first) {
			t.Fatalf("%+v\n%+v", again, first)
		}
	}
	if !reflect.DeepEqual(m, manifest(record("a", true), record("c", true))) || !reflect.DeepEqual(r.Keys, sums("a", "b", "c", "d")) {
		t.Error("the plan changed what it was given")
	}
}
