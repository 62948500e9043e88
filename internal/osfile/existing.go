package osfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Existing is the next file at or above path that exists, or may exist: one that cannot be looked
// at counts. A directory that is made when it is needed need not be there yet.
func Existing(path string) string {
	for {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path
		}
		parent := filepath.Dir(path)
		if parent == path {
			return path
		}
		path = parent
	}
}
