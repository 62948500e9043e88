package snapshot_test

import (
	"crypto/sha256"
	"testing"

	"github.com/org/gocache-action/internal/snapshot"
)

// TestTreeSum: a tree with another name, size, content, order or number of files has another sum,
// even where names and sizes could run into each other.
func TestTreeSum(t *testing.T) {
	type f struct {
		name, data string
		size       int64
	}
	trees := map[string][]f{
		"none":           nil,
		"one":            {{"a", "x", 1}},
		"another name":   {{"b", "x", 1}},
		"another size":   {{"a", "x", 2}},
		"other content":  {{"a", "y", 1}},
		"two":            {{"a", "x", 1}, {"b", "y", 1}},
		"other order":    {{"b", "y", 1}, {"a", "x", 1}},
		"swapped":        {{"a", "y", 1}, {"b", "x", 1}},
		"twice":          {{"a", "x", 1}, {"a", "x", 1}},
		"longer name":    {{"a\x01\x00\x00\x00\x00\x00\x00\x00", "x", 1}},
		"name of a name": {{"ab", "x", 1}, {"", "y", 1}},
	}
	seen := map[string]string{}
	for name, files := range trees {
		sum := func() string {
			s := snapshot.NewTreeSum()
			for _, f := range files {
				s.Add(f.name, f.size, sha256.Sum256([]byte(f.data)))
			}
			return s.String()
		}
		got := sum()
		if got != sum() || len(got) != 64 {
			t.Errorf("%s: %q", name, got)
		}
		if other, ok := seen[got]; ok {
			t.Errorf("%s has the sum of %s", name, other)
		}
		seen[got] = name
	}
}
