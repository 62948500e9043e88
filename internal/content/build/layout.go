package build

import (
	"cmp"
	"slices"
	"sort"

	"github.com/org/gocache-action/internal/chunk"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/snapshot"
)

// An output whose parts lie in very many places takes long to restore, and with every save there
// are more of them. So of each MiB at most maxRuns parts are taken from packs of earlier saves, the
// longest ones; the rest is stored once more, beside its neighbours. (Capping: Lillibridge et al.,
// FAST 2013.) Of what is shorter than a MiB, there can be fewer, down to leastRuns.
const (
	cappedBytes = 1 << 20
	maxRuns     = 48
	leastRuns   = 4
)

// maxReach bounds how far one looks ahead to choose between several places of a chunk.
const maxReach = 16

// layout says where outputs lie in the packs of earlier saves, and in those that are to be made. It
// does not change once it is made, but for unfit.
type layout struct {
	stock   stockPacks
	cuts    *cuts // without an index of its table
	outputs []laid
	read    int               // of outputs: those that were read, which come first
	extents []snapshot.Extent // Pack is an index into packs of stock, then into jobs
	jobs    []packPlan
	unfit   unfit
	warn    collect.Warn
}

// laid is where an output lies: its index in the inventory, and its part of extents.
type laid struct{ index, first, count int32 }

// packPlan is a pack that is to be made.
type packPlan struct {
	pieces []freshChunk
	proven int // of pieces: those of outputs that have been read just now, which come first
	raw    int64
	frames []int64 // their raw bytes
	spot   snapshot.Spot
}

// has reports whether a pack that was made is the one that was planned: all extents in it rest on
// that.
func (p *packPlan) has(made snapshot.Pack) bool {
	return made.Raw == p.raw && made.Chunks == len(p.pieces) &&
		slices.EqualFunc(made.Content(), p.frames, func(f snapshot.Frame, raw int64) bool { return f.Raw == raw })
}

// inFrame adds bytes to a frame of a list that has the raw bytes of each.
func inFrame(frames []int64, frame, size int32) []int64 {
	if int(frame) == len(frames) {
		frames = append(frames, 0)
	}
	frames[frame] += int64(size)
	return frames
}

// freshChunk is a chunk of a packPlan, and where it can be read.
type freshChunk struct {
	off   int64 // in the output
	index int32 // of the output, in the inventory
	chunk int32 // number of its entry
}

const pieceBytes = 16

// chunkRoom is what a chunk takes in the memory of a pack that is built, beside its bytes: up to 27
// in the list, as many where that is stored, since hashes do not compress, and what the memory of a
// list has to spare.
const chunkRoom = 64

// layouter makes a layout.
type layouter struct {
	*layout
	table  *chunkTable
	first  []int32 // of each pack, those of jobs behind those of the stock, its first frame
	chosen []place // of the chunks that are looked at
	runs   []run   // of them
	unread bool    // those that were not read are being laid out
	pack   int64   // bytes of memory that a pack may take
}

// run is a number of chunks that lie one after the other in a pack of an earlier save.
type run struct {
	first, count int32
	bytes        int32
}

// layOut decides where all chunks lie. Each is taken from a pack of an earlier save or from an
// earlier place of this one, else it is new, and follows the last new one. It adds places to the
// table, which must not be used for anything else afterwards. Outputs that were not read come last:
// nothing proves their files, so what others have in common with them must not be taken from there.
func layOut(c *cuts, stock stockPacks, warn collect.Warn) *layout {
	l := layouter{layout: &layout{stock: stock, cuts: c, warn: warn}, table: c.table, pack: packBytes(c.table.fresh())}
	l.first = slices.Clone(stock.first[:len(stock.packs)])
	for _, l.unread = range []bool{false, true} {
		for _, o := range c.outputs {
			if o.count >= 0 && o.unread == l.unread {
				l.output(o)
			}
		}
		if !l.unread {
			l.read = len(l.outputs)
		}
	}
	c.refs, c.table.slots = nil, nil
	return l.layout
}

// output lays out one output, a MiB after the other.
func (l *layouter) output(o outputCuts) {
	begin := len(l.extents)
	var off int64
	prev := newPlace(nowhere, 0, 1)
	for refs := l.cuts.chunks(o); len(refs) > 0; {
		n, size := l.choose(refs, prev)
		l.cap(size)
		for i, ref := range refs[:n] {
			prev = l.place(refs[i:n], l.chosen[i], prev, freshChunk{off, o.index, ref})
			l.extend(begin, prev)
			off += int64(prev.size())
		}
		refs = refs[n:]
	}
	l.outputs = append(l.outputs, laid{o.index, int32(begin), int32(len(l.extents) - begin)})
}

// choose finds where the first chunks lie that together have a MiB, behind what lies at prev, and
// returns how many and how long they are.
func (l *layouter) choose(refs []int32, prev place) (n int, size int32) {
	l.chosen, l.runs = l.chosen[:0], l.runs[:0]
	for n < len(refs) && size < cappedBytes {
		p := l.find(refs[n:], prev, 0)
		if l.isStock(p) && !(p.follows(prev) && len(l.runs) > 0) {
			l.runs = append(l.runs, run{first: int32(n)})
		}
		if l.isStock(p) {
			r := &l.runs[len(l.runs)-1]
			r.count++
			r.bytes += p.size()
		}
		l.chosen = append(l.chosen, p)
		size += p.size()
		prev = p
		n++
	}
	return n, size
}

