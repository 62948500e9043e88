package paths

import (
	"cmp"
	"maps"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/snapshot"
)

// Local are the files that are in the directories of this machine, and where this save has put
// them. It is a collect.Kind. The zero value has none.
type Local struct {
	dirs   map[string]extradir.Path // by name
	files  []localFile              // sorted by path and name
	packed map[collect.FileID]*snapshot.Pack
}

// localFile is a file of such a directory, here or of a manifest.
type localFile struct {
	collect.FileID
	size    int64
	exec    bool
	lastUse int64 // Unix seconds
	here    bool
}

// compareNames compares all but the content.
func compareNames(f, g collect.FileID) int {
	return cmp.Or(cmp.Compare(f.Path, g.Path), cmp.Compare(f.Name, g.Name))
}

// With implements collect.Kind.
func (l Local) With(done []collect.Outcome) collect.Kind {
	l.packed = maps.Clone(l.packed)
	for _, d := range done {
		w, ok := d.Of.(written)
		if !ok || d.Object == "" {
			continue
		}
		pack := d.Pack
		if l.packed == nil {
			l.packed = map[collect.FileID]*snapshot.Pack{}
		}
		for _, id := range w {
			l.packed[id] = &pack
		}
	}
	return l
}

// Without implements collect.Kind.
func (l Local) Without(gone func(object string) bool) collect.Kind {
	l.packed = maps.Clone(l.packed)
	maps.DeleteFunc(l.packed, func(_ collect.FileID, p *snapshot.Pack) bool { return gone(p.Object) })
	return l
}
