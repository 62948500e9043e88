package build

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/snapshot"
)

// frames returns frames of these stored sizes, each of which decodes to 1000 bytes.
func frames(sizes ...int64) (list []snapshot.Frame) {
	for _, s := range sizes {
		list = append(list, snapshot.Frame{Size: s, Raw: 1000})
	}
	return list
}

func pack(sizes ...int64) snapshot.Pack {
	return snapshot.Pack{Object: fmt.Sprint("pack", sizes), Frames: frames(sizes...)}
}

// output returns output b, of size bytes, at the beginning of a frame.
func output(b byte, size int64, pack, frame int) snapshot.Output {
	return spread(b, snapshot.Extent{Pack: int32(pack), Frame: int32(frame), Len: int32(size)})
}

// spread returns output b, which consists of these extents.
func spread(b byte, extents ...snapshot.Extent) snapshot.Output {
	o := snapshot.Output{ID: contenttest.ID(b), Extents: extents}
	for _, e := range extents {
		o.Size += int64(e.Len)
	}
	return o
}

// action returns an action of output i.
func action(b byte, i int) snapshot.Action { return snapshot.Action{ID: contenttest.ID(b), Output: i} }

// local returns the state of a cache with these outputs and entries.
func local(outputs []buildcache.Output, entries ...buildcache.Entry) State {
	inv := &buildcache.Inventory{Outputs: outputs}
	for _, e := range entries {
		inv.Entries = append(inv.Entries, buildcache.Local{Entry: e})
	}
	inv.Drop(nil) // makes the index
	return State{Inventory: inv}
}

func entry(b, out byte) buildcache.Entry {
	return buildcache.Entry{Action: contenttest.ID(b), Output: contenttest.ID(out)}
}

// reads describes reads as "pack:first-end [extents] bytes". Extents are "output.extent@place",
// grouped by frame.
func reads(list []Read, p *refs) (all []string) {
	for _, r := range list {
		var frames []string
		for f := r.First; f < r.End; f++ {
			var names []string
			for _, x := range p.of(r.Pack, f) {
				names = append(names, fmt.Sprintf("%d.%d@%d", x.output, x.extent, x.at))
			}
			frames = append(frames, strings.Join(names, " "))
		}
		all = append(all, fmt.Sprintf("%d:%d-%d [%s] %d", r.Pack, r.First, r.End, strings.Join(frames, " | "), r.Bytes))
	}
	return all
}

