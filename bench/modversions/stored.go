package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/keys"
	"github.com/org/gocache-action/save"
)

// saved is what saves of the modules of a release come to, in stored bytes of module objects.
type saved struct {
	added, addedWhole int64 // of the modules that are new; as they are stored, and if all were whole
	read, readWhole   int64 // by a restore of all
	deltas            int
}

func (s *saved) add(t saved) {
	s.added, s.addedWhole, s.read, s.readWhole = s.added+t.added, s.addedWhole+t.addedWhole, s.read+t.read, s.readWhole+t.readWhole
	s.deltas += t.deltas
}

func (s saved) String() string {
	return fmt.Sprintf("saved %8.3f instead of %8.3f, %3d deltas; restores read %8.3f instead of %8.3f",
		mb(s.added), mb(s.addedWhole), s.deltas, mb(s.read), mb(s.readWhole))
}

// saver saves a module cache release by release, each with module files of its own, into a store
// that it keeps, and once more into an empty one, in which all modules are whole.
type saver struct {
	work, modDir string
	known        map[string]bool // modules of earlier releases
}

// release saves the modules that a release needs, and drops all others from the cache.
func (s *saver) release(ctx context.Context, project, version string, needed map[string]bool) (r saved, err error) {
	if err := s.dropOthers(ctx, needed); err != nil {
		return r, err
	}
	kept, err := s.save(ctx, filepath.Join(s.work, "store"), project, version)
	if err != nil {
		return r, err
	}
	empty := filepath.Join(s.work, "whole")
	defer os.RemoveAll(empty)
	whole, err := s.save(ctx, empty, project, version)
	if err != nil {
		return r, err
	}
	for i, m := range kept {
		w := whole[i]
		if m.Path != w.Path || m.Version != w.Version || w.Base != nil {
			return r, fmt.Errorf("%s@%s is saved as %s, and as %s into an empty store", m.Path, m.Version, m.Object, w.Object)
		}
		r.read, r.readWhole = r.read+m.Size, r.readWhole+w.Size
		if m.Base != nil {
			r.read += m.Base.Size
		}
		if name := m.Path + "@" + m.Version; !s.known[name] {
			s.known[name] = true
			r.added, r.addedWhole = r.added+m.Size, r.addedWhole+w.Size
			if m.Base != nil {
				r.deltas++
			}
		}
	}
	return r, nil
}

// dropOthers removes what the release does not need, as a job that restores has nothing else.
func (s *saver) dropOthers(ctx context.Context, needed map[string]bool) error {
	list, err := modcache.Open(s.modDir, modcache.Options{}).Scan(ctx)
	if err != nil {
		return err
	}
	for _, m := range list {
		if needed[m.Version.String()] || m.State != modcache.Complete {
			continue
		}
		tree, err := modcache.TreeName(m.Version)
		if err != nil {
			return err
		}
		if err := os.RemoveAll(filepath.Join(s.modDir, filepath.FromSlash(tree))); err != nil {
			return err
		}
		p, v, _ := strings.Cut(tree, "@")
		if err := os.Remove(filepath.Join(s.modDir, "cache", "download", filepath.FromSlash(p), "@v", v+".ziphash")); err != nil {
			return err
		}
	}
	return nil
}

// save returns what the snapshot has.
func (s *saver) save(ctx context.Context, storeDir, project, version string) ([]snapshot.Module, error) {
	st, err := dir.Open(storeDir)
	if err != nil {
		return nil, err
	}
	plan, err := plan(project, version)
	if err != nil {
		return nil, err
	}
	if _, err := save.Run(ctx, save.Options{Store: st, Repo: "r", Scope: "refs/heads/main", Keys: plan, ModDir: s.modDir}); err != nil {
		return nil, err
	}
	data, _, err := store.Get(ctx, st, snapshot.ManifestObject("r", "refs/heads/main", plan.Key.Exact()), snapshot.MaxManifest)
	if err != nil {
		return nil, err
	}
	m, err := snapshot.DecodeManifest(data)
	if err != nil {
		return nil, err
	}
	return m.Modules, nil
}

// plan is that of the module files of a project, and of its version, in case that these did not
// change.
func plan(project, version string) (keys.Plan, error) {
	in := keys.Input{Name: "modversions", OS: "linux", Arch: "amd64", GoVersion: "go1"}
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(project, name))
		if err != nil {
			return keys.Plan{}, err
		}
		if name == "go.mod" {
			data = append(data, "\n// "+version+"\n"...)
		}
		in.Files = append(in.Files, keys.File{Path: name, Data: data})
	}
	p, err := keys.Derive(in)
	if err == nil && len(p.Sums.Zip) == 0 {
		err = fmt.Errorf("%s: go.sum names no module", project)
	}
	return p, err
}

// isNeeded makes a set of names of modules.
func isNeeded(list []dependency) map[string]bool {
	set := map[string]bool{}
	for _, d := range list {
		set[d.name] = true
	}
	return set
}

// dependency is a module version, and where its tree is.
type dependency struct{ name, dir string }
