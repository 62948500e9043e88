package modcache

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/osfile"
)

// Use is what the file system tells about the use of a version. The go command itself keeps no
// record of it.
type Use struct {
	// Arrived is when the version was downloaded or installed: the time of .ziphash, or of .mod
	// where there is no tree.
	Arrived time.Time
	// Read is when a file of the tree (or .mod) was last seen to be read after it was written;
	// zero: never, or the file system does not record reads.
	//
	// go build and go vet read every source file of the packages that they use, also when all of
	// their results are cached. go.mod in the root of the tree does not count, since the go command
	// reads it also of modules in which it only looks for a package; directories do not count,
	// since everybody lists them.
	Read time.Time
	// Files and Bytes are those of the tree, Zip are the bytes of the zip. Files is not complete
	// when the search ended early.
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

// Use looks at the times of all files of a version. It ends early when one of them was read after
// enough; a zero enough looks at all of them.
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

// GraphUse is when the .mod or .info of a version came or was read last, whichever is later.
func (c *Cache) GraphUse(v module.Version) (arrived, read time.Time) {
	p, err := locate(v)
	if err != nil {
		return time.Time{}, time.Time{}
	}
	u := modUse(c.layout, p, Use{})
	return u.Arrived, u.Read
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

// RecordsReads reports whether Use.Read can tell that a version was not used: the file system
// records reads.
func (c *Cache) RecordsReads() bool { return osfile.RecordsReads(c.dir) }

// Touched is when anything of a version was written last, as far as its top level shows: of a
// broken one, when its extraction was broken off.
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
