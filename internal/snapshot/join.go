package snapshot

import (
	"slices"

	"github.com/org/gocache-action/internal/digest"
)

// Join returns a manifest with what m has, and the build entries and modules that only other has.
// Where both have something, that of m holds. Neither is changed.
func Join(m, other *Manifest) *Manifest {
	out := *m
	out.Modules, out.Builds = slices.Clone(m.Modules), slices.Clone(m.Builds)
	b := NewBuilder()
	b.Expect(len(m.Actions) + len(other.Actions))
	seen := make(map[digest.ID]bool, len(m.Actions))
	for _, from := range []*Manifest{m, other} {
		for _, o := range from.Outputs {
			b.AddOutputOf(from, o)
		}
		for _, a := range from.Actions {
			if !seen[a.ID] {
				seen[a.ID] = true
				b.AddAction(a.ID, from.Outputs[a.Output].ID, a.Time, a.LastUse)
			}
		}
	}
	for _, t := range m.Trees {
		t.Pack = b.AddPack(m.Packs[t.Pack])
		b.AddTree(t)
	}
	for _, p := range m.Paths {
		for _, f := range p.Files {
			f.Pack = b.AddPack(m.Packs[f.Pack])
			b.AddFile(p.Name, f)
		}
	}
	for _, x := range other.Modules {
		i, found := slices.BinarySearchFunc(out.Modules, x, compareVersions)
		if !found {
			out.Modules = slices.Insert(out.Modules, i, x)
		}
	}
	for _, x := range other.Builds {
		out.AddBuild(x)
	}
	b.Build(&out)
	return &out
}
