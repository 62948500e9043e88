package graph

import (
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
)

// Jobs is the plan for trees.
type Jobs struct{ Trees []Tree }

// Tree is a tree to be read.
type Tree struct {
	snapshot.Tree
	In snapshot.Pack // that it lies in
}

// Limits of a file of a tree, which is held in memory. go.mod files and tiles of the checksum
// database have a few KiB; `go test` refuses fuzz inputs of more than 100 MB.
const (
	maxGraphFile = modcache.MaxGoMod
	maxFuzzFile  = 100 << 20
)

// Plan lists the trees of the manifest that are to be read.
func Plan(m *snapshot.Manifest, modGraph, fuzz bool) (p Jobs) {
	for _, t := range m.Trees {
		if t.Name == snapshot.TreeModGraph && modGraph || t.Name == snapshot.TreeFuzz && fuzz {
			p.Trees = append(p.Trees, Tree{Tree: t, In: m.Packs[t.Pack]})
		}
	}
	return p
}

// Summary implements install.Planned. It has no counts: nobody knows how many files are missing.
func (p Jobs) Summary() (s install.Summary) {
	for _, t := range p.Trees {
		s.Stored += t.In.Size
		s.Packs = append(s.Packs, t.Pack)
		s.Trees = append(s.Trees, t.Tree)
	}
	return s
}

// maxFile is how large a file of the tree may be.
func (t Tree) maxFile() int64 {
	if t.Name == snapshot.TreeFuzz {
		return maxFuzzFile
	}
	return maxGraphFile
}