// cap gives up the shortest of too many runs.
func (l *layouter) cap(size int32) {
	n := max(leastRuns, int(int64(size)*maxRuns/cappedBytes))
	if len(l.runs) <= n {
		return
	}
	slices.SortFunc(l.runs, func(a, b run) int {
		return cmp.Or(cmp.Compare(b.bytes, a.bytes), cmp.Compare(a.first, b.first))
	})
	for _, r := range l.runs[n:] {
		for i := r.first; i < r.first+r.count; i++ {
			l.chosen[i] = newPlace(nowhere, 0, l.chosen[i].size())
		}
	}
}

// find returns a place of the first of some chunks, in a frame from from on: one that follows prev,
// else that which most of the other chunks follow, else the first.
func (l *layouter) find(refs []int32, prev place, from int32) place {
	best, reach := newPlace(nowhere, 0, l.table.entry(refs[0]).at.size()), -1
	l.table.others(refs[0], func(p place) bool {
		if p.isNowhere() || p.frame() < from {
			return true
		}
		if p.follows(prev) {
			best = p
			return false
		}
		if n := l.reach(refs, p); n > reach {
			best, reach = p, n
		}
		return true
	})
	return best
}

// reach is how many chunks follow the first one where that lies at p. Where no chunk lies at two
// places, it is 0, as there is nothing to compare.
func (l *layouter) reach(refs []int32, p place) (n int) {
	for _, ref := range refs[1:min(len(refs), maxReach)] {
		found := false
		if l.table.twice {
			l.table.others(ref, func(q place) bool {
				if found = !q.isNowhere() && q.follows(p); found {
					p = q
				}
				return !found
			})
		}
		if !found {
			break
		}
		n++
	}
	return n
}

// isStock reports whether a place lies in a pack of an earlier save.
func (l *layouter) isStock(p place) bool { return p.frame() < l.stock.frames() }

// place decides on the place of the first of some chunks, given what was chosen. If that is none,
// it is one in a pack of this save, which the chunk may have got since, else a new one.
func (l *layouter) place(refs []int32, chosen, prev place, at freshChunk) place {
	if !chosen.isNowhere() {
		return chosen
	}
	if p := l.find(refs, prev, l.stock.frames()); !p.isNowhere() {
		return p
	}
	p := l.append(chosen.size(), at)
	l.table.add(l.table.entry(at.chunk).sum, p)
	return p
}

// append puts a new chunk at the end of the last pack, or into another one.
func (l *layouter) append(size int32, at freshChunk) place {
	last := len(l.jobs) - 1
	if last < 0 || l.jobs[last].isFull(size, l.pack) {
		next := l.stock.frames()
		if last >= 0 {
			next = l.first[len(l.first)-1] + int32(len(l.jobs[last].frames))
		}
		l.first = append(l.first, next)
		l.jobs = append(l.jobs, packPlan{})
		last++
	}
	j := &l.jobs[last]
	frame, off := j.spot.Place(int(size))
	j.frames = inFrame(j.frames, frame, size)
	j.raw += int64(size)
	j.pieces = append(j.pieces, at)
	if !l.unread {
		j.proven++
	}
	return newPlace(l.first[len(l.first)-1]+frame, off, size)
}

// A pack is encoded by one core, and a small one is decoded by one. So that the others have
// something to do, a save makes somePacks at least, unless they would take less than leastPack
// bytes each: smaller frames compress worse.
const (
	somePacks = 8
	leastPack = 6 << 20
)

// packBytes is how many bytes of memory a pack may take when all together take so many. A pack is
// ended by the first chunk that does not fit.
func packBytes(fresh int64) int64 {
	return min(max(fresh/somePacks+chunk.Max+chunkRoom, leastPack), collect.GroupBytes)
}

// isFull reports whether a chunk must go to another pack than one that may take so many bytes.
func (p *packPlan) isFull(size int32, most int64) bool {
	return p.memory()+int64(size)+chunkRoom > most || len(p.pieces) == snapshot.MaxPackChunks
}

// memory is what the pack takes at most while it is built.
func (p *packPlan) memory() int64 { return p.raw + chunkRoom*int64(len(p.pieces)) }

// extend adds what lies at a place to the extents of the output whose first one is begin.
func (l *layouter) extend(begin int, p place) {
	pack := sort.Search(len(l.first), func(i int) bool { return l.first[i] > p.frame() }) - 1
	e := snapshot.Extent{Pack: int32(pack), Frame: p.frame() - l.first[pack], Off: p.off(), Len: p.size()}
	if n := len(l.extents); n > begin {
		if last := &l.extents[n-1]; last.Pack == e.Pack && last.Frame == e.Frame && last.Off+last.Len == e.Off {
			last.Len += e.Len
			return
		}
	}
	l.extents = append(l.extents, e)
}

// memory is how many bytes the layout takes.
func (l *layout) memory() int64 {
	n := l.cuts.table.memory() + l.cuts.tags.memory() + int64(12*len(l.outputs)+16*cap(l.extents)+16*len(l.cuts.outputs))
	for _, j := range l.jobs {
		n += int64(pieceBytes * cap(j.pieces))
	}
	return n
}
