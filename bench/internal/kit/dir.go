package kit

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Dir is the directory in which a benchmark works.
type Dir string

// Path returns a path in the directory.
func (d Dir) Path(elem ...string) string {
	return filepath.Join(append([]string{string(d)}, elem...)...)
}

// Make makes directories in the directory, with their parents.
func (d Dir) Make(names ...string) error {
	for _, name := range names {
		if err := os.MkdirAll(d.Path(name), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// TreeSize returns the number of regular files below a directory and the sum of their sizes.
func TreeSize(root string) (files int, bytes int64, err error) {
	err = filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files, bytes = files+1, bytes+info.Size()
		return nil
	})
	return files, bytes, err
}
