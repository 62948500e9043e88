package restore

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/content/build"
	"github.com/org/gocache-action/internal/content/graph"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/content/modules"
	"github.com/org/gocache-action/internal/content/paths"
	"github.com/org/gocache-action/internal/lookup"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
)

// TestRoom: a build cache that does not fit beside the modules is refused.
func TestRoom(t *testing.T) {
	const mib = 1 << 20
	modDir, buildDir := t.TempDir(), t.TempDir()
	type mibs struct{ total, free int64 }
	for name, c := range map[string]struct {
		mod, build int64 // bytes to write
		disks      [2]mibs
		ids        string // of the disks; "": there is one
		says       string // "": it fits
	}{
		"enough":                           {mod: 100, build: 500, disks: [2]mibs{{10_000, 1_200}}},
		"just enough":                      {mod: 100, build: 500, disks: [2]mibs{{10_000, 1_100}}},
		"not for both":                     {mod: 100, build: 500, disks: [2]mibs{{10_000, 1_099}}, says: "it would take 500 MiB; 999 MiB are left, and 500 MiB have to stay free"},
		"not even for modules":             {mod: 200, build: 500, disks: [2]mibs{{10_000, 150}}, says: "; 0 B are left, "},
		"no modules":                       {build: 500, disks: [2]mibs{{10_000, 999}}, says: "; 999 MiB are free, "},
		"little is missing on a full disk": {build: 1, disks: [2]mibs{{1 << 20, 2}}},
		"nothing is missing":               {disks: [2]mibs{{10_000, 0}}},
		"only modules":                     {mod: 500, disks: [2]mibs{{10_000, 0}}},
		"the reserve is bounded":           {build: 5_000, disks: [2]mibs{{1 << 20, 6_024}}},
		"and no more":                      {build: 5_000, disks: [2]mibs{{1 << 20, 6_023}}, says: "1.0 GiB have to stay free"},
		"two disks":                        {mod: 100, build: 500, disks: [2]mibs{{10_000, 1_000}, {10_000, 200}}, ids: "ab"},
		"one of two disks":                 {mod: 100, build: 500, disks: [2]mibs{{10_000, 999}, {10_000, 200}}, ids: "ab", says: "; 999 MiB are free, "},
		"one disk with two ids":            {mod: 100, build: 500, disks: [2]mibs{{10_000, 1_099}, {10_000, 1_099}}, ids: "ab", says: "; 999 MiB are left, "},
		"one disk with two sizes":          {mod: 100, build: 500, disks: [2]mibs{{10_000, 1_099}, {9_000, 1_000}}, ids: "aa", says: "; 999 MiB are left, "},
		"a disk that fails":                {mod: 100, build: 500, disks: [2]mibs{{total: -1}}},
		"a disk that does not tell":        {mod: 100, build: 500},
		"modules on such a disk":           {mod: 100, build: 500, disks: [2]mibs{{10_000, 1_000}, {}}, ids: "ab"},
		"a disk without bounds":            {mod: 100, build: 500, disks: [2]mibs{{1<<43 - 1, 1<<43 - 1}}},
	} {
		space := func(dir string) (osfile.Volume, error) {
			d, id := c.disks[0], "a"
			if c.ids != "" && dir == modDir {
				d, id = c.disks[1], c.ids[1:]
			}
			if d.total < 0 {
				return osfile.Volume{}, errors.New("not known")
			}
			return osfile.Volume{Total: d.total * mib, Free: d.free * mib, ID: id}, nil
		}
		err := roomFor(need{dir: buildDir, bytes: c.build * mib}, []need{{dir: modDir, bytes: c.mod * mib}}, space)
		if errors.Is(err, ErrNoRoom) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBlocks: a file takes a whole block more than its bytes at most, of the file system that it is
// written to, as far as that tells. A million entries are two million small files.
func TestBlocks(t *testing.T) {
	for block, want := range map[int64]int64{0: 100, 1 << 10: 100 + 3<<10, 4 << 10: 100 + 12<<10, 1 << 20: 100 + 12<<10} {
		if got := (need{bytes: 100, files: 3}).on(osfile.Volume{Block: block}); got != want {
			t.Errorf("blocks of %d: %d, want %d", block, got, want)
		}
	}
	small := func(string) (osfile.Volume, error) {
		return osfile.Volume{Total: 10 << 30, Free: 4 << 30, Block: 1 << 10}, nil
	}
	if err := roomFor(need{"b", 400 << 20, 2e6}, nil, small); err != nil {
		t.Error(err)
	}
}

// TestNeeds: files are counted, and each place gets what its plan writes. Trees count if nothing
// was kept.
func TestNeeds(t *testing.T) {
	o := newWorld(t).options()
	trees := []snapshot.Tree{{Name: snapshot.TreeModGraph, Files: 2, Bytes: 30}, {Name: snapshot.TreeFuzz, Files: 3, Bytes: 40}}
	for name, c := range map[string]struct {
		keptModules, keptBuild int
		modules, build         need
	}{
		"empty caches":       {0, 0, need{o.ModDir, 31, 3}, need{o.BuildDir, 42, 5}},
		"a kept GOMODCACHE":  {1, 0, need{o.ModDir, 1, 1}, need{o.BuildDir, 42, 5}},
		"a kept build cache": {0, 1, need{o.ModDir, 31, 3}, need{o.BuildDir, 2, 2}},
	} {
		kept := func(n int) install.Outcome { return install.Outcome{Counts: install.Counts{Present: n}} }
		plans := []plan{
			planned(modules.Name, install.Summary{Bytes: 1, Files: 1, Known: kept(c.keptModules)}, install.Outcome{}),
			planned(build.Name, install.Summary{Bytes: 2, Files: 2, Known: kept(c.keptBuild)}, install.Outcome{}),
			planned(graph.Name, install.Summary{Trees: trees}, install.Outcome{}),
			planned(paths.Name, install.Summary{Bytes: 3}, install.Outcome{}),
		}
		builds, others := needs(o, plans)
		if want := []need{c.modules, {o.Paths[0].Dir, 3, 0}}; builds != c.build || !slices.Equal(others, want) {
			t.Errorf("%s: %+v, %+v", name, builds, others)
		}
	}
	o.ModDir, o.BuildDir, o.Paths = "", "", nil
	if builds, others := needs(o, nil); builds != (need{}) || len(others) != 0 {
		t.Errorf("%+v, %+v", builds, others)
	}
}

// TestNoRoom: a build cache that was given up is no part of the totals, is not warned of, is not
// even made, and counts as not written; the modules are restored all the same.
func TestNoRoom(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	o.Fuzz = true
	o.setDefaults()
	m := w.manifest(t)
	m.Trees = append(m.Trees, snapshot.Tree{Name: snapshot.TreeFuzz, Pack: m.Trees[0].Pack, Files: 1, Bytes: 1})
	f := finding{Found: lookup.Found{Manifest: m}, Differs: []string{"CC"}}
	p := newPlaces(o)
	plans, err := prepare(t.Context(), o, f, p)
	if err != nil {
		t.Fatal(err)
	}
	full := func(string) (osfile.Volume, error) { return osfile.Volume{Total: 1 << 20}, nil }
	plans = checkRoom(o, m, p, plans, full)
	f.warnBuiltWith(plans)
	if !errors.Is(p.build.Err(), ErrNoRoom) || p.modules.Err() != nil || f.toldDiffers || len(f.Warnings) > 0 {
		t.Errorf("%v, %v, %q", p.build.Err(), p.modules.Err(), f.Warnings)
	}
	if d := describe(o, f, plans); d.Build != (PlanCounts{}) || len(d.Trees) != 1 || d.Modules.Fetch != 1 {
		t.Errorf("%+v", d)
	}
	for _, k := range plans {
		if k.Name == graph.Name && k.Stored != m.Packs[m.Trees[0].Pack].Size {
			t.Errorf("%d bytes of trees", k.Stored)
		}
	}
	if plans, err = carryOut(t.Context(), o, o.Now(), plans); err != nil {
		t.Fatal(err)
	}
	p.countUnwritten(plans)
	res := fold(o, o.Now(), f, plans)
	if res.Build != (Counts{Unwritten: 3}) || res.Modules != (Counts{Restored: 1}) || res.Packs != (Counts{Restored: 2}) || w.has("build") {
		t.Errorf("%+v, %+v, %+v, GOCACHE is there: %t", res.Build, res.Modules, res.Packs, w.has("build"))
	}
	if got, want := o.Meter.DiskTotal.Load(), m.Modules[0].Bytes+4; got != want {
		t.Errorf("%d bytes to write, want %d", got, want)
	}
}

// TestCountUnwritten: what a place did not get before it was given up counts as not written.
func TestCountUnwritten(t *testing.T) {
	o := newWorld(t).options()
	p := newPlaces(o)
	done := install.Outcome{Counts: install.Counts{Restored: 2, Missing: 1}}
	plans := func() (list []plan) {
		for _, kind := range []string{modules.Name, build.Name, graph.Name, paths.Name} {
			list = append(list, planned(kind, install.Summary{Fetch: 9, Unlisted: 1}, done))
		}
		return list
	}
	whole := plans()
	p.countUnwritten(whole)
	if !reflect.DeepEqual(whole, plans()) {
		t.Errorf("nothing was given up: %+v", whole)
	}
	for i, place := range []*install.Place{p.modules, p.build, nil, p.paths["lint"]} {
		if place == nil {
			continue
		}
		place.GiveUp(errors.New("disk full"))
		list := plans()
		if p.countUnwritten(list); list[i].done.Counts != (Counts{Restored: 2, Missing: 1, Unwritten: 7}) || list[2].done.Counts.Unwritten != 0 {
			t.Errorf("%+v", list)
		}
	}
}
