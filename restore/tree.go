package restore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"syscall"

	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
)

// treeJob is one pack of plain files.
type treeJob struct {
	tree snapshot.Tree
	pack snapshot.Pack
}

// Bounds of a file of a tree, which is held in memory: go.mod files and checksum database tiles are
// a few KiB, fuzz inputs are refused by `go test` above 100 MB.
const (
	maxGraphFile = modcache.MaxGoMod
	maxFuzzFile  = 100 << 20
)

func (r *run) planTrees() {
	m := r.manifest()
	for _, t := range m.Trees {
		if t.Name == snapshot.TreeModGraph && r.mods != nil || t.Name == snapshot.TreeFuzz && r.build != nil && r.Fuzz {
			r.trees = append(r.trees, treeJob{t, m.Packs[t.Pack]})
		}
	}
}

// markTreePacks marks the packs that hold no outputs.
func (r *run) markTreePacks(packs []bool) {
	for _, t := range r.manifest().Trees {
		packs[t.Pack] = true
	}
	for _, p := range r.manifest().Paths {
		for _, f := range p.Files {
			packs[f.Pack] = true
		}
	}
}

// restoreTrees restores one after the other, so that one of their files is in memory at a time,
// however large they are.
func (r *run) restoreTrees(ctx context.Context) error {
	defer r.sums.treesDone()
	for _, j := range r.trees {
		p := &r.modPart
		if j.tree.Name == snapshot.TreeFuzz {
			p = &r.buildPart
		}
		one := within(p, func(ctx context.Context, _ func()) error { return r.restoreTree(ctx, j, p) })
		if err := one(ctx, func() {}); err != nil {
			return err
		}
	}
	return nil
}

// restoreTree reads a tree's pack and installs what is not here. The packs are small, so they
// are fetched whole even where little is missing.
func (r *run) restoreTree(ctx context.Context, j treeJob, p *part) error {
	err := twice(func() error {
		body, _, err := r.fetch(ctx, func() {}, nil, func(ctx context.Context) (io.ReadCloser, store.Info, error) {
			return r.Store.Open(ctx, j.pack.Object, 0, -1)
		})
		if err != nil {
			return err
		}
		defer body.Close()
		return r.unpackTree(j, body, p)
	})
	if isStore(err) || isLocal(err) {
		return fetchError(j.pack.Object, err)
	}
	if err != nil {
		r.tally.damage(jobstate.Damage{Object: j.pack.Object, Frame: -1, Reason: err.Error()}, kindOf(err))
	}
	return nil
}

// unpackTree refuses more than the manifest says there is: no more is written than was announced.
func (r *run) unpackTree(j treeJob, body snapshot.Source, p *part) error {
	rd := snapshot.NewReader(body, j.pack.Frames, r.buffers)
	defer rd.Close()
	files, bytes := j.tree.Files, j.tree.Bytes
	for {
		m, err := rd.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if files, bytes = files-1, bytes-m.Size; files < 0 || bytes < 0 || m.Size > j.maxFile() {
			return fmt.Errorf("%w: more than %d files or %d bytes with %.300q, which has %d", snapshot.ErrCorrupt, j.tree.Files, j.tree.Bytes, m.Name, m.Size)
		}
		if err := r.unpackTreeFile(j.tree.Name, m, rd, p); err != nil {
			return err
		}
	}
}

func (j treeJob) maxFile() int64 {
	if j.tree.Name == snapshot.TreeFuzz {
		return maxFuzzFile
	}
	return maxGraphFile
}

func (r *run) unpackTreeFile(tree string, m snapshot.Member, rd io.Reader, p *part) error {
	data := make([]byte, m.Size)
	if _, err := io.ReadFull(rd, data); err != nil {
		return err
	}
	return r.installTreeFile(tree, m.Name, data, p)
}

// installTreeFile installs one file. One that cannot be where its name says costs itself only.
func (r *run) installTreeFile(tree, name string, data []byte, p *part) (err error) {
	var written bool
	if tree == snapshot.TreeFuzz {
		written, err = r.build.InstallFuzzFile(name, data)
	} else {
		verified, reason := r.checkGraphFile(name, data)
		if reason != "" {
			r.refuseFile(name, reason)
			return nil
		}
		written, err = r.stage.InstallGraphFile(name, data, verified)
	}
	if osfile.IsBadName(err) || errors.Is(err, syscall.ENOTDIR) {
		r.refuseFile(name, err.Error())
		return nil
	}
	if osfile.IsLocked(err) {
		return r.leaveLocked(name, err)
	}
	if err != nil {
		if err = diskError(err); isLocal(err) {
			return r.tolerate(p, path.Dir(name), path.Dir(name), err, func() {})
		}
		return err
	}
	if written {
		p.works()
		r.Meter.Files.Add(1)
		r.Meter.Disk.Add(int64(len(data)))
	}
	return nil
}

func (r *run) refuseFile(name, reason string) {
	r.tally.add(func() {
		r.tally.losses = append(r.tally.losses, Loss{What: name, Reason: reason, Kind: "refused"})
	})
}

// checkGraphFile compares a .mod file with its "/go.mod" line in go.sum, where
// there is one, and returns why it is refused.
func (r *run) checkGraphFile(name string, data []byte) (verified bool, reason string) {
	v, ok := graphVersion(name)
	want := r.Keys.Sums.Mod[v]
	if !ok || want == "" {
		return false, ""
	}
	got, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	})
	if err != nil || got != want {
		return false, fmt.Sprintf("go.mod is %s, go.sum says %s", got, want)
	}
	return true, ""
}

// graphVersion tells which version a cache/download/<path>/@v/<version>.mod belongs to.
func graphVersion(name string) (v module.Version, ok bool) {
	rest, ok := strings.CutPrefix(name, "cache/download/")
	dir, file := path.Split(rest)
	esc, isVersion := strings.CutSuffix(dir, "/@v/")
	ver, isMod := strings.CutSuffix(file, ".mod")
	if !ok || !isVersion || !isMod {
		return v, false
	}
	var err1, err2 error
	v.Path, err1 = module.UnescapePath(esc)
	v.Version, err2 = module.UnescapeVersion(ver)
	return v, err1 == nil && err2 == nil
}
