package snapshot

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/idindex"
)

// Builder assembles a manifest from entries of other manifests and from new
// packs, and brings it to its one canonical order. Not safe for concurrent use.
type Builder struct {
	packs   []Pack
	byName  map[string]int
	outputs []Output
	index   *idindex.Index // of outputs
	actions []Action
	arena   arena // of extents
	trees   []Tree
	paths   map[string][]PathFile
}

// NewBuilder returns an empty Builder.
func NewBuilder() *Builder {
	b := &Builder{byName: map[string]int{}}
	b.Expect(0)
	return b
}

// Expect makes room for n actions and as many outputs, where many are coming. It is called before
// any is added.
func (b *Builder) Expect(n int) {
	b.outputs, b.actions = make([]Output, 0, n), make([]Action, 0, n)
	b.index = idindex.New(n, func(i int32) *digest.ID { return &b.outputs[i].ID })
}

// AddPack adds a pack, once, and returns its index for AddOutput and AddTree.
func (b *Builder) AddPack(p Pack) int {
	if i, ok := b.byName[p.Object]; ok {
		return i
	}
	b.byName[p.Object] = len(b.packs)
	b.packs = append(b.packs, p)
	return len(b.packs) - 1
}

// AddOutput adds an output whose extents have a Pack that AddPack returned; they are copied. The
// first location of an output wins.
func (b *Builder) AddOutput(o Output) { b.addOutput(o, nil) }

// AddOutputOf adds an output of another manifest, and its packs.
func (b *Builder) AddOutputOf(m *Manifest, o Output) { b.addOutput(o, m) }

func (b *Builder) addOutput(o Output, of *Manifest) {
	b.outputs = append(b.outputs, o)
	if _, added := b.index.Add(int32(len(b.outputs) - 1)); !added {
		b.outputs = b.outputs[:len(b.outputs)-1]
		return
	}
	extents := b.arena.take(len(o.Extents))
	for i, e := range o.Extents {
		if of != nil && (i == 0 || e.Pack != o.Extents[i-1].Pack) {
			e.Pack = int32(b.AddPack(of.Packs[e.Pack]))
		} else if of != nil {
			e.Pack = extents[i-1].Pack
		}
		extents[i] = e
	}
	b.outputs[len(b.outputs)-1].Extents = extents
}

// Has reports whether the output was added.
func (b *Builder) Has(id digest.ID) bool { _, ok := b.index.Find(&id); return ok }

// AddAction adds an action whose output was added before; each ID once.
// It reports false, and adds nothing, when there is no such output.
func (b *Builder) AddAction(id, output digest.ID, time, lastUse int64) bool {
	i, ok := b.index.Find(&output)
	if ok {
		b.actions = append(b.actions, Action{ID: id, Output: int(i), Time: time, LastUse: lastUse})
	}
	return ok
}

// AddTree adds a tree whose Pack is an index that AddPack returned.
func (b *Builder) AddTree(t Tree) { b.trees = append(b.trees, t) }

// Build moves the tables into m: only outputs that an action needs and packs
// that something needs, in canonical order. The Builder must not be used afterwards.
func (b *Builder) Build(m *Manifest) {
	slices.SortFunc(b.actions, func(x, y Action) int { return bytes.Compare(x.ID[:], y.ID[:]) })
	usedOut := make([]bool, len(b.outputs))
	for _, a := range b.actions {
		usedOut[a.Output] = true
	}
	packMap := b.keepPacks(usedOut)
	m.Packs, m.Actions, m.Trees, m.Paths = b.packs, b.actions, b.trees, b.buildPaths(packMap)
	m.Outputs = b.sortOutputs(usedOut, packMap)
	for i := range m.Trees {
		m.Trees[i].Pack = packMap[m.Trees[i].Pack]
	}
	slices.SortFunc(m.Trees, func(x, y Tree) int { return cmp.Compare(x.Name, y.Name) })
}

// sortOutputs brings the outputs that are used into their order, and the actions to the new
// indices. All that is done in place: a second list of a million outputs would be 80 MB.
func (b *Builder) sortOutputs(used []bool, packMap []int) []Output {
	kept, index := b.outputs[:0], make([]int32, len(b.outputs))
	for i, o := range b.outputs {
		if used[i] {
			index[i] = int32(len(kept))
			for n := range o.Extents {
				o.Extents[n].Pack = int32(packMap[o.Extents[n].Pack])
			}
			kept = append(kept, o)
		}
	}
	order := make([]int32, len(kept))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(x, y int32) int { return compareOutputs(&kept[x], &kept[y]) })
	rank := make([]int32, len(kept))
	for n, i := range order {
		rank[i] = int32(n)
	}
	for i := range b.actions {
		b.actions[i].Output = int(rank[index[b.actions[i].Output]])
	}
	permute(kept, order)
	b.index = nil // what it knows does not hold any more
	return kept
}

// permute moves to each place what lies at the index that order has for it. It uses order up.
func permute[T any](list []T, order []int32) {
	for i := range order {
		if order[i] < 0 {
			continue
		}
		first := list[i]
		to := i
		for order[to] != int32(i) {
			from := order[to]
			list[to], order[to] = list[from], -1
			to = int(from)
		}
		list[to], order[to] = first, -1
	}
}

// keepPacks drops packs that nothing needs, sorts the rest by name, and returns their new indices.
func (b *Builder) keepPacks(usedOut []bool) []int {
	used := make([]bool, len(b.packs))
	for i, o := range b.outputs {
		for _, e := range o.Extents {
			used[e.Pack] = used[e.Pack] || usedOut[i]
		}
	}
	for _, t := range b.trees {
		used[t.Pack] = true
	}
	for _, files := range b.paths {
		for _, f := range files {
			used[f.Pack] = true
		}
	}
	var order []int
	for i := range b.packs {
		if used[i] {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(x, y int) int { return cmp.Compare(b.packs[x].Object, b.packs[y].Object) })
	packMap := make([]int, len(b.packs))
	kept := make([]Pack, len(order))
	for n, i := range order {
		packMap[i], kept[n] = n, b.packs[i]
	}
	b.packs = kept
	return packMap
}

func compareOutputs(x, y *Output) int {
	return cmp.Or(comparePlaces(x, y), bytes.Compare(x.ID[:], y.ID[:]))
}

// comparePlaces compares where two outputs begin. Empty ones come first.
func comparePlaces(x, y *Output) int {
	if len(x.Extents) == 0 || len(y.Extents) == 0 {
		return cmp.Compare(min(len(x.Extents), 1), min(len(y.Extents), 1))
	}
	a, b := x.Extents[0], y.Extents[0]
	return cmp.Or(cmp.Compare(a.Pack, b.Pack), cmp.Compare(a.Frame, b.Frame), cmp.Compare(a.Off, b.Off))
}
