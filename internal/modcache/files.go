package modcache

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/osfile"
)

// File is a file of the cache.
type File struct {
	Name string // relative to the cache directory, with slashes
	Size int64  // bytes
	Mode fs.FileMode
}

// Measure counts the files of a tree and their bytes, without reading them. If the figures are
// lower than those of the whole module, files are missing or cut off.
func (c *Cache) Measure(v module.Version) (files int, bytes int64, err error) {
	p, err := locate(v)
	if err != nil {
		return 0, 0, err
	}
	err = c.walk(p, func(f File) {
		files++
		bytes += f.Size
	})
	return files, bytes, err
}

// Files lists the files of a version: .info, .mod and .ziphash, if they exist, then the tree in the
// order of its h1 hash. The zip is not listed. Anything but regular files and directories in the
// tree is an error.
func (c *Cache) Files(v module.Version) ([]File, error) {
	p, err := locate(v)
	if err != nil {
		return nil, err
	}
	files := c.smallFiles(p, ".info", ".mod", ".ziphash")
	n := len(files)
	if err := c.walk(p, func(f File) { files = append(files, f) }); err != nil {
		return nil, err
	}
	// Escaping does not change the order: all names share the escaped part.
	slices.SortFunc(files[n:], func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}

// ModFile is the name of the cached go.mod of a version, relative to the cache directory.
// Toolchains have none.
func (c *Cache) ModFile(v module.Version) (name string, ok bool) {
	p, err := locate(v)
	if err != nil {
		return "", false
	}
	return p.base + ".mod", len(c.smallFiles(p, ".mod")) > 0
}

// OpenFile opens a file by its name relative to the cache directory. Where the system allows it,
// reading the file does not count as a use of the version (see Use). Names that lead out of the
// cache are refused.
func (c *Cache) OpenFile(name string) (*os.File, error) {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil, fmt.Errorf("module cache: invalid file name %.300q", name)
	}
	return osfile.OpenQuietly(c.path(name))
}

// GraphFiles lists the .mod files of the versions that are not Complete, the .info files of all
// versions, and what the checksum database served, sorted by name. (An .info can arrive later than
// its version, so it may be missing from the stored version.)
func (c *Cache) GraphFiles(ctx context.Context) ([]File, error) {
	mods, err := c.Scan(ctx)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, m := range mods {
		p, err := locate(m.Version)
		if err != nil {
			return nil, err
		}
		suffixes := []string{".info", ".mod"}
		if m.State == Complete {
			suffixes = suffixes[:1]
		}
		files = append(files, c.smallFiles(p, suffixes...)...)
	}
	sumdb, err := sumdbFiles(ctx, c.path(sumdbDir), c.o)
	if err != nil {
		return nil, err
	}
	files = append(files, sumdb...)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}

// HasVersions reports whether the module cache in dir has anything of any module.
func HasVersions(dir string) bool {
	list, _ := os.ReadDir(filepath.Join(dir, filepath.FromSlash(downloadDir)))
	return slices.ContainsFunc(list, func(d os.DirEntry) bool { return d.IsDir() && d.Name() != "sumdb" && d.Name() != "go" })
}

// IsLookedUp reports whether a go command has asked the checksum database about a version: then the
// cache has the answer.
func (c *Cache) IsLookedUp(v module.Version) bool {
	p, err := module.EscapePath(v.Path)
	if err != nil {
		return false
	}
	version, err := module.EscapeVersion(v.Version)
	if err != nil {
		return false
	}
	root := c.path(sumdbDir)
	databases, err := os.ReadDir(root)
	return err == nil && slices.ContainsFunc(databases, func(d os.DirEntry) bool {
		_, err := os.Lstat(filepath.Join(root, d.Name(), "lookup", filepath.FromSlash(p)+"@"+version))
		return err == nil
	})
}

// sumdbFiles lists what the checksum database served, in the directory root.
func sumdbFiles(ctx context.Context, root string, o Options) ([]File, error) {
	var files []File
	if _, err := os.Lstat(root); err != nil {
		return nil, nil
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return o.unread(sumdbDir, err)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		st, err := d.Info()
		if err == nil && st.Size() > 0 {
			rel := filepath.ToSlash(path[len(root):])
			files = append(files, File{Name: sumdbDir + rel, Size: st.Size(), Mode: st.Mode()})
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("listing the cached checksum database: %w", err)
	}
	return files, nil
}
