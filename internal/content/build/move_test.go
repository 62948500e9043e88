package build

import (
	"crypto/sha256"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/snapshot"
)

// TestMove: when a pack is removed, its live chunks are repacked without reading whole outputs. A
// pack from which something cannot be moved is kept, and nothing is lost.
func TestMove(t *testing.T) {
	one, two, dead := noise(1, 500_000), noise(2, 300_000), noise(3, 400_000)
	both := one[:250_000] + two[:150_000] // parts of outputs in the first pack
	next := noise(4, 100_000) + two       // in two packs
	fresh := noise(5, 50_000)
	for name, c := range map[string]struct {
		spoil  func(t *testing.T, dir string, p packs, first string)
		late   bool
		all    bool // outputs are read in full
		stays  bool // the first pack is kept
		warned bool
	}{
		"moved": {},
		"its list is damaged": {
			spoil: func(_ *testing.T, _ string, p packs, first string) { p[first][len(p[first])-5] ^= 1 }, all: true, warned: true,
		},
		"its list is gone": {
			spoil: func(_ *testing.T, _ string, p packs, first string) { delete(p, first) }, all: true, warned: true,
		},
		"an output has vanished": {
			spoil: func(t *testing.T, dir string, _ packs, _ string) {
				if err := os.Remove(outputFile(dir, one)); err != nil {
					t.Error(err)
				}
			}, late: true, stays: true, warned: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, p := t.TempDir(), packs{}
			a := p.save(t, cacheWith(t, dir, dead, one, two, both), nil)
			b := p.save(t, cacheWith(t, dir, next), nil, a.manifest)
			if len(b.manifest.Packs) != 2 {
				t.Fatalf("%d packs", len(b.manifest.Packs))
			}
			first := a.manifest.Packs[0].Object
			good := slices.Clone(p[first])
			// the dead output is not in the cache of the next job
			own := b.manifest
			own.Actions = slices.DeleteFunc(own.Actions, func(x snapshot.Action) bool { return own.Outputs[x.Output].ID == sha256.Sum256([]byte(dead)) })
			if err := errors.Join(os.Remove(outputFile(dir, dead))); err != nil {
				t.Fatal(err)
			}
			l := cacheWith(t, dir, fresh)
			spoil := func() {
				if c.spoil != nil {
					c.spoil(t, dir, p, first)
				}
			}
			between := spoil
			if !c.late {
				spoil()
				between = nil
			}
			s := p.saveAnew(t, l, between, map[string]bool{first: true}, own)
			p[first] = good
			p.check(t, s.manifest, one, two, both, next, fresh)
			stays := slices.ContainsFunc(s.manifest.Packs, func(x snapshot.Pack) bool { return x.Object == first })
			if stays != c.stays || (len(s.warnings) > 0) != c.warned {
				t.Errorf("the first pack stays: %v; %q", stays, s.warnings)
			}
			want := len(fresh)
			if c.all {
				want += len(one) + len(two) + len(both) + len(next)
			}
			if s.read != int64(want) {
				t.Errorf("%d bytes of outputs were read", s.read)
			}
			// plus a chunk of both
			if most := int64(len(one) + len(two) + len(fresh) + 80_000); s.again > most {
				t.Errorf("%d bytes are packed, of %d", s.again, most)
			}
		})
	}
}

