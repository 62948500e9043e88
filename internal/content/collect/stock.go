package collect

import (
	"bytes"
	"maps"
	"slices"
	"sort"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/idindex"
	"github.com/org/gocache-action/internal/snapshot"
)

// Damage says which stored bytes cannot be relied on: frames of objects, -1 for a whole object.
type Damage map[string]map[int]bool

// Mark adds a frame of an object.
func (d Damage) Mark(object string, frame int) {
	if d[object] == nil {
		d[object] = map[int]bool{}
	}
	d[object][frame] = true
}

// FileID tells the contents apart that files of paths have under one name.
type FileID struct{ Path, Name, Sum string }

// StoredFile is where a file of a path lies.
type StoredFile struct {
	Pack    snapshot.Pack
	LastUse int64
}

// Stock is what previous saves have stored, as far as it can be relied on. It does not change.
type Stock struct {
	manifests []*snapshot.Manifest
	bad       Damage
	// of the outputs, numbered over all manifests, those of which nothing bad is known
	where *idindex.Index
	files map[FileID]StoredFile
}

// NewStock returns what the manifests have, the best first, but for what is damaged. Neither may be
// changed afterwards.
func NewStock(manifests []*snapshot.Manifest, bad Damage) *Stock {
	s := &Stock{manifests: manifests, bad: bad, files: map[FileID]StoredFile{}}
	n := 0
	for _, m := range manifests {
		n = max(n, len(m.Outputs))
	}
	s.where = idindex.New(n, func(i int32) *digest.ID { o, _ := s.At(i); return &o.ID })
	first := 0
	for _, m := range manifests {
		indexFiles(s.files, m, bad)
		for i := range m.Outputs {
			if s.IsWhole(m, &m.Outputs[i]) {
				s.where.Add(int32(first + i))
			}
		}
		first += len(m.Outputs)
	}
	return s
}

// Files says where the files of a manifest lie, which need not be one of the stock, but for those
// in packs of which the stock knows anything bad.
func (s *Stock) Files(m *snapshot.Manifest) map[FileID]StoredFile {
	index := map[FileID]StoredFile{}
	indexFiles(index, m, s.bad)
	return index
}

// indexFiles notes where the files of a manifest lie, but for those in packs that are bad in any
// way. What is known stays.
func indexFiles(index map[FileID]StoredFile, m *snapshot.Manifest, bad Damage) {
	for _, p := range m.Paths {
		for _, f := range p.Files {
			id, pack := FileID{p.Name, f.Name, f.Sum}, m.Packs[f.Pack]
			if old, ok := index[id]; ok {
				old.LastUse = max(old.LastUse, f.LastUse)
				index[id] = old
			} else if bad[pack.Object] == nil {
				index[id] = StoredFile{pack, f.LastUse}
			}
		}
	}
}

// Without returns the stock without some objects.
func (s *Stock) Without(gone func(object string) bool) *Stock {
	bad := maps.Clone(s.bad)
	if bad == nil {
		bad = Damage{}
	}
	changed := false
	for _, m := range s.manifests {
		for _, object := range Objects(m) {
			if gone(object) && !bad[object][-1] {
				bad[object], changed = map[int]bool{-1: true}, true
			}
		}
	}
	if !changed {
		return s
	}
	return NewStock(s.manifests, bad)
}

// Objects lists the objects that a manifest names; one that several modules build upon is there
// several times.
func Objects(m *snapshot.Manifest) []string {
	list := make([]string, 0, len(m.Packs)+len(m.Modules))
	for _, p := range m.Packs {
		list = append(list, p.Object)
	}
	for i := range m.Modules {
		list = append(list, m.Modules[i].Objects()...)
	}
	return list
}

// Manifests are those that the stock is made of, the best first.
func (s *Stock) Manifests() []*snapshot.Manifest { return s.manifests }

// IsSound reports whether nothing at all is known to be damaged.
func (s *Stock) IsSound() bool { return len(s.bad) == 0 }

// IsGone reports whether an object as a whole cannot be relied on.
func (s *Stock) IsGone(object string) bool { return s.bad[object][-1] }

// Lacks reports whether a module cannot be relied on: its object is gone, or what that builds upon.
func (s *Stock) Lacks(m *snapshot.Module) bool {
	return slices.ContainsFunc(m.Objects(), s.IsGone)
}

// IsDamaged reports whether an object or one of its frames cannot be relied on.
func (s *Stock) IsDamaged(object string) bool { return s.bad[object] != nil }

// At returns an output by its number, and its manifest.
func (s *Stock) At(i int32) (*snapshot.Output, *snapshot.Manifest) {
	n := int(i)
	for _, m := range s.manifests {
		if n < len(m.Outputs) {
			return &m.Outputs[n], m
		}
		n -= len(m.Outputs)
	}
	panic("output of no manifest")
}

