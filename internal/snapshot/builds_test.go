package snapshot_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/snapshot"
)

func build(n int, lastUse int64) snapshot.Build {
	return snapshot.Build{With: map[string]string{"directory": fmt.Sprintf("%016x", n), "C compiler": "00112233445566aa"}, LastUse: lastUse}
}

func manifestWithBuilds() *snapshot.Manifest {
	m := sampleManifest()
	m.AddBuild(build(1, 100))
	m.AddBuild(build(2, 200))
	return m
}

// TestBuildsAreStored: builds are read back as they were written, and as they were when the field
// was new.
func TestBuildsAreStored(t *testing.T) {
	want := manifestWithBuilds()
	frozen, err := snapshot.DecodeManifest(readFile(t, "..", "..", "testdata", "format2", "manifest-builds"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, frozen); d != "" {
		t.Error(d)
	}
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := snapshot.DecodeManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if list := got.BuiltWith(); len(list) != 2 || !maps.Equal(list[0], build(2, 0).With) {
		t.Errorf("built with %v, want the last one first", list)
	}
}

// TestAddBuild: the same build counts once, and only the latest builds are kept.
func TestAddBuild(t *testing.T) {
	m := new(snapshot.Manifest)
	for i := range 2 * snapshot.MaxBuilds {
		m.AddBuild(build(i, int64(i)))
	}
	first := m.Builds[snapshot.MaxBuilds-1].LastUse
	if len(m.Builds) != snapshot.MaxBuilds || first != snapshot.MaxBuilds {
		t.Fatalf("%d builds, the oldest of %d", len(m.Builds), first)
	}
	m.AddBuild(build(snapshot.MaxBuilds, 1000))
	m.AddBuild(build(snapshot.MaxBuilds, 5))
	if len(m.Builds) != snapshot.MaxBuilds || m.Builds[0].LastUse != 1000 {
		t.Errorf("%d builds, the newest of %d", len(m.Builds), m.Builds[0].LastUse)
	}
}

// TestBuildLies: builds of a manifest are printed, so a reader accepts only what a writer could
// have written.
func TestBuildLies(t *testing.T) {
	for name, with := range map[string]map[string]string{
		"no hash":   {"directory": "/home/me"},
		"long hash": {"directory": strings.Repeat("ab", 32)},
		"no name":   {"": "0011223344556677"},
		"long name": {strings.Repeat("x", 33): "0011223344556677"},
		"command":   {"a\n::warning::b": "0011223344556677"},
		"letters":   {"ä": "0011223344556677"},
	} {
		m := sampleManifest()
		m.Builds = []snapshot.Build{{With: with}}
		data, err := m.Encode()
		if err == nil {
			_, err = snapshot.DecodeManifest(data)
		}
		if !errors.Is(err, snapshot.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := sampleManifest()
	m.Builds = make([]snapshot.Build, snapshot.MaxBuilds+1)
	data, err := m.Encode()
	if err == nil {
		_, err = snapshot.DecodeManifest(data)
	}
	if err == nil {
		t.Error("too many builds are accepted")
	}
}
