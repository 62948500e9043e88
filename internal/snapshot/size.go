package snapshot

import (
	"cmp"
	"slices"
)

// Size is what a snapshot amounts to. Bytes are on disk, but for Stored.
type Size struct {
	Stored      int64 `json:"stored"` // bytes of the objects that the manifest names
	Modules     int   `json:"modules"`
	ModuleBytes int64 `json:"moduleBytes"`
	Actions     int   `json:"actions"`
	BuildBytes  int64 `json:"buildBytes"` // of the outputs
}

// Size sums up the manifest.
func (m *Manifest) Size() Size {
	s := Size{Stored: m.StoredBytes(), Modules: len(m.Modules), Actions: len(m.Actions)}
	for _, mod := range m.Modules {
		s.ModuleBytes += mod.Bytes
	}
	for _, o := range m.Outputs {
		s.BuildBytes += o.Size
	}
	return s
}

// StoredBytes sums the sizes of all objects that the manifest names, each once.
func (m *Manifest) StoredBytes() (n int64) {
	for _, p := range m.Packs {
		n += p.Size
	}
	bases := map[string]int64{}
	for _, mod := range m.Modules {
		n += mod.Size
		if mod.Base != nil {
			bases[mod.Base.Object] = mod.Base.Size
		}
	}
	for _, mod := range m.Modules {
		delete(bases, mod.Object)
	}
	for _, size := range bases {
		n += size
	}
	return n
}

// Sized is something with a name and a size.
type Sized struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"` // on disk
}

// LargestModules lists the n largest module versions, the largest first.
func (m *Manifest) LargestModules(n int) []Sized {
	all := make([]Sized, 0, len(m.Modules))
	for _, mod := range m.Modules {
		all = append(all, Sized{mod.Path + "@" + mod.Version, mod.Bytes})
	}
	slices.SortStableFunc(all, func(a, b Sized) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return slices.Clone(all[:min(n, len(all))])
}
