package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func someUnnamed(n int) Unnamed {
	u := Unnamed{Running: []Collection{{"abc", time.Unix(1_800_000_000, 0).UTC()}}}
	for i := range n {
		u.Notes = append(u.Notes, Note{FingerprintOf(fmt.Sprint(i)), uint32(i)})
	}
	slices.SortFunc(u.Notes, func(a, b Note) int { return bytes.Compare(a.Object[:], b.Object[:]) })
	return u
}

func all(Fingerprint) bool { return true }

func TestUnnamed(t *testing.T) {
	for _, n := range []int{0, 1, 1000, 10_000} {
		u := someUnnamed(n)
		data, err := EncodeUnnamed(u.Running, slices.Values(u.Notes), n)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeUnnamed(bytes.NewReader(data), all)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&u, got); diff != "" {
			t.Fatal(diff)
		}
		one, err := DecodeUnnamed(bytes.NewReader(data), func(f Fingerprint) bool { return f == FingerprintOf("0") })
		if err != nil || len(one.Notes) != min(n, 1) {
			t.Errorf("asked for one of %d: %v, %v", n, one, err)
		}
	}
}

// TestUnnamedDamage flips, cuts and adds bytes everywhere.
func TestUnnamedDamage(t *testing.T) {
	u := someUnnamed(20)
	data, err := EncodeUnnamed(u.Running, slices.Values(u.Notes), len(u.Notes))
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 1
		for what, b := range map[string][]byte{"flipped": bad, "cut": data[:i]} {
			if _, err := DecodeUnnamed(bytes.NewReader(b), all); !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrFormat) {
				t.Fatalf("%s at %d: %v", what, i, err)
			}
		}
	}
	if _, err := DecodeUnnamed(bytes.NewReader(append(bytes.Clone(data), 0)), all); !errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
	later := strings.Replace(string(data), "unnamed 1", "unnamed 2", 1)
	if _, err := DecodeUnnamed(strings.NewReader(later), all); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
}

func TestKindOf(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	for name, want := range map[string][2]string{
		"v1/modules/x.org/y/@v/v1.0.0/" + hex:           {"module", ""},
		"v1/repos/r/s/modules/x.org/y/@v/v1.0.0/" + hex: {"module", "r"},
		"v1/repos/r/s/packs/" + hex:                     {"pack", "r"},
		"v1/repos/r/s/packs/x/" + hex:                   {"other", "r"},
		"v1/repos/r/s/packs/" + hex[1:]:                 {"other", "r"},
		"v1/repos/r/s/snapshots/job/linux/amd64/go/x":   {"manifest", "r"},
		"v1/repos/r/s/signatures/" + hex:                {"other", "r"},
		"v1/modules/x.org/y/@v/v1.0.0/readme":           {"other", ""},
		"v1/repos/r":                                    {"other", ""},
		"v2/modules/" + hex:                             {"other", ""},
		UnnamedObject:                                   {"other", ""},
		"anything":                                      {"other", ""},
	} {
		if kind, repo := KindOf(name); string(kind) != want[0] || repo != want[1] {
			t.Errorf("%s: %s of %q, want %q", name, kind, repo, want)
		}
	}
}

// TestNames: what gc believes to be named is what readers read.
func TestNames(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	m := &Manifest{
		Packs:   []Pack{{Object: "v1/repos/r/s/packs/" + hex, Size: 100, Frames: []Frame{{Size: 100, Raw: 10}}}},
		Modules: []Module{{Path: "x.org/y", Version: "v1.0.0", Object: "v1/modules/x.org/y/@v/v1.0.0/" + hex}},
		Trees:   []Tree{{Name: TreeFuzz}},
	}
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Names(data)
	if want := []string{m.Packs[0].Object, m.Modules[0].Object}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	data[len(data)-1] ^= 1
	if _, err := Names(data); !errors.Is(err, ErrCorrupt) {
		t.Errorf("damaged: %v", err)
	}
	if _, err := Names([]byte("gocache-manifest 2\n\n")); !errors.Is(err, ErrFormat) {
		t.Errorf("later format: %v", err)
	}
}
