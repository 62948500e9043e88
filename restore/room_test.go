package restore

import (
	"errors"
	"testing"

	"github.com/org/gocache-action/internal/content/build"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/content/modules"
	"github.com/org/gocache-action/internal/content/paths"
)

// TestRoom: what a file system has no room for is left out; modules come before the build cache.
func TestRoom(t *testing.T) {
	const mib = 1 << 20
	modDir, buildDir := t.TempDir(), t.TempDir()
	type disk struct{ total, free int64 }
	for name, c := range map[string]struct {
		mod, build     int64 // bytes to write
		disks          [2]disk
		apart          bool // the caches lie on disks of their own
		noMod, noBuild bool // left out
	}{
		"enough":                           {mod: 100, build: 500, disks: [2]disk{{10_000, 1_200}}},
		"just enough":                      {mod: 100, build: 500, disks: [2]disk{{10_000, 1_100}}},
		"not for both":                     {mod: 100, build: 500, disks: [2]disk{{10_000, 1_099}}, noBuild: true},
		"for neither":                      {mod: 100, build: 500, disks: [2]disk{{10_000, 150}}, noMod: true, noBuild: true},
		"only the build cache fits":        {mod: 500, build: 10, disks: [2]disk{{10_000, 150}}, noMod: true},
		"little is missing on a full disk": {build: 1, disks: [2]disk{{1 << 20, 2}}},
		"nothing is missing":               {disks: [2]disk{{10_000, 0}}},
		"the reserve is bounded":           {build: 5_000, disks: [2]disk{{1 << 20, 6_024}}},
		"and no more":                      {build: 5_000, disks: [2]disk{{1 << 20, 6_023}}, noBuild: true},
		"two disks":                        {mod: 100, build: 500, disks: [2]disk{{10_000, 200}, {10_000, 1_000}}, apart: true},
		"one of two disks":                 {mod: 100, build: 500, disks: [2]disk{{10_000, 200}, {10_000, 999}}, apart: true, noBuild: true},
		"a disk that does not tell":        {mod: 100, build: 500, disks: [2]disk{{total: -1}}},
	} {
		space := func(dir string) (total, free int64, id string, err error) {
			d, id := c.disks[0], "first"
			if c.apart && dir == buildDir {
				d, id = c.disks[1], "second"
			}
			if d.total < 0 {
				return 0, 0, "", errors.New("not known")
			}
			return d.total * mib, d.free * mib, id, nil
		}
		mod, builds := install.NewPlace("module cache"), install.NewPlace("build cache")
		checkRoom([]need{{modDir, c.mod * mib, mod}, {buildDir, c.build * mib, builds}}, space)
		if errors.Is(mod.Err(), ErrNoRoom) != c.noMod || errors.Is(builds.Err(), ErrNoRoom) != c.noBuild {
			t.Errorf("%s: %v, %v", name, mod.Err(), builds.Err())
		}
	}
}

// TestNeeds: blocks are counted, and each place gets what its plan writes.
func TestNeeds(t *testing.T) {
	o := newWorld(t).options()
	p := newPlaces(o)
	plans := []plan{
		planned(modules.Name, install.Summary{Bytes: 1, Files: 1}, install.Outcome{}),
		planned(build.Name, install.Summary{Bytes: 2, Files: 2}, install.Outcome{}),
		planned(paths.Name, install.Summary{Bytes: 3}, install.Outcome{}),
	}
	want := []need{{o.ModDir, 1 + blockSize, p.modules}, {o.Paths[0].Dir, 3, nil}, {o.BuildDir, 2 + 2*blockSize, p.build}}
	got := needs(o, p, plans)
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
	o.ModDir, o.BuildDir, o.Paths = "", "", nil
	if list := needs(o, newPlaces(o), plans); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}
