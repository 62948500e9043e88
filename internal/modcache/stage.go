package modcache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/gofrs/flock"

	"github.com/org/gocache-action/internal/lockfile"
	"github.com/org/gocache-action/internal/osfile"
)

// Stage is a private directory within the cache, and so on its file system, in which module
// versions are assembled before they appear by a rename. Its methods are safe for concurrent use.
//
// It is called cache/gocache-stage-<n>. A file of that name with ".lock" added lies beside it,
// which the process keeps locked (flock) as long as it lives: if it is not locked, the process was
// killed. The empty file cache/gocache.lock stays in the cache, as cmd/go's own lock files do.
type Stage struct {
	c    *Cache
	mu   sync.Mutex
	dir  string // "" until something is staged
	lock lockfile.Lock
	next int
}

const (
	stagePrefix = "gocache-stage-"
	// stageMutex guards the moment between the creation of a stage and its lock.
	stageMutex = "gocache.lock"
)

// NewStage removes the stages of killed processes, and returns a stage whose directory is created
// at its first use, so that a restore with nothing to do writes nothing. The stage is usable even
// if there is an error, which concerns the old stages only.
func (c *Cache) NewStage() (*Stage, error) {
	s := &Stage{c: c}
	if err := sweep(c.path("cache")); err != nil {
		return s, fmt.Errorf("removing an interrupted restore: %w", err)
	}
	return s, nil
}

// Close removes the stage and all that was not committed. It can be called again.
func (s *Stage) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		return nil
	}
	err := removeStage(s.dir, s.lock)
	s.dir, s.lock = "", lockfile.Lock{}
	return err
}

// removeStage removes the directory, and then its lock file.
func removeStage(dir string, lock lockfile.Lock) error {
	if err := osfile.RemoveAll(dir); err != nil {
		return errors.Join(err, lock.Unlock())
	}
	return lock.Remove()
}

// newDir creates an empty directory in the stage.
func (s *Stage) newDir() (string, error) {
	dir, err := s.newFile()
	if err != nil {
		return "", err
	}
	return dir, os.Mkdir(dir, 0o777)
}

// newFile returns an unused path in the stage.
func (s *Stage) newFile() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		if err := s.create(); err != nil {
			return "", err
		}
	}
	s.next++
	return filepath.Join(s.dir, strconv.Itoa(s.next)), nil
}

func (s *Stage) create() error {
	parent := s.c.path("cache")
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return err
	}
	unlock, err := lockStages(parent)
	if err != nil {
		return err
	}
	defer unlock()
	dir, err := os.MkdirTemp(parent, stagePrefix+"*")
	if err != nil {
		return err
	}
	lock, err := lockfile.Create(dir + ".lock")
	if err != nil {
		return errors.Join(fmt.Errorf("locking %s.lock failed", dir), err, os.Remove(dir))
	}
	s.dir, s.lock = dir, lock
	return nil
}

func lockStages(parent string) (unlock func(), err error) {
	l := flock.New(filepath.Join(parent, stageMutex), flock.SetPermissions(0o666))
	if err := l.Lock(); err != nil {
		return nil, err
	}
	return func() { _ = l.Unlock() }, nil
}

// sweep removes the stages in parent that processes left behind. A stage of another user stays if
// this user may not remove it.
func sweep(parent string) error {
	list, err := os.ReadDir(parent)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	names := map[string]bool{}
	for _, d := range list {
		if strings.HasPrefix(d.Name(), stagePrefix) {
			names[strings.TrimSuffix(d.Name(), ".lock")] = true
		}
	}
	if len(names) == 0 {
		return nil
	}
	stale, err := lockStale(parent, names)
	if err != nil {
		return err
	}
	for dir, lock := range stale {
		// A failure costs space only.
		_ = removeStage(dir, lock)
	}
	return nil
}

// lockStale locks the stages that no process has locked.
func lockStale(parent string, names map[string]bool) (map[string]lockfile.Lock, error) {
	unlock, err := lockStages(parent)
	if err != nil {
		return nil, err
	}
	defer unlock()
	stale := map[string]lockfile.Lock{}
	for name := range names {
		dir := filepath.Join(parent, name)
		if lock, err := lockfile.Create(dir + ".lock"); err == nil {
			stale[dir] = lock
		}
	}
	return stale, nil
}
