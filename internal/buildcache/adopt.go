package buildcache

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/org/gocache-action/internal/osfile"
)

// AdoptOutput moves an output here from another cache on the same file system, in place of what is
// here of that name.
func (c *Cache) AdoptOutput(from *Cache, o Output) error {
	return adopt(from.outputFile(o.ID), c.outputFile(o.ID))
}

// AdoptAction does the same for an action entry. Its output must be here.
func (c *Cache) AdoptAction(from *Cache, e Local) error {
	return adopt(from.actionFile(e.Action), c.actionFile(e.Action))
}

func adopt(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return fmt.Errorf("adopting cache entry: %w", err)
	}
	for _, path := range []string{from, to} { // only files can be renamed over files
		if st, err := os.Lstat(path); err == nil && st.IsDir() {
			if err := osfile.RemoveAll(to); err != nil {
				return fmt.Errorf("adopting cache entry: %w", err)
			}
		}
	}
	if err := osfile.Rename(from, to); err != nil {
		return fmt.Errorf("adopting cache entry: %w", err)
	}
	return nil
}
