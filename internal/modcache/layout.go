package modcache

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// layout knows where the files of module versions lie in a cache, and what their names, sizes and
// modes say.
type layout struct{ dir string }

// path turns a name relative to the cache into a path of this system.
func (l layout) path(name string) string {
	return l.dir + string(filepath.Separator) + filepath.FromSlash(name)
}

// place is where the files of a module version lie: names relative to the cache.
type place struct {
	v    module.Version
	base string // cache/download/<path>/@v/<version>; suffixes follow
	tree string // <path>@<version>
}

// TreeName is the directory of a module tree, with slashes and relative to the cache. The error is
// that of a path or version that cannot be escaped.
func TreeName(v module.Version) (string, error) {
	path, err := module.EscapePath(v.Path)
	if err != nil {
		return "", err
	}
	version, err := module.EscapeVersion(v.Version)
	return path + "@" + version, err
}

// Prefixes are what the names of the files of a tree begin with: in zips and in what h1 is made of,
// and relative to the cache. The error is that of TreeName.
func Prefixes(v module.Version) (plain, escaped string, err error) {
	tree, err := TreeName(v)
	return v.Path + "@" + v.Version + "/", tree + "/", err
}

// DownloadName is where .info, .mod, .zip and .ziphash of a canonical version lie: what their names
// have in common, with slashes and relative to the cache.
func DownloadName(v module.Version) (string, error) {
	p, err := locate(v)
	return p.base, err
}

// locate returns the place of a version. It accepts the versions that modfetch.CachePath accepts.
func locate(v module.Version) (place, error) {
	p, err := module.EscapePath(v.Path)
	if err != nil {
		return place{}, err
	}
	if !semver.IsValid(v.Version) || module.CanonicalVersion(v.Version) != v.Version {
		return place{}, fmt.Errorf("module %s: version %q is not canonical", v.Path, v.Version)
	}
	ver, err := module.EscapeVersion(v.Version)
	if err != nil {
		return place{}, err
	}
	return place{v: v, base: downloadDir + "/" + p + "/@v/" + ver, tree: p + "@" + ver}, nil
}

// unescape is the inverse of locate, for an escaped path and version.
func unescape(escPath, escVersion string) (module.Version, error) {
	p, err := module.UnescapePath(escPath)
	if err != nil {
		return module.Version{}, err
	}
	ver, err := module.UnescapeVersion(escVersion)
	if err != nil {
		return module.Version{}, err
	}
	v := module.Version{Path: p, Version: ver}
	_, err = locate(v)
	return v, err
}

// needsMod reports whether go commands need the .mod of the version.
func (p place) needsMod() bool { return p.v.Path != Toolchain }

// lock takes the go command's own lock on a version, or returns ErrBusy. As in cmd/go the lock file
// stays behind: if one process removed it, two could hold locks on different files of that name.
func (l layout) lock(p place) (unlock func(), err error) {
	file := l.path(p.base + ".lock")
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return nil, err
	}
	mutex := flock.New(file, flock.SetPermissions(0o666))
	ok, err := mutex.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", p.v, err)
	}
	if !ok {
		return nil, fmt.Errorf("%s: %w", p.v, ErrBusy)
	}
	return func() { _ = mutex.Unlock() }, nil
}

// hasFile reports whether a regular file of this name exists and is not empty.
func (l layout) hasFile(name string) bool {
	st, err := os.Lstat(l.path(name))
	return err == nil && st.Mode().IsRegular() && st.Size() > 0
}

// smallFiles lists those of the files with these suffixes in cache/download that exist and are not
// empty.
func (l layout) smallFiles(p place, suffixes ...string) []File {
	var files []File
	for _, suffix := range suffixes {
		st, err := os.Lstat(l.path(p.base + suffix))
		if err == nil && st.Mode().IsRegular() && st.Size() > 0 {
			files = append(files, File{Name: p.base + suffix, Size: st.Size(), Mode: st.Mode()})
		}
	}
	return files
}

// walk calls do for each file of a tree that belongs to the module.
func (l layout) walk(p place, do func(File)) error {
	root := l.path(p.tree)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return nil
		}
		if path == root || !d.Type().IsRegular() {
			return fmt.Errorf("%w: %s", ErrIrregular, path)
		}
		rel := filepath.ToSlash(path[len(root)+1:])
		if !isZipMember(p.v, rel) {
			return nil
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		do(File{Name: p.tree + "/" + rel, Size: st.Size(), Mode: st.Mode()})
		return nil
	})
	if err != nil {
		return fmt.Errorf("module %s: %w", p.v, err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// modTime is when a file or directory was written; the zero time if it cannot be told.
func modTime(path string) time.Time {
	st, err := os.Lstat(path)
	if err != nil {
		return time.Time{}
	}
	return st.ModTime()
}
