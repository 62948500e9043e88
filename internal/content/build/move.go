package build

import (
	"cmp"
	"slices"
	"sort"

	"github.com/org/gocache-action/internal/snapshot"
)

// Packs with much that is dead are packed anew (collect.Repack). The outputs that have parts there
// need not be read for it: the lists of their packs tell of which chunks they consist. Only what
// lies in these packs is read, and proven by its hash in the list. An output of which the lists do
// not tell is read as a whole, as those that the store lacks, lest its packs stay for ever.

// movedOutput is an output that is stored and here, of which parts lie in packs that are packed
// anew.
type movedOutput struct {
	index  int32 // in the inventory
	number int32 // in the stock
	output *snapshot.Output
	of     *snapshot.Manifest
}

// split parts outputs that are moved from those that the store lacks. What lay together stays
// together.
func (k kept) split(missing []int32) (rest []int32, moved []movedOutput) {
	for _, i := range missing {
		n, ok := k.base.Stock.Find(&k.local.inv.Outputs[i].ID)
		if !ok {
			rest = append(rest, i)
			continue
		}
		o, m := k.base.Stock.At(n)
		moved = append(moved, movedOutput{i, n, o, m})
	}
	slices.SortFunc(moved, func(a, b movedOutput) int { return cmp.Compare(a.number, b.number) })
	return rest, moved
}

// packsOf lists the packs in which outputs lie, each once.
func packsOf(outputs []movedOutput) (list []snapshot.Pack) {
	seen := map[string]bool{}
	for _, o := range outputs {
		for _, e := range o.output.Extents {
			if p := &o.of.Packs[e.Pack]; !seen[p.Object] {
				seen[p.Object] = true
				list = append(list, *p)
			}
		}
	}
	return list
}

// moving finds the chunks of outputs that are moved.
type moving struct {
	outputs []movedOutput
	packs   map[string]int    // index by name
	chunks  [][][]listedChunk // of each pack and frame
}

// listedChunk is a chunk in a frame.
type listedChunk struct {
	entry int32 // its number in the table
	end   int32 // the offset behind it
}

const listedBytes = 8

func newMoving(stock stockPacks, outputs []movedOutput) *moving {
	m := &moving{outputs: outputs, packs: map[string]int{}, chunks: make([][][]listedChunk, len(stock.packs))}
	for i, p := range stock.packs {
		m.packs[p.Object] = i
	}
	return m
}

// keep notes the chunks of a pack.
func (m *moving) keep(t *chunkTable, pack int, list []snapshot.Chunk) {
	if len(m.outputs) == 0 {
		return
	}
	for _, c := range list {
		for len(m.chunks[pack]) <= int(c.Frame) {
			m.chunks[pack] = append(m.chunks[pack], nil)
		}
		frame := &m.chunks[pack][c.Frame]
		*frame = append(*frame, listedChunk{t.find(c.Sum, c.Len), c.Off + c.Len})
	}
}

// add notes the chunks of all outputs that are moved, which in c follow n others. It returns the
// numbers of those that have to be read, as a list could not be.
func (m *moving) add(c *cuts, n int) (unknown []int32) {
	for _, o := range m.outputs {
		first, ok := len(c.refs), true
		for _, e := range o.output.Extents {
			ok = ok && m.extent(c, o.of.Packs[e.Pack].Object, e)
		}
		if ok {
			c.outputs[n] = outputCuts{index: o.index, count: int32(len(c.refs) - first), first: uint32(first), unread: true}
		} else {
			c.refs = c.refs[:first]
			c.outputs[n] = outputCuts{index: o.index, count: -1}
			unknown = append(unknown, int32(n))
		}
		n++
	}
	m.chunks = nil
	return unknown
}

// extent adds the chunks of an extent, and reports whether it consists of whole ones.
func (m *moving) extent(c *cuts, object string, e snapshot.Extent) bool {
	pack, ok := m.packs[object]
	if !ok || int(e.Frame) >= len(m.chunks[pack]) {
		return false
	}
	list := m.chunks[pack][e.Frame]
	off, end := int32(0), e.Off+e.Len
	first := sort.Search(len(list), func(i int) bool { return list[i].end > e.Off })
	if first > 0 {
		off = list[first-1].end
	}
	if off != e.Off {
		return false // it begins within a chunk
	}
	for i := first; i < len(list) && off < end; i++ {
		c.refs = append(c.refs, list[i].entry)
		off = list[i].end
	}
	return off == end
}
