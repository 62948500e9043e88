package modcache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/osfile"
)

// Suffixes of the files in cache/download that are removed together with a tree, in this order, and
// of those that the module graph needs.
var (
	treeSuffixes  = []string{".partial", ".zip", ".ziphash"}
	graphSuffixes = []string{".info", ".mod"}
)

// Remove removes a version: first the tree, by one rename, so that no go command sees a part of it,
// then the zip, then its .ziphash (see Commit for why in this order), then with graph .info and
// .mod, which the module graphs of other projects may need. The lock file and the list of versions
// stay. It returns ErrBusy when a go command is working on the version. The tree takes space on the
// disk until the stage is closed or cleared.
func (s *Stage) Remove(v module.Version, graph bool) error {
	p, err := locate(v)
	if err == nil {
		err = s.remove(p, graph)
	}
	if err != nil {
		return fmt.Errorf("removing %s: %w", v, err)
	}
	return nil
}

func (s *Stage) remove(p place, graph bool) error {
	unlock, err := s.c.lock(p)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.c.step("retire"); err != nil {
		return err
	}
	if err := s.retire(s.c.path(p.tree)); err != nil {
		return err
	}
	suffixes := treeSuffixes
	if graph {
		suffixes = append(treeSuffixes[:len(treeSuffixes):len(treeSuffixes)], graphSuffixes...)
	}
	for _, suffix := range suffixes {
		if err := s.c.step(suffix); err != nil {
			return err
		}
		if err := removeFile(s.c.path(p.base + suffix)); err != nil {
			return err
		}
	}
	// Remove parents that are empty now. The go command creates them again if need be.
	for dir := filepath.Dir(s.c.path(p.tree)); dir != s.c.dir && os.Remove(dir) == nil; {
		dir = filepath.Dir(dir)
	}
	return nil
}

// retire moves a directory into the stage, if it exists.
func (s *Stage) retire(path string) error {
	if _, err := os.Lstat(path); os.IsNotExist(err) {
		return nil
	}
	dir, err := s.newDir()
	if err != nil {
		return err
	}
	return moveAway(path, filepath.Join(dir, "old"))
}

// Clear removes what was moved into the stage so far, which frees its space on the disk.
func (s *Stage) Clear() error { return s.Close() }

// writeAndRename writes data to temp and renames temp to path. What is at path is replaced, unless
// it is a directory that is not empty.
func writeAndRename(temp, path string, data []byte) error {
	f, err := osfile.Create(temp, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return osfile.Rename(temp, path)
}

func removeFile(path string) error {
	if err := osfile.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
