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
	// placed says where in packs the outputs of inv lie, with the same indices; nil: nowhere yet
	placed []placed
	packs  []snapshot.Pack // that this save made of outputs
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

// placed is where this save put an output. The zero value is nowhere.
type placed struct {
	pack       int32 // 1 + index into packs
	frame, off int32
}

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

// uploaded returns an output that this save packed, and its pack.
func (l Local) uploaded(id digest.ID) (o snapshot.Output, pack *snapshot.Pack, ok bool) {
	if l.placed == nil {
		return o, pack, false
	}
	i, ok := l.find(id)
	if !ok || l.placed[i].pack == 0 {
		return o, pack, false
	}
	here, p := &l.inv.Outputs[i], l.placed[i]
	o = snapshot.Output{ID: id, Size: here.Size, Frame: int(p.frame), Off: int64(p.off), Exec: here.Exec}
	return o, &l.packs[p.pack-1], true
}

// With implements collect.Kind.
func (l Local) With(done []collect.Outcome) collect.Kind {
	cloned := false
	for _, d := range done {
		w, ok := d.Of.(written)
		if !ok || d.Object == "" {
			continue
		}
		if !cloned {
			cloned = true
			l.packs = slices.Clone(l.packs)
			if l.placed = slices.Clone(l.placed); l.placed == nil {
				l.placed = make([]placed, len(l.inv.Outputs))
			}
		}
		l.packs = append(l.packs, d.Pack)
		for n, i := range w.outputs {
			l.placed[i] = placed{int32(len(l.packs)), w.frames[n].frame, w.frames[n].off}
		}
	}
	return l
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
		if p.pack > 0 && lost[p.pack-1] {
			l.placed[i] = placed{}
		}
	}
	return l
}
