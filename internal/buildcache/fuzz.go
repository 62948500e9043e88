package buildcache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/org/gocache-action/internal/osfile"
)

// InstallFuzzFile adds a file to the fuzzing corpus by its name relative to the cache ("fuzz/..."),
// and reports whether it did: one that exists is left alone, since the fuzzer names files by their
// content. The file appears by a rename.
func (c *Cache) InstallFuzzFile(name string, data []byte) (written bool, err error) {
	if !strings.HasPrefix(name, "fuzz/") || !filepath.IsLocal(filepath.FromSlash(name)) {
		return false, fmt.Errorf("%q is not a file of the fuzzing corpus", name)
	}
	dst := filepath.Join(c.dir, filepath.FromSlash(name))
	if _, err := os.Lstat(dst); err == nil {
		return false, nil
	}
	if err := os.MkdirAll(filepath.Dir(dst), 0o777); err != nil {
		return false, err
	}
	f, err := os.CreateTemp(filepath.Dir(dst), ".tmp-*")
	if err != nil {
		return false, err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(fs.FileMode(0o644)), f.Close()); err == nil {
		err = osfile.Rename(f.Name(), dst)
	}
	if err != nil {
		os.Remove(f.Name())
		return false, err
	}
	return true, nil
}
