package build

import (
	"cmp"
	"slices"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/snapshot"
)

// LargeOutput is a build output, or several of one kind and name: the same package for other flags,
// other tests, or from an earlier version of its source.
type LargeOutput struct {
	Kind  string `json:"kind"`           // such as "package" or "test log"
	Name  string `json:"name,omitempty"` // none: the output does not tell
	Count int    `json:"count"`
	Bytes int64  `json:"bytes"`
}

// describedOutput is of how many outputs, the largest, a list is made: each of them is read.
const describedOutput = 30

// Largest reads the largest outputs of a snapshot that are here to find out what they are. It lists
// at most n.
func (l Local) Largest(m *snapshot.Manifest, n int) (list []LargeOutput) {
	if l.inv == nil {
		return nil
	}
	for _, o := range l.largestOutputs(m) {
		what, name := l.cache.Describe(o)
		kind := string(what)
		i := slices.IndexFunc(list, func(x LargeOutput) bool { return x.Kind == kind && x.Name == name })
		if i < 0 {
			i = len(list)
			list = append(list, LargeOutput{Kind: kind, Name: name})
		}
		list[i].Count++
		list[i].Bytes += o.Size
	}
	slices.SortStableFunc(list, func(a, b LargeOutput) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return list[:min(len(list), n)]
}

// largestOutputs are the largest of the snapshot that are here, in order.
func (l Local) largestOutputs(m *snapshot.Manifest) (list []buildcache.Output) {
	order := func(a, b buildcache.Output) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), slices.Compare(a.ID[:], b.ID[:]))
	}
	for _, o := range m.Outputs {
		if len(list) == describedOutput && o.Size < list[len(list)-1].Size {
			continue // nearly all of a million
		}
		if here, ok := l.inv.Output(o.ID); ok {
			i, _ := slices.BinarySearchFunc(list, here, order)
			list = slices.Insert(list, i, here)
			list = list[:min(len(list), describedOutput)]
		}
	}
	return list
}
