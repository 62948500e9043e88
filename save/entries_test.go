package save

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/snapshot"
)

var now = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// history makes n entries with shared outputs and uses spread over a month, sorted by action.
func history(rnd *rand.Rand, n int) []entry {
	var out []entry
	for i := range n {
		output := byte(rnd.IntN(n))
		out = append(out, entry{
			action: snapshot.ID{byte(i)}, output: snapshot.ID{output}, size: int64(output) * 10,
			time: int64(rnd.IntN(1000)), lastUse: now.Add(-time.Duration(rnd.IntN(30*24)) * time.Hour).Unix(),
		})
	}
	return out
}

// manifestOf makes a manifest with the given entries.
func manifestOf(entries []entry) *snapshot.Manifest {
	b := snapshot.NewBuilder()
	p := b.AddPack(snapshot.Pack{Object: "p", Frames: []snapshot.Frame{{Raw: 1 << 20}}})
	for _, e := range entries {
		b.AddOutput(snapshot.Output{ID: e.output, Size: e.size, Pack: p})
		b.AddAction(e.action, e.output, e.time, e.lastUse)
	}
	m := new(snapshot.Manifest)
	b.Build(m)
	return m
}

// localOf makes local entries of them.
func localOf(entries []entry) (l localEntries) {
	l.inv = new(buildcache.Inventory)
	for i, e := range entries {
		l.inv.Outputs = append(l.inv.Outputs, buildcache.Output{ID: e.output, Size: e.size})
		l.list = append(l.list, localEntry{e.action, e.time, e.lastUse, int32(i)})
	}
	return l
}

// TestMerge: the order in which two saves publish does not matter, and merging again changes
// nothing.
func TestMerge(t *testing.T) {
	for seed := range uint64(500) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		pick := func() []entry {
			return slices.DeleteFunc(history(rnd, 40), func(entry) bool { return rnd.IntN(3) == 0 })
		}
		a, b := pick(), pick()
		ab, ba := slices.Collect(mergeEntries(localOf(a), manifestOf(b))), slices.Collect(mergeEntries(localOf(b), manifestOf(a)))
		if !slices.Equal(ab, ba) {
			t.Fatalf("seed %d: a merged into b differs from b merged into a", seed)
		}
		if again := slices.Collect(mergeEntries(localOf(ab), manifestOf(ab))); !slices.Equal(again, ab) {
			t.Fatalf("seed %d: merging twice differs from once", seed)
		}
		for _, e := range append(slices.Clone(a), b...) {
			if !slices.ContainsFunc(ab, func(x entry) bool { return x.action == e.action && x.lastUse >= e.lastUse && x.time >= e.time }) {
				t.Fatalf("seed %d: an entry or its use was lost", seed)
			}
		}
	}
	if got := slices.Collect(mergeEntries(localOf(history(rand.New(rand.NewPCG(1, 1)), 3)), nil)); len(got) != 3 {
		t.Error("merging with nothing")
	}
}
