package modcache

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/osfile"
)

// Use is what the file system says about the use of a version. The go command keeps no record of
// it.
type Use struct {
	// Arrived is when the version was downloaded or installed: the time of .ziphash, or of .mod
	// where there is no tree.
	Arrived time.Time
	// Read is when a file of the tree (or .mod, without a tree) was last read after it was written.
	// It is zero if there was no such read, or if the file system does not record reads.
	//
	// go build and go vet read every source file of the packages that they use, even when all
	// results are cached. go.mod in the root of the tree does not count, since the go command also
	// reads it in modules in which it merely looks for a package. Directories do not count, since
	// many programs list them.
	Read time.Time
	// Files and Bytes describe the tree, Zip is the size of the zip. Files and Bytes are too low if
	// the search ended early.
	Files      int
	Bytes, Zip int64
}

// Last is the later of the two times.
func (u Use) Last() time.Time {
	if u.Read.After(u.Arrived) {
		return u.Read
	}
	return u.Arrived
}

// Use examines the times of the files of a version. It stops at the first file that was read after
// enough; if enough is zero, it examines all files.
func (c *Cache) Use(v module.Version, enough time.Time) (Use, error) {
	p, err := locate(v)
	if err != nil {
		return Use{}, err
	}
	var u Use
	u.Arrived = modTime(c.path(p.base + ".ziphash"))
	if st, err := os.Lstat(c.path(p.base + ".zip")); err == nil {
		u.Zip = st.Size()
	}
	root := c.path(p.tree)
	if _, err := os.Lstat(root); err != nil {
		return modUse(c.layout, p, u), nil
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		u.Files++
		u.Bytes += st.Size()
		if filepath.Dir(path) == root && d.Name() == "go.mod" {
			return nil
		}
		if t, ok := readTime(st); ok && t.After(u.Read) {
			u.Read = t
		}
		if !enough.IsZero() && u.Read.After(enough) {
			return filepath.SkipAll
		}
		return nil
	})
	if err != nil {
		return u, fmt.Errorf("module %s: %w", v, err)
	}
	return u, nil
}

// modUse adds to u the times of .mod and .info. They tell the use of a version that has no tree:
// every go command that loads a module graph with the version reads its .mod.
func modUse(l layout, p place, u Use) Use {
	for _, suffix := range []string{".mod", ".info"} {
		if st, err := os.Lstat(l.path(p.base + suffix)); err == nil {
			if st.ModTime().After(u.Arrived) {
				u.Arrived = st.ModTime()
			}
			if t, ok := readTime(st); ok && t.After(u.Read) {
				u.Read = t
			}
		}
	}
	return u
}

// GraphUse returns when the .mod and .info of a version arrived, and when one of them was last
// read.
func (c *Cache) GraphUse(v module.Version) (arrived, read time.Time) {
	p, err := locate(v)
	if err != nil {
		return time.Time{}, time.Time{}
	}
	u := modUse(c.layout, p, Use{})
	return u.Arrived, u.Read
}

// Asked is when a go command last loaded packages of a version: then it reads the go.mod of the
// tree and the .info, before it compiles anything. It is the time of arrival if that is later, or
// if the file system does not record reads.
func (c *Cache) Asked(v module.Version) (last time.Time) {
	p, err := locate(v)
	if err != nil {
		return last
	}
	for _, name := range []string{p.tree + "/go.mod", p.base + ".info", p.base + ".ziphash"} {
		st, err := os.Lstat(c.path(name))
		if err != nil {
			continue
		}
		at := st.ModTime()
		// .ziphash is read by whoever lists the cache, not only by go commands
		if read, ok := readTime(st); ok && !strings.HasSuffix(name, ".ziphash") {
			at = read
		}
		if at.After(last) {
			last = at
		}
	}
	return last
}

// readTime returns when a file was read after it was written. A file system may set both times when
// a file is created, and the time of access first.
func readTime(st fs.FileInfo) (time.Time, bool) {
	ns, ok := osfile.AccessTime(st)
	if !ok || !time.Unix(0, ns).After(st.ModTime()) {
		return time.Time{}, false
	}
	return time.Unix(0, ns), true
}

// RecordsReads reports whether the file system records reads, so that a zero Use.Read means that a
// version was not used.
func (c *Cache) RecordsReads() bool { return osfile.RecordsReads(c.dir) }

// Touched is when a file of a version in cache/download, or the root of its tree, was last written.
// For a broken version, that is about when its extraction was interrupted.
func (c *Cache) Touched(v module.Version) (t time.Time) {
	p, err := locate(v)
	if err != nil {
		return t
	}
	for _, name := range []string{p.tree, p.base + ".partial", p.base + ".zip", p.base + ".ziphash", p.base + ".mod", p.base + ".info"} {
		if m := modTime(c.path(name)); m.After(t) {
			t = m
		}
	}
	return t
}
