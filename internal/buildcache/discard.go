package buildcache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/org/gocache-action/internal/osfile"
)

// DiscardAction removes an action entry and reports true, unless the entry was used or written
// since it was scanned. With reads, having been read is a use, too, where the scan itself has not
// been recorded as that. An entry that is used between that check and the removal is lost, as it is
// when the go command itself trims.
func (c *Cache) DiscardAction(e Local, reads bool) (bool, error) {
	return discard(c.actionFile(e.Action), e.ActionTime, func(path string, st fs.FileInfo) bool {
		read, _ := osfile.AccessTime(st)
		return reads && read > e.ActionRead && osfile.HidesReads(path)
	})
}

// DiscardOutput does the same for an output. The entries that name it must have been removed
// before, see the package comment.
func (c *Cache) DiscardOutput(o Output) (bool, error) {
	return discard(c.outputFile(o.ID), o.Time, func(string, fs.FileInfo) bool { return false })
}

// DiscardBroken removes what Scan found broken, unless it was written at or after before, in
// nanoseconds since the epoch: then a go command may still be writing it.
func (c *Cache) DiscardBroken(b Broken, before int64) (bool, error) {
	return c.discardOld(b.Path, before)
}

// discardOld removes what was not written to since before. name is relative to the cache directory,
// with slashes.
func (c *Cache) discardOld(name string, before int64) (bool, error) {
	path := filepath.Join(c.dir, filepath.FromSlash(name))
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && st.ModTime().UnixNano() >= before {
		return false, nil
	}
	if err == nil {
		err = osfile.RemoveAll(path)
	}
	if err != nil {
		return false, fmt.Errorf("removing broken cache entry: %w", err)
	}
	return true, nil
}

func discard(path string, scanned int64, used func(string, fs.FileInfo) bool) (bool, error) {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (st.ModTime().UnixNano() != scanned || used(path, st)) {
		return false, nil
	}
	if err == nil {
		err = osfile.RemoveAll(path) // programs are directories
	}
	if err != nil {
		return false, fmt.Errorf("removing cache entry: %w", err)
	}
	return true, nil
}
