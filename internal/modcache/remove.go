package modcache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/module"
)

// Remove removes a version: first the tree goes, by one rename, so that no go command sees a part of it, then the
// zip before its .ziphash (see Commit), then .info and .mod. The lock file and the list of versions stay.
// It returns ErrBusy when a go command is at work on the version.
func (c *Cache) Remove(v module.Version) error {
	p, err := locate(v)
	if err != nil {
		return err
	}
	s, err := c.NewStage()
	if err != nil {
		return err
	}
	if err := errors.Join(s.remove(p), s.Close()); err != nil {
		return fmt.Errorf("removing %s: %w", v, err)
	}
	return nil
}

func (s *Stage) remove(p place) error {
	dir, err := s.newDir()
	if err != nil {
		return err
	}
	unlock, err := s.c.lock(p)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.c.step("retire"); err != nil {
		return err
	}
	if err := moveAway(s.c.path(p.tree), filepath.Join(dir, "old")); err != nil {
		return err
	}
	for _, suffix := range []string{".partial", ".zip", ".ziphash", ".info", ".mod"} {
		if err := s.c.step(suffix); err != nil {
			return err
		}
		if err := removeFile(s.c.path(p.base + suffix)); err != nil {
			return err
		}
	}
	// Parents that became empty. The go command creates them again where it needs them.
	for dir := filepath.Dir(s.c.path(p.tree)); dir != s.c.dir && os.Remove(dir) == nil; {
		dir = filepath.Dir(dir)
	}
	return nil
}
