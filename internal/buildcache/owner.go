package buildcache

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/org/gocache-action/internal/lockfile"
)

// The process that puts outputs together keeps <cache>/gocache-<token>.lock locked as long as it
// lives, with the token that is in the names of its partial files.
const (
	ownerPrefix = "gocache-"
	ownerEnd    = ".lock"
)

func (c *Cache) ownerFile(token string) string {
	return filepath.Join(c.dir, ownerPrefix+token+ownerEnd)
}

// owner is the lock of one process. It is taken before the first partial file is created.
type owner struct {
	once sync.Once
	lock *lockfile.Lock // nil: none
}

// mark locks the file. Where the file system has no locks, the file goes, and others go by the age
// of partial files.
func (o *owner) mark(file string) {
	o.once.Do(func() {
		l, err := lockfile.Create(file)
		if err == nil {
			o.lock = &l
		} else if !errors.Is(err, lockfile.ErrLocked) {
			_ = os.Remove(file)
		}
	})
}

// Close says that all outputs have been placed or removed. What was not is left to others, as
// after a kill, but they go by its age.
func (p Partials) Close() error {
	p.owner.once.Do(func() {})
	if p.owner.lock == nil {
		return nil
	}
	return p.owner.lock.Remove()
}

// Owners are the processes that put outputs together, or did until they were killed.
type Owners struct {
	c     *Cache
	alive map[string]bool          // by their tokens
	dead  map[string]lockfile.Lock // by their tokens
}

// FindOwners finds out which processes live, and locks the files of the others until Close.
func (c *Cache) FindOwners() Owners {
	o := Owners{c, map[string]bool{}, map[string]lockfile.Lock{}}
	list, _ := os.ReadDir(c.dir) // of what cannot be read nothing is known
	for _, f := range list {
		token, isOwner := strings.CutPrefix(f.Name(), ownerPrefix)
		token, isLock := strings.CutSuffix(token, ownerEnd)
		if !isOwner || !isLock || !f.Type().IsRegular() {
			continue
		}
		l, err := lockfile.Take(c.ownerFile(token))
		if err == nil {
			o.dead[token] = l
		}
		o.alive[token] = errors.Is(err, lockfile.ErrLocked)
	}
	return o
}

// Discard removes a partial output if the process that made it was killed. If that cannot be told,
// it goes if it was not written to since before, in nanoseconds since the epoch.
func (o Owners) Discard(path string, before int64) (bool, error) {
	token := tokenOf(path)
	if o.alive[token] {
		return false, nil
	}
	if _, ok := o.dead[token]; ok {
		before = math.MaxInt64
	}
	return o.c.discardOld(path, before)
}

// Close removes the files of the killed processes.
func (o Owners) Close() {
	for _, l := range o.dead {
		_ = l.Remove() // it is empty
	}
}

// tokenOf returns the token in the name of a partial output.
func tokenOf(path string) string {
	_, rest, _ := strings.Cut(path, "-d.")
	return strings.TrimSuffix(rest, partialEnd)
}