// TestMoveRotten: a stored output whose local file is corrupt stays where it is stored. No other
// output is lost, not even one with the same chunks, and the next save sees no change.
func TestMoveRotten(t *testing.T) {
	rotten, good, dead := noise(1, 300_000), noise(2, 200_000), noise(3, 400_000)
	fresh, copied := rotten+noise(4, 100_000), noise(5, 100_000)+rotten
	dir, p := t.TempDir(), packs{}
	all := cacheWith(t, dir, dead, rotten, good, copied)
	all.first(rotten)
	a := p.save(t, all, nil)
	first := a.manifest.Packs[0].Object
	own := a.manifest
	own.Actions = slices.DeleteFunc(own.Actions, func(x snapshot.Action) bool { return own.Outputs[x.Output].ID == sha256.Sum256([]byte(dead)) })
	if err := errors.Join(os.Remove(outputFile(dir, dead)), os.WriteFile(outputFile(dir, rotten), make([]byte, len(rotten)), 0o666)); err != nil {
		t.Fatal(err)
	}
	s := p.saveAnew(t, cacheWith(t, dir, fresh), nil, map[string]bool{first: true}, own)
	p.check(t, s.manifest, rotten, good, fresh, copied)
	if len(s.warnings) != 1 || !strings.Contains(s.warnings[0], "stays where it is stored") {
		t.Errorf("warnings %q", s.warnings)
	}
	again := p.saveAnew(t, s.local, nil, map[string]bool{first: true}, s.manifest)
	p.check(t, again.manifest, rotten, good, fresh, copied)
	if a, b := len(again.manifest.Packs), len(s.manifest.Packs); a != b {
		t.Errorf("%d packs, then %d", b, a)
	}
}

// TestMovedChunks: extents are turned into chunks where the boundaries of both agree. An output for
// which they do not is read in full.
func TestMovedChunks(t *testing.T) {
	stock, lists := stockOfChunks("p1: a b c | d e", "p2: x")
	m := &snapshot.Manifest{Packs: []snapshot.Pack{{Object: collecttest.Pack("p1")}, {Object: collecttest.Pack("p3")}}}
	for name, c := range map[string]struct {
		extents []snapshot.Extent
		want    string // "-": the output is not moved
	}{
		"all":                 {[]snapshot.Extent{{Len: 300}, {Frame: 1, Len: 200}}, "abcde"},
		"some":                {[]snapshot.Extent{{Off: 100, Len: 100}, {Off: 0, Len: 200}, {Frame: 1, Off: 100, Len: 100}}, "babe"},
		"half a chunk":        {[]snapshot.Extent{{Off: 100, Len: 150}}, "-"},
		"from within a chunk": {[]snapshot.Extent{{Off: 50, Len: 150}}, "-"},
		"behind the end":      {[]snapshot.Extent{{Off: 200, Len: 200}}, "-"},
		"no such frame":       {[]snapshot.Extent{{Frame: 2, Len: 100}}, "-"},
		"in an unknown pack":  {[]snapshot.Extent{{Len: 100}, {Pack: 1, Len: 100}}, "-"},
	} {
		o := &snapshot.Output{Extents: c.extents}
		move := newMoving(stock, []movedOutput{{0, 0, o, m}, {1, 1, &snapshot.Output{Extents: []snapshot.Extent{{Len: 100}}}, m}})
		all := &cuts{table: newChunkTable(), outputs: make([]outputCuts, 3)}
		for i, list := range lists {
			move.keep(all.table, i, list)
		}
		unknown := move.add(all, 1)
		got := "-"
		if all.outputs[1].count >= 0 {
			got = ""
			for _, ref := range all.chunks(all.outputs[1]) {
				got += string(all.table.entry(ref).sum[:1])
			}
		}
		if slices.Equal(unknown, []int32{1}) != (c.want == "-") {
			t.Errorf("%s: to be read: %v", name, unknown)
		}
		if last := all.chunks(all.outputs[2]); got != c.want || len(last) != 1 || all.table.entry(last[0]).sum[0] != 'a' {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestSplit: outputs that are stored are moved, in their stored order.
func TestSplit(t *testing.T) {
	s := situation{here: "entry a1 o1 10 -\nentry a2 o2 20 -\nentry a3 o3 30 -", own: "entry a1 o3 30 p1\nentry a3 o1 10 p1"}
	l := here(t, s.here)
	k := kept{merged: merged{l, collect.Base{Stock: s.base(t).Stock}}}
	index := func(name string) int32 { i, _ := l.find(collecttest.ID(name)); return i }
	rest, moved := k.split([]int32{index("o1"), index("o2"), index("o3")})
	if !slices.Equal(rest, []int32{index("o2")}) || len(moved) != 2 || moved[0].index != index("o3") || moved[1].index != index("o1") {
		t.Errorf("%v, %+v", rest, moved)
	}
}
