package modcache

import (
	"os"
	"strings"

	"github.com/org/gocache-action/internal/lockfile"
)

// DeadStages lists the stages whose process was killed, by their names in the directory "cache". It
// changes nothing: NewStage removes them.
func DeadStages(c *Cache) (names []string, err error) {
	list, err := os.ReadDir(c.path("cache"))
	if os.IsNotExist(err) {
		return nil, nil
	}
	for _, d := range list {
		if !d.IsDir() || !strings.HasPrefix(d.Name(), stagePrefix) {
			continue
		}
		lock, err := lockfile.Take(c.path("cache/" + d.Name() + ".lock"))
		if err == nil {
			names = append(names, d.Name())
			_ = lock.Unlock()
		}
	}
	return names, err
}

// LocksWork tries the lock that go commands share. It reports whether another process holds it, and
// an error if the file system has no locks. Without that file it knows nothing.
func LocksWork(c *Cache) (held bool, err error) {
	file := c.path("cache/lock")
	if !exists(file) {
		return false, nil
	}
	return lockfile.Held(file)
}
