package graph

import (
	"os"
	"slices"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/snapshot"
)

// Local are the trees of this machine. It is a collect.Kind. The zero value has none.
type Local struct {
	trees []localTree
	// dates are the last uses of the versions of the module graph that go.sum does not name.
	dates map[module.Version]int64
}

// localTree is a set of plain files that share one pack.
type localTree struct {
	name  string
	skips *collect.Skips // of the cache that has it
	files []treeFile
	count int            // of the files that can be read
	bytes int64          // of them
	sum   string         // snapshot.TreeSum of what can be read of it
	pack  *snapshot.Pack // nil: it is not stored
}

type treeFile struct {
	name string
	size int64
	open func() (*os.File, error)
}

// With implements collect.Kind.
func (l Local) With(done []collect.Outcome) collect.Kind {
	l.trees = slices.Clone(l.trees)
	for _, d := range done {
		w, ok := d.Of.(written)
		if !ok || d.Object == "" {
			continue
		}
		for i := range l.trees {
			if t := &l.trees[i]; t.name == w.name {
				pack := d.Pack
				t.pack, t.count, t.bytes, t.sum = &pack, d.Members, d.Raw, w.sum
			}
		}
	}
	return l
}

// Without implements collect.Kind.
func (l Local) Without(gone func(object string) bool) collect.Kind {
	l.trees = slices.Clone(l.trees)
	for i := range l.trees {
		if t := &l.trees[i]; t.pack != nil && gone(t.pack.Object) {
			t.pack = nil
		}
	}
	return l
}