// Total is how many outputs are numbered.
func (s *Stock) Total() (n int) {
	for _, m := range s.manifests {
		n += len(m.Outputs)
	}
	return n
}

// IsWhole reports whether nothing is known against the bytes of an output, in whatever packs they
// lie.
func (s *Stock) IsWhole(m *snapshot.Manifest, o *snapshot.Output) bool {
	if len(s.bad) == 0 {
		return true
	}
	for _, e := range o.Extents {
		if s.IsBad(m.Packs[e.Pack].Object, int(e.Frame)) {
			return false
		}
	}
	return true
}

// IsBad reports whether a frame of an object cannot be relied on, or all of it.
func (s *Stock) IsBad(object string, frame int) bool {
	bad := s.bad[object]
	return bad != nil && (bad[frame] || bad[-1])
}

// Find returns the number of an output that is stored.
func (s *Stock) Find(id *digest.ID) (int32, bool) { return s.where.Find(id) }

// Output returns where an output is stored: its extents lie in the packs of the second result.
func (s *Stock) Output(id *digest.ID) (snapshot.Output, *snapshot.Manifest, bool) {
	i, ok := s.where.Find(id)
	if !ok {
		return snapshot.Output{}, nil, false
	}
	o, m := s.At(i)
	return *o, m, true
}

// LastUse is when a previous save saw the action used last; 0 when none knows it.
func (s *Stock) LastUse(action digest.ID) (t int64) {
	for _, m := range s.manifests {
		if a := FindAction(m, action); a != nil {
			t = max(t, a.LastUse)
		}
	}
	return t
}

// HasEntry reports whether a previous snapshot has an action with this output.
func (s *Stock) HasEntry(action, output digest.ID) bool {
	for _, m := range s.manifests {
		if a := FindAction(m, action); a != nil && m.Outputs[a.Output].ID == output {
			return true
		}
	}
	return false
}

// FindAction returns an action of a manifest, or nil.
func FindAction(m *snapshot.Manifest, id digest.ID) *snapshot.Action {
	i := sort.Search(len(m.Actions), func(i int) bool { return bytes.Compare(m.Actions[i].ID[:], id[:]) >= 0 })
	if i < len(m.Actions) && m.Actions[i].ID == id {
		return &m.Actions[i]
	}
	return nil
}

// Module returns a previous record of a module version whose object is good, or nil.
func (s *Stock) Module(v module.Version, sum string) *snapshot.Module {
	for _, m := range s.manifests {
		if x := FindModule(m, v); x != nil && x.Sum == sum && !s.Lacks(x) {
			return x
		}
	}
	return nil
}

// FindModule returns the record of a module version in a manifest, or nil.
func FindModule(m *snapshot.Manifest, v module.Version) *snapshot.Module {
	i := sort.Search(len(m.Modules), func(i int) bool {
		x := &m.Modules[i]
		return x.Path > v.Path || x.Path == v.Path && x.Version >= v.Version
	})
	if i < len(m.Modules) && m.Modules[i].Path == v.Path && m.Modules[i].Version == v.Version {
		return &m.Modules[i]
	}
	return nil
}

// Tree returns the record of the largest pack of a tree that is good, in the best manifest that has
// one.
func (s *Stock) Tree(name string) (best snapshot.Tree, pack snapshot.Pack, ok bool) {
	for _, m := range s.manifests {
		for _, t := range m.Trees {
			if at := m.Packs[t.Pack]; t.Name == name && !s.IsDamaged(at.Object) && (!ok || t.Files > best.Files) {
				best, pack, ok = t, at, true
			}
		}
		if ok {
			break
		}
	}
	return best, pack, ok
}

// File returns where a file of a path is stored.
func (s *Stock) File(id FileID) (StoredFile, bool) {
	f, ok := s.files[id]
	return f, ok
}

// GraphUses are the dates that previous saves gave to the versions of the module graph.
func (s *Stock) GraphUses() map[module.Version]int64 {
	uses := map[module.Version]int64{}
	for _, m := range s.manifests {
		for _, g := range m.Graph {
			v := module.Version{Path: g.Path, Version: g.Version}
			uses[v] = max(uses[v], g.LastUse)
		}
	}
	return uses
}

// Asked is when the go command told last which modules are in use, for a snapshot of these module
// files.
func (s *Stock) Asked(digest string) (t time.Time) {
	for _, m := range s.manifests {
		if m.Digest == digest && m.UseAsked.After(t) {
			t = m.UseAsked
		}
	}
	return t
}

// Knows reports whether the stock is made of a manifest that the same save wrote as this one,
// though perhaps under another key, so that what is bad in it is known.
func (s *Stock) Knows(m *snapshot.Manifest) bool { return slices.ContainsFunc(s.manifests, m.SameSave) }

// Has reports whether a manifest is one of those that the stock is made of.
func (s *Stock) Has(m *snapshot.Manifest) bool { return slices.Contains(s.manifests, m) }
