package buildcache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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

// scanFuzz lists the regular files of the fuzzing corpus of cache. It skips what it cannot read,
// and returns why.
func scanFuzz(ctx context.Context, cache string) (files []File, unread []error) {
	err := filepath.WalkDir(filepath.Join(cache, "fuzz"), func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && !d.Type().IsRegular() {
			return nil
		}
		var st fs.FileInfo
		if err == nil {
			st, err = d.Info()
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			unread = append(unread, fmt.Errorf("fuzzing corpus: %w", err))
			return nil // a directory that cannot be read has nothing below it
		}
		rel, err := filepath.Rel(cache, path)
		files = append(files, File{Name: filepath.ToSlash(rel), Size: st.Size()})
		return err
	})
	if err != nil && ctx.Err() == nil {
		unread = append(unread, fmt.Errorf("fuzzing corpus: %w", err))
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return files, unread
}