func TestPlan(t *testing.T) {
	three := &snapshot.Manifest{
		Packs:   []snapshot.Pack{pack(10, 20, 30)},
		Outputs: []snapshot.Output{output(1, 100, 0, 0), output(2, 200, 0, 1), output(3, 300, 0, 2)},
		Actions: []snapshot.Action{action(11, 0), action(12, 1), action(13, 1), action(14, 2)},
	}
	for name, c := range map[string]struct {
		m        *snapshot.Manifest
		here     State
		partSize int64
		reads    []string
		ready    []int32
		present  int
		bytes    int64
	}{
		"no snapshot": {m: new(snapshot.Manifest), here: local(nil)},
		"nothing here": {
			m: three, here: local(nil), reads: []string{"0:0-3 [0.0@0 | 1.0@0 | 2.0@0] 60"}, bytes: 600,
		},
		"all here": {
			m: three, present: 4,
			here: local([]buildcache.Output{{ID: contenttest.ID(1), Size: 100}, {ID: contenttest.ID(2), Size: 200}, {ID: contenttest.ID(3), Size: 300}},
				entry(11, 1), entry(12, 2), entry(13, 2), entry(14, 3)),
		},
		"one action of two": {
			// outputs in the cache only need their entries
			m: three, present: 1, ready: []int32{0, 2, 3},
			here: local([]buildcache.Output{{ID: contenttest.ID(1), Size: 100}, {ID: contenttest.ID(2), Size: 200}, {ID: contenttest.ID(3), Size: 300}},
				entry(12, 2)),
		},
		"outputs without entries": {
			m: three, ready: []int32{0, 1, 2, 3},
			here: local([]buildcache.Output{{ID: contenttest.ID(1), Size: 100}, {ID: contenttest.ID(2), Size: 200}, {ID: contenttest.ID(3), Size: 300}}),
		},
		"output of another size": {
			m: three, present: 3, reads: []string{"0:1-2 [1.0@0] 20"}, bytes: 200,
			here: local([]buildcache.Output{{ID: contenttest.ID(1), Size: 100}, {ID: contenttest.ID(2), Size: 199}, {ID: contenttest.ID(3), Size: 300}},
				entry(11, 1), entry(13, 9), entry(14, 3)),
		},
		"a file where a program should be": {
			m: &snapshot.Manifest{
				Packs:   []snapshot.Pack{pack(10)},
				Outputs: []snapshot.Output{{ID: contenttest.ID(1), Size: 100, Exec: "vet", Extents: []snapshot.Extent{{Len: 100}}}},
				Actions: []snapshot.Action{action(11, 0)},
			},
			here: local([]buildcache.Output{{ID: contenttest.ID(1), Size: 100}}), reads: []string{"0:0-1 [0.0@0] 10"}, bytes: 100,
		},
		"an entry of our own stays": {
			// entries that the go command made are never older than the snapshot
			m: three, present: 4, here: local(nil, entry(11, 8), entry(12, 8), entry(13, 8), entry(14, 8)),
		},
		"output that no action needs": {
			m: &snapshot.Manifest{
				Packs:   []snapshot.Pack{pack(10, 20)},
				Outputs: []snapshot.Output{output(1, 100, 0, 0), output(2, 200, 0, 1)},
				Actions: []snapshot.Action{action(12, 1)},
			},
			here: local(nil), reads: []string{"0:1-2 [1.0@0] 20"}, bytes: 200,
		},
		"parts": {
			m: three, here: local(nil), partSize: 25, reads: []string{"0:0-2 [0.0@0 | 1.0@0] 30", "0:2-3 [2.0@0] 30"}, bytes: 600,
		},
		"parts of one frame": {
			m: three, here: local(nil), partSize: 1, reads: []string{"0:0-1 [0.0@0] 10", "0:1-2 [1.0@0] 20", "0:2-3 [2.0@0] 30"}, bytes: 600,
		},
	} {
		partSize := c.partSize
		if partSize == 0 {
			partSize = 1 << 20
		}
		p := Plan(c.m, c.here, partSize)
		if got := reads(p.Reads, &p.refs); !slices.Equal(got, c.reads) {
			t.Errorf("%s: reads are %q, want %q", name, got, c.reads)
		}
		s := p.Summary()
		if !slices.Equal(p.Ready, c.ready) || p.Present != c.present || s.Known.Counts.Present != c.present || s.Bytes != c.bytes {
			t.Errorf("%s: ready %v, %d present, %d bytes; want %v, %d, %d", name, p.Ready, p.Present, s.Bytes, c.ready, c.present, c.bytes)
		}
		if s.Fetch != len(c.m.Actions)-c.present {
			t.Errorf("%s: %d to fetch", name, s.Fetch)
		}
	}
}

