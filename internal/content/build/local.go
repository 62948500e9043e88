package build

import (
	"slices"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
)

// Local is the build cache of this machine, and where this save has put its outputs. It is a
// collect.Kind. The zero value is a cache that is not saved.
type Local struct {
	cache *buildcache.Cache
	inv   *buildcache.Inventory // without its entries, which are in list
	list  []localEntry          // sorted by action
	// placed says where the outputs of inv lie, with the same indices; nil: nowhere yet
	placed  []placed
	extents []snapshot.Extent // of all that are placed; Pack is an index into packs
	packs   []snapshot.Pack   // that this save made, and those of earlier ones that it uses
	cutter  cutFunc           // nil: outputs are read from the cache
}

// New returns the build cache that has this inventory, whose entries it takes over. lastUse says
// when an entry was used last, in Unix seconds.
func New(cache *buildcache.Cache, inv *buildcache.Inventory, lastUse func(buildcache.Local) int64) Local {
	l := Local{cache: cache, inv: inv, list: make([]localEntry, len(inv.Entries))}
	for i, e := range inv.Entries {
		output, _ := inv.Find(e.Output) // it is there, else the scan had dropped the entry
		l.list[i] = localEntry{e.Action, e.Time, lastUse(e), int32(output)}
	}
	inv.Entries = nil // the list has all that is needed from here on
	return l
}

// localEntry is what of an entry does not stand in the inventory's list of outputs.
type localEntry struct {
	action        digest.ID
	time, lastUse int64
	output        int32 // index into Outputs of the inventory
}

// placed is where this save put an output: a part of extents. The zero value is nowhere.
type placed struct{ first, count int32 }

// Len is how many entries are here.
func (l Local) Len() int { return len(l.list) }

// Outputs is how many outputs are here, also those that no entry names.
func (l Local) Outputs() int {
	if l.inv == nil {
		return 0
	}
	return len(l.inv.Outputs)
}

func (l Local) at(i int) record {
	e := &l.list[i]
	o := &l.inv.Outputs[e.output]
	return record{e.action, o.ID, o.Size, e.time, e.lastUse, o.Exec}
}

// find returns the index of an output in the inventory.
func (l Local) find(id digest.ID) (int32, bool) {
	if l.inv == nil {
		return 0, false
	}
	i, ok := l.inv.Find(id)
	return int32(i), ok
}

// Placed reports whether this save has put an output into packs.
func (l Local) Placed(id digest.ID) bool { _, ok := l.uploaded(id); return ok }

// uploaded returns an output that this save has placed, with extents in packs.
func (l Local) uploaded(id digest.ID) (o snapshot.Output, ok bool) {
	if l.placed == nil {
		return o, false
	}
	i, ok := l.find(id)
	if !ok || l.placed[i].count == 0 {
		return o, false
	}
	here, p := &l.inv.Outputs[i], l.placed[i]
	return snapshot.Output{ID: id, Size: here.Size, Exec: here.Exec, Extents: l.extents[p.first : p.first+p.count]}, true
}

// With implements collect.Kind. An output is placed if all packs that it lies in were made, as they
// were planned.
func (l Local) With(done []collect.Outcome) collect.Kind {
	for _, d := range done {
		if lay, ok := d.Of.(*layout); ok {
			l = l.with(lay, done)
		}
	}
	return l
}

// with adds the outputs of a layout.
func (l Local) with(lay *layout, done []collect.Outcome) Local {
	l.packs, l.extents = slices.Clone(l.packs), slices.Clone(l.extents)
	if l.placed = slices.Clone(l.placed); l.placed == nil {
		l.placed = make([]placed, len(l.inv.Outputs))
	}
	made := lay.made(done)
	used := make([]int32, len(made.packs)) // 1 + index into packs of l
	var lost []int32
	for n, o := range lay.outputs {
		list := lay.extents[o.first : o.first+o.count]
		if o.count == 0 || bytesOf(list) != l.inv.Outputs[o.index].Size || !made.has(list) {
			continue
		}
		if made.hasLost(list) {
			if n < lay.read { // the others stay where they are stored
				lost = append(lost, o.index)
			}
			continue
		}
		l.placed[o.index] = placed{int32(len(l.extents)), o.count}
		for _, e := range list {
			if used[e.Pack] == 0 {
				l.packs = append(l.packs, *made.packs[e.Pack])
				used[e.Pack] = int32(len(l.packs))
			}
			e.Pack = used[e.Pack] - 1
			l.extents = append(l.extents, e)
		}
	}
	lay.unfit.warnOthers(lost, lay.warn)
	return l
}

// size sums the bytes of outputs.
func (l Local) size(outputs []int32) (n int64) {
	for _, i := range outputs {
		n += l.inv.Outputs[i].Size
	}
	return n
}

// bytesOf sums up the bytes of extents.
func bytesOf(list []snapshot.Extent) (n int64) {
	for _, e := range list {
		n += int64(e.Len)
	}
	return n
}

// made are the packs that extents of a layout are in. Those that were not made, or not as
// they were planned, are nil.
type made struct {
	packs []*snapshot.Pack
	lost  map[int32][]snapshot.Extent // chunks of packs that could not be read again
}

func (lay *layout) made(done []collect.Outcome) made {
	m := made{make([]*snapshot.Pack, len(lay.stock.packs)+len(lay.jobs)), map[int32][]snapshot.Extent{}}
	for i := range lay.stock.packs {
		m.packs[i] = &lay.stock.packs[i]
	}
	for i := range done {
		if p, ok := done[i].Of.(packed); ok && p.lay == lay && done[i].Object != "" && lay.jobs[p.job].has(done[i].Pack) {
			n := len(lay.stock.packs) + p.job
			m.packs[n], m.lost[int32(n)] = &done[i].Pack, p.lost
		}
	}
	return m
}

// has reports whether all packs that extents lie in are there.
func (m made) has(list []snapshot.Extent) bool {
	return !slices.ContainsFunc(list, func(e snapshot.Extent) bool { return m.packs[e.Pack] == nil })
}

// hasLost reports whether extents have bytes that could not be read again.
func (m made) hasLost(list []snapshot.Extent) bool {
	return slices.ContainsFunc(list, func(e snapshot.Extent) bool {
		return slices.ContainsFunc(m.lost[e.Pack], func(x snapshot.Extent) bool {
			return x.Frame == e.Frame && x.Off < e.Off+e.Len && e.Off < x.Off+x.Len
		})
	})
}

// Without implements collect.Kind.
func (l Local) Without(gone func(object string) bool) collect.Kind {
	lost := make([]bool, len(l.packs))
	for i, p := range l.packs {
		lost[i] = gone(p.Object)
	}
	if !slices.Contains(lost, true) {
		return l
	}
	l.placed = slices.Clone(l.placed)
	for i, p := range l.placed {
		if slices.ContainsFunc(l.extents[p.first:p.first+p.count], func(e snapshot.Extent) bool { return lost[e.Pack] }) {
			l.placed[i] = placed{}
		}
	}
	return l
}
