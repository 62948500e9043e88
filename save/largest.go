package save

import (
	"cmp"
	"slices"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/snapshot"
)

// Largest lists what takes the most room in the snapshot, the largest first.
type Largest struct {
	Modules []snapshot.Sized `json:"modules,omitempty"`
	Outputs []LargeOutput    `json:"outputs,omitempty"` // the largest of those that are here
}

// LargeOutput is a build output, or several of one kind and name: the same package for other flags,
// other tests, or from an earlier version of its source.
type LargeOutput struct {
	Kind  string `json:"kind"`           // such as "package" or "test log"
	Name  string `json:"name,omitempty"` // none: the output does not tell
	Count int    `json:"count"`
	Bytes int64  `json:"bytes"`
}

// How many are listed, and of how many outputs, the largest, that is made: each of them is read.
const (
	listedLargest   = 10
	describedOutput = 30
)

// describeLargest reads the largest outputs to find out what they are.
func (r *run) describeLargest(m *snapshot.Manifest) *Largest {
	l := &Largest{Modules: m.LargestModules(listedLargest)}
	if r.build == nil {
		return l
	}
	for _, o := range r.largestOutputs(m) {
		what, name := r.build.Describe(o)
		kind := string(what)
		i := slices.IndexFunc(l.Outputs, func(x LargeOutput) bool { return x.Kind == kind && x.Name == name })
		if i < 0 {
			i = len(l.Outputs)
			l.Outputs = append(l.Outputs, LargeOutput{Kind: kind, Name: name})
		}
		l.Outputs[i].Count++
		l.Outputs[i].Bytes += o.Size
	}
	slices.SortStableFunc(l.Outputs, func(a, b LargeOutput) int { return cmp.Compare(b.Bytes, a.Bytes) })
	l.Outputs = l.Outputs[:min(len(l.Outputs), listedLargest)]
	return l
}

// largestOutputs are the largest of the snapshot that are here, in order.
func (r *run) largestOutputs(m *snapshot.Manifest) (list []buildcache.Output) {
	order := func(a, b buildcache.Output) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), slices.Compare(a.ID[:], b.ID[:]))
	}
	for _, o := range m.Outputs {
		if len(list) == describedOutput && o.Size < list[len(list)-1].Size {
			continue // nearly all of a million
		}
		if here, ok := r.inv.Output(buildcache.ID(o.ID)); ok {
			i, _ := slices.BinarySearchFunc(list, here, order)
			list = slices.Insert(list, i, here)
			list = list[:min(len(list), describedOutput)]
		}
	}
	return list
}

// sizeBefore is that of the snapshot that this save builds on: nil for the first.
func (r *run) sizeBefore() *snapshot.Size {
	if len(r.prev.manifests) == 0 {
		return nil
	}
	s := r.prev.manifests[0].Size()
	return &s
}