// TestRefs: an output that is needed is found in every frame that has bytes of it, and a frame that
// has bytes of several outputs is read once.
func TestRefs(t *testing.T) {
	m := &snapshot.Manifest{
		Packs: []snapshot.Pack{pack(10, 20, 30), pack(40, 50)},
		Outputs: []snapshot.Output{
			{ID: contenttest.ID(9)}, // empty
			spread(1, snapshot.Extent{Len: 100}, snapshot.Extent{Pack: 1, Off: 7, Len: 20}, snapshot.Extent{Off: 50, Len: 3}),
			spread(2, snapshot.Extent{Len: 100}, snapshot.Extent{Frame: 1, Off: 5, Len: 200}),
			spread(3, snapshot.Extent{Pack: 1, Off: 7, Len: 20}, snapshot.Extent{Len: 9}),
		},
	}
	for name, c := range map[string]struct {
		needed []bool
		want   []string
	}{
		"all":        {[]bool{true, true, true, true}, []string{"0:0-2 [1.0@0 1.2@120 2.0@0 3.1@20 | 2.1@100] 30", "1:0-1 [1.1@100 3.0@0] 40"}},
		"first":      {[]bool{false, true, false, false}, []string{"0:0-1 [1.0@0 1.2@120] 10", "1:0-1 [1.1@100] 40"}},
		"last":       {[]bool{false, false, false, true}, []string{"0:0-1 [3.1@20] 10", "1:0-1 [3.0@0] 40"}},
		"only empty": {[]bool{true, false, false, false}, nil},
	} {
		p := indexRefs(m, c.needed)
		if got := reads(groupReads(m, &p, 1<<20), &p); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%q\n%q", name, got, c.want)
		}
	}
}

// TestFirstOutput: the extents of one frame are handled output by output.
func TestFirstOutput(t *testing.T) {
	list := []ref{{output: 1}, {output: 1, extent: 2}, {output: 4}, {output: 5}, {output: 5, extent: 1}}
	var sizes []int
	for len(list) > 0 {
		var one []ref
		one, list = firstOutput(list)
		sizes = append(sizes, len(one))
	}
	if !slices.Equal(sizes, []int{2, 1, 2}) {
		t.Errorf("%v", sizes)
	}
}

// TestGroupReads: a read includes a gap if that is cheaper than another request, and it includes no
// frame after the last one needed, such as the list of chunks.
func TestGroupReads(t *testing.T) {
	big := int64(maxGap + 1)
	m := &snapshot.Manifest{
		Packs: []snapshot.Pack{pack(10, 10, big, 10, 10, 10, 10), pack(10, 10)},
		Outputs: []snapshot.Output{
			output(1, 500, 0, 0),
			spread(2, snapshot.Extent{Off: 600, Len: 300}), // in the same frame
			output(3, 100, 0, 1),                           // not wanted below
			output(4, 100, 0, 2),                           // a gap that is too large
			spread(5, snapshot.Extent{Frame: 3, Off: 100, Len: 900}, snapshot.Extent{Frame: 4, Len: 1000}, snapshot.Extent{Frame: 5, Len: 600}),
			output(6, 100, 1, 0), // in another pack
		},
	}
	head, mid, tail := "0.0@0 1.0@0", "2.0@0", "4.0@0 | 4.1@900 | 4.2@1900"
	for name, c := range map[string]struct {
		without  []int
		partSize int64
		want     []string
	}{
		"all": {nil, 1 << 30, []string{
			fmt.Sprintf("0:0-6 [%s | %s | 3.0@0 | %s] %d", head, mid, tail, big+50), "1:0-1 [5.0@0] 10",
		}},
		"small gap": {[]int{2}, 1 << 30, []string{
			fmt.Sprintf("0:0-6 [%s |  | 3.0@0 | %s] %d", head, tail, big+50), "1:0-1 [5.0@0] 10",
		}},
		"large gap": {[]int{2, 3}, 1 << 30, []string{"0:0-1 [" + head + "] 10", "0:3-6 [" + tail + "] 30", "1:0-1 [5.0@0] 10"}},
		"small parts": {nil, 15, []string{
			"0:0-2 [" + head + " | " + mid + "] 20", fmt.Sprintf("0:2-3 [3.0@0] %d", big),
			"0:3-5 [4.0@0 | 4.1@900] 20", "0:5-6 [4.2@1900] 10", "1:0-1 [5.0@0] 10",
		}},
		"none": {[]int{0, 1, 2, 3, 4, 5}, 1 << 30, nil},
	} {
		needed := make([]bool, len(m.Outputs))
		for i := range needed {
			needed[i] = !slices.Contains(c.without, i)
		}
		p := indexRefs(m, needed)
		if got := reads(groupReads(m, &p, c.partSize), &p); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n%q\n%q", name, got, c.want)
		}
	}
}

