package build

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestUnfit: an output that does not match its name, or is gone, is left out with a warning, and
// nothing else is lost; also if it changes between the two times that it is read.
func TestUnfit(t *testing.T) {
	alike := noise(9, 200_000)
	sizes := map[string]string{"small": "small", "large": noise(8, 700_000) + alike}
	for name, c := range map[string]struct {
		spoil   func(file string, size int) error
		warning string
	}{
		"other bytes": {func(f string, n int) error { return os.WriteFile(f, bytes.Repeat([]byte("?"), n), 0o666) }, "does not match its name"},
		"cut off":     {func(f string, n int) error { return os.Truncate(f, int64(n/2)) }, "does not match its name"},
		"gone":        {func(f string, _ int) error { return os.Remove(f) }, "is not saved"},
	} {
		for size, bad := range sizes {
			for _, late := range []bool{false, true} {
				t.Run(fmt.Sprint(name, " ", size, " ", late), func(t *testing.T) {
					dir := t.TempDir()
					outputs := []string{bad, "", "the last", noise(7, 300_000) + alike}
					l := cacheWith(t, dir, outputs...)
					spoil := func() {
						if err := c.spoil(outputFile(dir, bad), len(bad)); err != nil {
							t.Fatal(err)
						}
					}
					between := spoil
					if !late {
						spoil()
						between = nil
					}
					p := packs{}
					one := p.save(t, l, between)
					want := outputs[1:]
					if late && size == "large" {
						want = outputs[1:3] // both have parts that were to be read from the output
						for i := range l.inv.Outputs {
							// with equal times, their order would be undefined
							l.inv.Outputs[i].Time += int64(i)
						}
						if one.local.Placed(sha256.Sum256([]byte(outputs[3]))) {
							want = outputs[1:]
						} else if len(one.warnings) != 2 || !strings.Contains(one.warnings[1], "1 more build cache output,") {
							t.Errorf("warnings %q", one.warnings)
						}
					}
					p.check(t, one.manifest, want...)
					if len(one.warnings) == 0 || !strings.Contains(one.warnings[0], "is not saved") || !late && !strings.Contains(one.warnings[0], c.warning) {
						t.Errorf("warnings %q", one.warnings)
					}
					if !late && (len(one.warnings) != 1 || one.read+int64(len(bad)) != l.size([]int32{0, 1, 2, 3})) {
						t.Errorf("%d bytes read, warnings %q", one.read, one.warnings)
					}
				})
			}
		}
	}
}

// TestUnfitOthers: an output that changes between the two times that it is read is named once,
// however many packs it lies in; others that have parts of it are counted in one more warning, and
// what is stored already stays where it is.
func TestUnfitOthers(t *testing.T) {
	dir := t.TempDir()
	alike := noise(9, 200_000)
	bad := alike + noise(8, leastPack+(1<<20))
	outputs := []string{bad, noise(7, 100_000) + alike, noise(6, 100_000) + alike, noise(5, 100_000)}
	l := cacheWith(t, dir, outputs...)
	l.first(bad)
	p := packs{}
	one := p.save(t, l, func() {
		if err := os.WriteFile(outputFile(dir, bad), bytes.Repeat([]byte("?"), len(bad)), 0o666); err != nil {
			t.Fatal(err)
		}
	})
	p.check(t, one.manifest, outputs[3])
	w := one.warnings
	if len(one.jobs) < 2 || len(w) != 2 || !strings.Contains(w[0], "is not saved: it changed meanwhile") || !strings.Contains(w[1], "not saved either: 2 more build cache outputs,") {
		t.Errorf("%d packs, warnings %q", len(one.jobs), w)
	}
}
