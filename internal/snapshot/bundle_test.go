package snapshot_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/snapshot"
)

// sampleLocations are three objects in two bundles.
func sampleLocations(own bool) *snapshot.Locations {
	l := &snapshot.Locations{
		Bundles: []snapshot.Bundle{{Key: "gocache2m-0a1b", Size: 1000}, {Key: "gocache2b-1c2d", Size: 1 << 33}},
		Objects: []snapshot.Located{
			{Object: snapshot.HashName("a"), Bundle: 0, Off: 100, Len: 900},
			{Object: snapshot.HashName("b"), Bundle: 1, Off: 1 << 32, Len: 5},
			{Object: snapshot.HashName("c"), Bundle: 1, Off: 0, Len: 0},
		},
	}
	if own {
		l.Bundles[0].Key = ""
	}
	l.Sort()
	return l
}

func TestTableOfLocations(t *testing.T) {
	for kind, l := range map[snapshot.TableKind]*snapshot.Locations{
		snapshot.ManifestFollow: sampleLocations(false), snapshot.ObjectsFollow: sampleLocations(true),
	} {
		head, err := l.Encode(kind)
		if err != nil {
			t.Fatal(err)
		}
		r := strings.NewReader(string(head) + "what follows")
		got, n, err := snapshot.ReadLocations(iotest.OneByteReader(r), kind)
		if err != nil || n != int64(len(head)) {
			t.Fatalf("%q: %d bytes of %d, %v", kind, n, len(head), err)
		}
		if diff := cmp.Diff(l, got); diff != "" {
			t.Error(diff)
		}
		if rest, _ := io.ReadAll(r); string(rest) != "what follows" {
			t.Errorf("%q is left", rest)
		}
	}
	empty := new(snapshot.Locations)
	head, err := empty.Encode(snapshot.ManifestFollow)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := snapshot.ReadLocations(bytes.NewReader(head), snapshot.ManifestFollow); err != nil || len(got.Bundles)+len(got.Objects) > 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestPassed: an entry names the versions that were passed over before it.
func TestPassed(t *testing.T) {
	l := sampleLocations(false)
	l.Passed = []uint64{3, 7}
	head, err := l.Encode(snapshot.ManifestFollow)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := snapshot.ReadLocations(bytes.NewReader(head), snapshot.ManifestFollow)
	if diff := cmp.Diff(l, got); err != nil || diff != "" {
		t.Error(diff, err)
	}
	for _, bad := range []string{"", "0", "-3", "3  7", "3,7", "x", "99999999999999999999", strings.Repeat("1 ", snapshot.MaxPassed) + "1"} {
		data := bytes.Replace(head, []byte("passed 3 7\n"), []byte("passed "+bad+"\n"), 1)
		if _, _, err := snapshot.ReadLocations(bytes.NewReader(data), snapshot.ManifestFollow); !errors.Is(err, snapshot.ErrCorrupt) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	l.Passed = make([]uint64, snapshot.MaxPassed+1)
	if _, err := l.Encode(snapshot.ManifestFollow); err == nil {
		t.Error("too many are written")
	}
}

// TestLocationsRefused: what no writer writes is neither written nor read.
func TestLocationsRefused(t *testing.T) {
	for name, change := range map[string]func(*snapshot.Locations){
		"no such bundle":       func(l *snapshot.Locations) { l.Objects[0].Bundle = 2 },
		"behind its bundle":    func(l *snapshot.Locations) { l.Objects[0].Off = 1 << 40 },
		"longer than it":       func(l *snapshot.Locations) { l.Objects[0].Len = 1 << 40 },
		"beyond all numbers":   func(l *snapshot.Locations) { l.Objects[0].Off, l.Objects[0].Len = 1<<62, 1<<62 },
		"negative":             func(l *snapshot.Locations) { l.Objects[0].Off = -1 },
		"out of order":         func(l *snapshot.Locations) { l.Objects[0], l.Objects[1] = l.Objects[1], l.Objects[0] },
		"twice":                func(l *snapshot.Locations) { l.Objects[1] = l.Objects[0] },
		"a bundle twice":       func(l *snapshot.Locations) { l.Bundles[1].Key = l.Bundles[0].Key },
		"a comma":              func(l *snapshot.Locations) { l.Bundles[1].Key = "a,b" },
		"no key":               func(l *snapshot.Locations) { l.Bundles[1].Key = "" },
		"itself in a snapshot": func(l *snapshot.Locations) { l.Bundles[0].Key = "" },
		"a long key":           func(l *snapshot.Locations) { l.Bundles[1].Key = strings.Repeat("k", 513) },
		"no size":              func(l *snapshot.Locations) { l.Bundles[0].Size = -1 },
		"too many bundles": func(l *snapshot.Locations) {
			for i := range snapshot.MaxBundles {
				l.Bundles = append(l.Bundles, snapshot.Bundle{Key: fmt.Sprint("k", i)})
			}
		},
	} {
		l := sampleLocations(false)
		change(l)
		if _, err := l.Encode(snapshot.ManifestFollow); err == nil {
			t.Errorf("%s: written", name)
		}
	}
}

func TestLocationsDamaged(t *testing.T) {
	head, err := sampleLocations(false).Encode(snapshot.ManifestFollow)
	if err != nil {
		t.Fatal(err)
	}
	read := func(data []byte) error {
		_, _, err := snapshot.ReadLocations(bytes.NewReader(data), snapshot.ManifestFollow)
		return err
	}
	for i := range head {
		changed := bytes.Clone(head)
		changed[i] ^= 1
		if err := read(changed); !errors.Is(err, snapshot.ErrCorrupt) && !errors.Is(err, snapshot.ErrFormat) {
			t.Errorf("byte %d is changed: %v", i, err)
		}
		if err := read(head[:i]); !errors.Is(err, snapshot.ErrCorrupt) {
			t.Errorf("cut at byte %d: %v", i, err)
		}
	}
	if err := read(bytes.Replace(head, []byte("entry 2"), []byte("entry 3"), 1)); !errors.Is(err, snapshot.ErrFormat) {
		t.Errorf("a later format: %v", err)
	}
	if err := read(bytes.Replace(head, []byte("\ntable"), []byte("\nlater x\ntable"), 1)); err != nil {
		t.Errorf("an unknown line: %v", err)
	}
	if _, _, err := snapshot.ReadLocations(bytes.NewReader(head), snapshot.ObjectsFollow); !errors.Is(err, snapshot.ErrCorrupt) {
		t.Errorf("a snapshot entry taken for a bundle: %v", err)
	}
	broken := errors.New("broken")
	for _, n := range []int{0, 5, len(head) - 3} {
		r := io.MultiReader(bytes.NewReader(head[:n]), iotest.ErrReader(broken))
		if _, _, err := snapshot.ReadLocations(r, snapshot.ManifestFollow); !errors.Is(err, broken) || errors.Is(err, snapshot.ErrCorrupt) {
			t.Errorf("the transfer breaks at byte %d: %v", n, err)
		}
	}
}

// tableOf stores a table as a writer does, whatever it is.
func tableOf(kind snapshot.TableKind, table []byte) []byte {
	return append(fmt.Appendf(nil, "%s2\ntable %d %x\n\n", kind, len(table), sha256.Sum256(table)), table...)
}

// FuzzLocations goes past the hash. What is accepted can be relied on, and is stored in one way.
func FuzzLocations(f *testing.F) {
	for own, kind := range map[bool]snapshot.TableKind{false: snapshot.ManifestFollow, true: snapshot.ObjectsFollow} {
		head, err := sampleLocations(own).Encode(kind)
		if err != nil {
			f.Fatal(err)
		}
		_, table, _ := bytes.Cut(head, []byte("\n\n"))
		f.Add(table)
	}
	f.Add([]byte{1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, table []byte) {
		for _, kind := range []snapshot.TableKind{snapshot.ManifestFollow, snapshot.ObjectsFollow} {
			data := tableOf(kind, table)
			l, n, err := snapshot.ReadLocations(bytes.NewReader(data), kind)
			if err != nil {
				if !errors.Is(err, snapshot.ErrCorrupt) {
					t.Errorf("neither accepted nor corrupt: %v", err)
				}
				continue
			}
			for _, x := range l.Objects {
				if b := l.Bundles[x.Bundle]; x.Off < 0 || x.Len < 0 || x.Off+x.Len > b.Size || x.Off+x.Len < x.Off {
					t.Errorf("%+v lies outside of %+v", x, b)
				}
			}
			again, err := l.Encode(kind)
			if err != nil || n != int64(len(data)) {
				t.Fatal(n, err)
			}
			back, _, err := snapshot.ReadLocations(bytes.NewReader(again), kind)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(l, back); diff != "" {
				t.Error(diff)
			}
		}
	})
}

func TestParseManifestObject(t *testing.T) {
	key := []string{"n a/me", "linux", "amd64", "go1.26", "latest"}
	name := snapshot.ManifestObject("o/r", "refs/heads/main", key)
	got, ok := snapshot.ParseManifestObject(name)
	want := snapshot.ManifestName{Repo: "o~r", Scope: "refs~heads~main", Family: []string{"n=20a~me", "linux", "amd64", "go1.26"}, Digest: snapshot.Latest}
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Error(diff)
	}
	for _, other := range []string{"v2/gc/unnamed", "v2/modules/a/@v/v1/x", snapshot.PackObject("r", "s", sha256.Sum256(nil)), name + "/x", strings.Replace(name, "v2", "v1", 1)} {
		if _, ok := snapshot.ParseManifestObject(other); ok {
			t.Errorf("%s is taken for a manifest", other)
		}
	}
}