// TestReadBytes: there are enough reads for all cores, but none of a few bytes, and none of more
// than the user wants.
func TestReadBytes(t *testing.T) {
	for _, c := range []struct{ stored, partSize, want int64 }{
		{0, 16 << 20, leastRead},
		{someReads * leastRead, 16 << 20, leastRead},
		{someReads * 3 << 20, 16 << 20, 3 << 20},
		{1 << 30, 16 << 20, 16 << 20},
		{1 << 30, 500, 500},
		{0, 500, 500},
	} {
		if got := readBytes(c.stored, c.partSize); got != c.want {
			t.Errorf("%d of parts of %d: %d, want %d", c.stored, c.partSize, got, c.want)
		}
	}
}

// TestStored: frames that nothing is wanted of do not count, as the list of chunks.
func TestStored(t *testing.T) {
	m := &snapshot.Manifest{
		Packs:   []snapshot.Pack{pack(10, 20, 40), pack(80, 160)},
		Outputs: []snapshot.Output{output(1, 100, 0, 0), output(2, 100, 0, 2), output(3, 100, 1, 0)},
	}
	p := indexRefs(m, []bool{true, false, true})
	if got := p.stored(m); got != 90 {
		t.Errorf("%d stored bytes are needed, want 90", got)
	}
}

// TestSummary: each pack is named once, and outputs and entries count as files.
func TestSummary(t *testing.T) {
	m := &snapshot.Manifest{
		Packs: []snapshot.Pack{pack(10, 10), pack(10)},
		Outputs: []snapshot.Output{
			output(1, 100, 0, 0), output(2, 100, 0, 1), spread(3, snapshot.Extent{Frame: 1, Len: 40}, snapshot.Extent{Pack: 1, Len: 60}),
		},
		Actions: []snapshot.Action{action(11, 0), action(12, 0), action(13, 1), action(14, 2)},
	}
	s := Plan(m, local(nil), 5).Summary()
	if !slices.Equal(s.Packs, []int{0, 1}) || s.Files != 7 || s.Stored != 30 || s.Bytes != 300 || s.Unlisted != 0 {
		t.Errorf("%+v", s)
	}
}

// TestPlanWarns: a plan warns about problems in the cache, but names only a few of them.
func TestPlanWarns(t *testing.T) {
	here := local(nil)
	here.Wrong = []buildcache.Output{{ID: contenttest.ID(1)}}
	for i := range 5 {
		here.Inventory.Unread = append(here.Inventory.Unread, fmt.Errorf("directory %02d: %w", i, errors.New("denied")))
	}
	p := Plan(new(snapshot.Manifest), here, 1)
	want := []string{
		"build cache: what lies there is not known: directory 00: denied",
		"build cache: what lies there is not known: directory 01: denied",
		"build cache: what lies there is not known: directory 02: denied",
		"and 2 more directories of the build cache",
		"build output " + contenttest.ID(1).String() + " is not what it is named by, and goes",
	}
	if got := p.Summary().Known.Warnings; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestActionIndex: the index has only the wanted actions.
func TestActionIndex(t *testing.T) {
	m := &snapshot.Manifest{
		Outputs: make([]snapshot.Output, 3),
		Actions: []snapshot.Action{action(1, 2), action(2, 0), action(3, 2), action(4, 2)},
	}
	idx := indexActions(m, []bool{true, false, true, true})
	for i, want := range [][]int32{{}, {}, {0, 2, 3}} {
		if got := idx.of(i); !slices.Equal(got, want) {
			t.Errorf("output %d: %v, want %v", i, got, want)
		}
	}
}
