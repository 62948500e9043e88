package save

import (
	"testing"

	"github.com/org/gocache-action/internal/content/collect/collecttest"
)

// TestHasMoved: if packs were to be repacked and nothing could be moved, that is not a change,
// since otherwise each save would write a manifest for it.
func TestHasMoved(t *testing.T) {
	const own = "pack p1 100\nentry a1 o1 10 p1\nentry a2 o2 20 p1\nentry a3 o3 20 p2"
	for name, c := range map[string]struct {
		next    string
		rewrite string
		want    bool
	}{
		"all":     {"entry a1 o1 10 n\nentry a2 o2 20 n\nentry a3 o3 20 p2", "p1", true},
		"some":    {"pack p1 100\nentry a1 o1 10 n\nentry a2 o2 20 p1\nentry a3 o3 20 p2", "p1", true},
		"nothing": {own, "p1", false},
		"another": {own + "\nentry a4 o4 10 n", "p1", false},
		"not yet": {"entry a3 o3 20 p2", "p1", true},
		"no":      {own, "", false},
	} {
		p := planned{manifest: collecttest.Manifest(t, c.next), rewrite: map[string]bool{}}
		if c.rewrite != "" {
			p.rewrite[collecttest.Pack(c.rewrite)] = true
		}
		if got := hasMoved(p, collecttest.Manifest(t, own)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
