package snapshot

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestKindOf(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	for name, want := range map[string][2]string{
		"v2/modules/x.org/y/@v/v1.0.0/" + hex:           {"module", ""},
		"v2/repos/r/s/modules/x.org/y/@v/v1.0.0/" + hex: {"module", "r"},
		"v2/repos/r/s/packs/" + hex:                     {"pack", "r"},
		"v2/repos/r/s/packs/x/" + hex:                   {"other", "r"},
		"v2/repos/r/s/packs/" + hex[1:]:                 {"other", "r"},
		"v2/repos/r/s/snapshots/job/linux/amd64/go/x":   {"manifest", "r"},
		"v2/repos/r/s/signatures/" + hex:                {"other", "r"},
		"v2/modules/x.org/y/@v/v1.0.0/readme":           {"other", ""},
		"v2/repos/r/s/health/job":                       {"health", "r"},
		"v2/repos/r":                                    {"other", ""},
		"v1/modules/" + hex:                             {"other", ""},
		"v2/repos/r/s/proxy/x.org/y/@v/list":            {"proxy", "r"},
		"v2/proxy/x.org/y/@v/v1.0.0.info":               {"proxy", ""},
		"v2/sumdb/sum.golang.org/latest":                {"proxy", ""},
		"v2/proxy":                                      {"other", ""},
		"v2/gc/unnamed":                                 {"other", ""},
		"anything":                                      {"other", ""},
	} {
		if kind, repo := KindOf(name); string(kind) != want[0] || repo != want[1] {
			t.Errorf("%s: %s of %q, want %q", name, kind, repo, want)
		}
	}
}

// TestNames: gc finds the same names in a manifest as readers do.
func TestNames(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	m := &Manifest{
		Packs:   []Pack{{Object: "v2/repos/r/s/packs/" + hex, Size: 100, Frames: []Frame{{Size: 100, Raw: 10}}}},
		Modules: []Module{{Path: "x.org/y", Version: "v1.0.0", Object: "v2/modules/x.org/y/@v/v1.0.0/" + hex}},
		Trees:   []Tree{{Name: TreeFuzz, Sum: hex}},
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
	if _, err := Names([]byte("gocache-manifest 3\n\n")); !errors.Is(err, ErrFormat) {
		t.Errorf("later format: %v", err)
	}
}
