package build

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
)

// history makes n entries with shared outputs and last uses spread over a month, sorted by action.
func history(rnd *rand.Rand, n int) []record {
	var out []record
	for i := range n {
		output := byte(rnd.IntN(n))
		out = append(out, record{
			action: digest.ID{byte(i)}, output: digest.ID{output}, size: int64(output) * 10,
			time: int64(rnd.IntN(1000)), lastUse: collecttest.Ago(rnd.IntN(30 * 24)),
		})
	}
	return out
}

// manifestOf makes a manifest of the entries.
func manifestOf(entries []record) *snapshot.Manifest {
	b := snapshot.NewBuilder()
	p := b.AddPack(snapshot.Pack{Object: "p", Chunks: 1, Frames: []snapshot.Frame{{Raw: 1 << 20}, {Raw: 1}}})
	for _, e := range entries {
		b.AddOutput(snapshot.Output{ID: e.output, Size: e.size, Extents: []snapshot.Extent{{Pack: int32(p), Len: int32(e.size)}}})
		b.AddAction(e.action, e.output, e.time, e.lastUse)
	}
	m := new(snapshot.Manifest)
	b.Build(m)
	return m
}

// localOf makes a build cache of the entries.
func localOf(entries []record) (l Local) {
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
		pick := func() []record {
			return slices.DeleteFunc(history(rnd, 40), func(record) bool { return rnd.IntN(3) == 0 })
		}
		a, b := pick(), pick()
		ab, ba := slices.Collect(mergeEntries(localOf(a), manifestOf(b))), slices.Collect(mergeEntries(localOf(b), manifestOf(a)))
		if !slices.Equal(ab, ba) {
			t.Fatalf("seed %d: a merged into b differs from b merged into a", seed)
		}
		if again := slices.Collect(mergeEntries(localOf(ab), manifestOf(ab))); !slices.Equal(again, ab) {
			t.Fatalf("seed %d: merging twice differs from once", seed)
		}
		if !slices.IsSortedFunc(ab, func(x, y record) int { return bytes.Compare(x.action[:], y.action[:]) }) {
			t.Fatalf("seed %d: not sorted", seed)
		}
		for _, e := range append(slices.Clone(a), b...) {
			if !slices.ContainsFunc(ab, func(x record) bool { return x.action == e.action && x.lastUse >= e.lastUse && x.time >= e.time }) {
				t.Fatalf("seed %d: an entry or its use was lost", seed)
			}
		}
	}
	if got := slices.Collect(mergeEntries(localOf(history(rand.New(rand.NewPCG(1, 1)), 3)), nil)); len(got) != 3 {
		t.Error("merging with nothing")
	}
}

// TestMergeEndsEarly: an iteration over the entries can stop at any of them.
func TestMergeEndsEarly(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 3))
	local, own := localOf(history(rnd, 9)[:6]), manifestOf(history(rnd, 9)[3:])
	all := slices.Collect(mergeEntries(local, own))
	for n := range all {
		var got []record
		for e := range mergeEntries(local, own) {
			if got = append(got, e); len(got) == n+1 {
				break
			}
		}
		if !slices.Equal(got, all[:n+1]) {
			t.Errorf("the first %d are %v", n+1, got)
		}
	}
}

// TestNewer: of two outputs of one action the newer one wins, or the greater one if they are
// equally old; the last use is the later of both.
func TestNewer(t *testing.T) {
	a := record{action: digest.ID{1}, output: digest.ID{1}, size: 10, time: 5, lastUse: 100, exec: "a"}
	for name, c := range map[string]struct {
		b    record
		want digest.ID
		use  int64
	}{
		"older":             {record{output: digest.ID{9}, time: 4, lastUse: 50}, digest.ID{1}, 100},
		"older, used later": {record{output: digest.ID{9}, time: 4, lastUse: 150}, digest.ID{1}, 150},
		"newer":             {record{output: digest.ID{9}, time: 6, lastUse: 50}, digest.ID{9}, 100},
		"as old, greater":   {record{output: digest.ID{9}, time: 5, lastUse: 50}, digest.ID{9}, 100},
		"as old, less":      {record{output: digest.ID{0}, time: 5, lastUse: 100}, digest.ID{1}, 100},
		"the same":          {record{output: digest.ID{1}, time: 5, lastUse: 99}, digest.ID{1}, 100},
	} {
		c.b.action = a.action
		ab, ba := newer(a, c.b), newer(c.b, a)
		if ab.output != c.want || ab.lastUse != c.use || ab.output != ba.output || ab.lastUse != ba.lastUse {
			t.Errorf("%s: %+v and %+v", name, ab, ba)
		}
	}
}

// BenchmarkMerge merges a cache with a manifest that has nearly all of its entries.
func BenchmarkMerge(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 1))
	local, own := localOf(history(rnd, 256)), manifestOf(history(rnd, 250))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for range mergeEntries(local, own) {
			n++
		}
		if n != 256 {
			b.Fatal(n)
		}
	}
}

// TestBuiltIn: the times of the entries that one build made add up. Pauses between builds and
// entries that were not reused do not count, and the same time does not count twice.
func TestBuiltIn(t *testing.T) {
	at := func(seconds ...float64) (list []int64) {
		for _, s := range seconds {
			list = append(list, int64(s*float64(time.Second)))
		}
		return list
	}
	build := at(100, 100.5, 101, 101.25, 102.5, 5000, 5001)
	tests := map[string]struct {
		times, reused []int64
		want          time.Duration
	}{
		"all":         {build, build, 3500 * time.Millisecond},
		"one build":   {build, at(100.5, 101, 101.25, 102.5), 2500 * time.Millisecond},
		"a part":      {build, at(102.5, 101), 1750 * time.Millisecond},
		"known twice": {append(at(101, 100.5), build...), at(101, 101), 500 * time.Millisecond},
		"nothing":     {build, nil, 0},
		"the first":   {at(7), at(7), 0},
	}
	for name, tt := range tests {
		if got := builtIn(append([]int64(nil), tt.times...), tt.reused); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
