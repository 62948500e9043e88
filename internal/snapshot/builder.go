package snapshot

import (
	"bytes"
	"cmp"
	"slices"
)

// Builder assembles a manifest from entries of other manifests and from new
// packs, and brings it to its one canonical order. Not safe for concurrent use.
type Builder struct {
	packs   []Pack
	byName  map[string]int
	outputs []Output
	byID    map[ID]int32
	actions []Action
	trees   []Tree
	paths   map[string][]PathFile
}

// NewBuilder returns an empty Builder.
func NewBuilder() *Builder {
	return &Builder{byName: map[string]int{}, byID: map[ID]int32{}}
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

// AddOutput adds an output whose Pack is an index that AddPack returned. The
// first location of an output wins.
func (b *Builder) AddOutput(o Output) {
	if _, ok := b.byID[o.ID]; !ok {
		b.byID[o.ID] = int32(len(b.outputs))
		b.outputs = append(b.outputs, o)
	}
}

// Has reports whether the output was added.
func (b *Builder) Has(id ID) bool { _, ok := b.byID[id]; return ok }

// AddAction adds an action whose output was added before; each ID once.
// It reports false, and adds nothing, when there is no such output.
func (b *Builder) AddAction(id, output ID, time, lastUse int64) bool {
	i, ok := b.byID[output]
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
	order := make([]int, 0, len(b.outputs))
	for i, used := range usedOut {
		if used {
			b.outputs[i].Pack = packMap[b.outputs[i].Pack]
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(x, y int) int { return compareOutputs(b.outputs[x], b.outputs[y]) })
	m.Outputs = make([]Output, len(order))
	newIndex := make([]int32, len(b.outputs))
	for n, i := range order {
		m.Outputs[n] = b.outputs[i]
		newIndex[i] = int32(n)
	}
	for i := range m.Actions {
		m.Actions[i].Output = int(newIndex[m.Actions[i].Output])
	}
	for i := range m.Trees {
		m.Trees[i].Pack = packMap[m.Trees[i].Pack]
	}
	slices.SortFunc(m.Trees, func(x, y Tree) int { return cmp.Compare(x.Name, y.Name) })
}

// keepPacks drops packs that nothing needs, sorts the rest by name, and returns their new indices.
func (b *Builder) keepPacks(usedOut []bool) []int {
	used := make([]bool, len(b.packs))
	for i, o := range b.outputs {
		used[o.Pack] = used[o.Pack] || usedOut[i]
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

func compareOutputs(x, y Output) int {
	return cmp.Or(cmp.Compare(x.Pack, y.Pack), cmp.Compare(x.Frame, y.Frame), cmp.Compare(x.Off, y.Off), bytes.Compare(x.ID[:], y.ID[:]))
}
