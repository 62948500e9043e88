package buildcache

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/org/gocache-action/internal/osfile"
)

// MoveOutput moves an output from one cache to another on the same file system, in place of what is
// there of that name.
func MoveOutput(from, to *Cache, o Output) error {
	return moveFile(from.outputFile(o.ID), to.outputFile(o.ID))
}

// MoveAction does the same for an action entry. Its output must be there.
func MoveAction(from, to *Cache, e Local) error {
	return moveFile(from.actionFile(e.Action), to.actionFile(e.Action))
}

func moveFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return fmt.Errorf("moving cache entry: %w", err)
	}
	for _, path := range []string{from, to} { // only files can be renamed over files
		if st, err := os.Lstat(path); err == nil && st.IsDir() {
			if err := osfile.RemoveAll(to); err != nil {
				return fmt.Errorf("moving cache entry: %w", err)
			}
		}
	}
	if err := osfile.Rename(from, to); err != nil {
		return fmt.Errorf("moving cache entry: %w", err)
	}
	return nil
}
