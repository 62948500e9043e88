//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/gocache-action/bench/internal/stored"
	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/snapshot"
)

// work is everything that has to be done, in full detail.
type work struct {
	dirs    []string // in an order in which they can be made
	objects []object
	empty   []string // empty files
}

// object is a pack or a module object. Its frames are handled in order, since a file can continue
// in the next one.
type object struct {
	frames  []frame
	entries []entry // the action entries of its outputs
	size    int     // bytes to decode, plus those of outputs to write
}

type frame struct {
	stored []byte
	sum    *snapshot.Frame // of a pack: has the hash of stored
	pieces []piece         // of an archive
	shares []share         // of chunks
}

// piece is the part of a file that lies in one frame.
type piece struct {
	path        string
	mode        fs.FileMode
	from, to    int // in the decoded frame
	first, last bool
	hashed      bool // of a module: go.sum has a hash that covers this file
	sum         [sha256.Size]byte
}

// entry is an action entry.
type entry struct {
	path string
	buildcache.Entry
}

// planner prepares the work.
type planner struct {
	store, mod, build string
	made              map[string]bool // directories and files
	work
}

func plan(store, mod, build string) (*work, error) {
	m, err := stored.FindManifest(store)
	if err != nil {
		return nil, err
	}
	p := &planner{store: store, mod: mod, build: build, made: map[string]bool{}}
	entries, shares := p.entries(m), p.shares(m)
	for i, k := range m.Packs {
		root := build
		if slices.ContainsFunc(m.Trees, func(t snapshot.Tree) bool { return t.Pack == i && t.Name == snapshot.TreeModGraph }) {
			root = mod
		}
		if err := p.add(k.Object, root, k.Content(), entries[i], k.Chunks == 0); err != nil {
			return nil, err
		}
		last := &p.objects[len(p.objects)-1]
		for f := range last.frames {
			last.frames[f].shares = shares[i][f]
			for _, x := range shares[i][f] {
				last.size += x.size()
			}
		}
	}
	for _, v := range m.Modules {
		if v.Base != nil {
			return nil, fmt.Errorf("%s builds upon another object: the floor is that of a first save", v.Object)
		}
		if err := p.add(v.Object, mod, nil, nil, true); err != nil {
			return nil, err
		}
	}
	// The largest objects come first, so that no core is idle at the end.
	slices.SortStableFunc(p.objects, func(a, b object) int { return cmp.Compare(b.size, a.size) })
	return &p.work, nil
}

// entries lists the action entries by the pack in which their output begins, or under the first
// pack if it is empty.
func (p *planner) entries(m *snapshot.Manifest) [][]entry {
	list := make([][]entry, len(m.Packs))
	for _, a := range m.Actions {
		o := m.Outputs[a.Output]
		e := entry{Entry: buildcache.Entry{Action: a.ID, Output: o.ID, Size: o.Size, Time: a.Time}}
		id := e.Action.String()
		e.path = filepath.Join(p.build, id[:2], id+"-a")
		p.mkdir(filepath.Dir(e.path))
		pack := int32(0)
		if len(o.Extents) > 0 {
			pack = o.Extents[0].Pack
		}
		list[pack] = append(list[pack], e)
	}
	return list
}

// add reads an object. frames is nil for a module. If the object is an archive, its members are
// relative to root.
func (p *planner) add(name, root string, frames []snapshot.Frame, entries []entry, isArchive bool) error {
	data, err := os.ReadFile(filepath.Join(p.store, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	o := object{entries: entries}
	var archive []byte
	var starts []int // of the frames in the archive
	for r := bytes.NewReader(data); frames == nil || len(o.frames) < len(frames); {
		stored, err := snapshot.ReadModuleFrame(r, func(n int) ([]byte, error) { return make([]byte, n), nil })
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		raw, err := snapshot.DecodeFrame(stored, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		f := frame{stored: stored}
		if frames != nil {
			f.sum = &frames[len(o.frames)]
		}
		starts = append(starts, len(archive))
		archive = append(archive, raw...)
		o.frames = append(o.frames, f)
	}
	o.size = len(archive)
	if isArchive {
		err = p.members(&o, root, archive, append(starts, len(archive)), frames == nil)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	p.objects = append(p.objects, o)
	return nil
}

// members cuts the members of an archive into pieces.
func (p *planner) members(o *object, root string, archive []byte, starts []int, module bool) error {
	r := bytes.NewReader(archive)
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		at := len(archive) - r.Len()
		end := at + int(h.Size)
		f, _ := slices.BinarySearch(starts, at+1)
		x := piece{path: filepath.Join(root, filepath.FromSlash(h.Name)), mode: h.FileInfo().Mode().Perm(), first: true}
		if p.made[x.path] {
			continue // the .info of a module is also in the tree of the module graph
		}
		p.made[x.path] = true
		x.hashed = module && !strings.HasPrefix(h.Name, "cache/")
		p.mkdir(filepath.Dir(x.path))
		for f--; ; f++ {
			x.from, x.to = max(at, starts[f])-starts[f], min(end, starts[f+1])-starts[f]
			x.last = end <= starts[f+1]
			o.frames[f].pieces = append(o.frames[f].pieces, x)
			if x.last {
				break
			}
			x.first = false
		}
	}
}

// mkdir adds a directory and those above it.
func (p *planner) mkdir(dir string) {
	if p.made[dir] || dir == filepath.Dir(p.mod) || dir == filepath.Dir(p.build) {
		return
	}
	p.made[dir] = true
	p.mkdir(filepath.Dir(dir))
	p.dirs = append(p.dirs, dir)
}
