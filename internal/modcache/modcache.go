// Package modcache knows the layout of GOMODCACHE, the go command's module cache, on local disk: it
// lists, reads, verifies, installs and removes module versions. It knows nothing of stores or of
// stored formats. The facts come from cmd/go/internal/modfetch of go1.26 and from running it.
//
// # Layout
//
// Paths and versions are case-encoded with golang.org/x/mod/module.
//
//   - <path>@<version>/ is the extracted tree: files 0444, directories 0555.
//   - cache/download/<path>/@v/<version>.info, .mod, .zip are what a proxy served.
//   - .ziphash beside them is the h1 hash of the zip, which is also that of the tree.
//   - .partial beside them exists while a tree is being extracted.
//   - .lock beside them is locked (flock) by the process that downloads, extracts or, in this
//     package, installs the version.
//   - cache/download/sumdb holds what the checksum database served.
//   - cache/vcs, list and lock files are not needed by any go command, and are not listed by this
//     package.
//
// To the go command, a tree is complete when it is a directory, has no .partial and has a .ziphash.
// The go command never checks its content again. Without .mod, almost nothing works. Only "go mod
// download" and "go list -m -json" need .info; "go build" does not fetch it, so complete versions
// may lack it.
//
// # Limits
//
// What is installed must satisfy the rules of golang.org/x/mod/zip, which the go command
// applies to everything it extracts, and in particular:
//
//   - a tree has at most [MaxFiles] files, which together have at most [MaxTreeSize] bytes;
//   - a .mod file has at most [MaxGoMod] bytes, an .info file or a file of the checksum
//     database at most [MaxInfo];
//   - the path of a file below the tree has at most [MaxName] bytes, an element of it 255, and it
//     is at most 64 directories deep; the names of all files and directories have at most
//     [MaxNames] bytes, and there are at most [MaxDirs] directories;
//   - names pass module.CheckFilePath: relative, no "..", nothing that Windows reserves;
//   - no two names are equal under case folding, and none is both a file and a directory;
//   - there are only regular files: no symbolic links, no empty directories.
//
// Not covered: golang.org/fips140, which cmd/go unpacks from GOROOT, not from a download.
//
// # Toolchains
//
// Versions of golang.org/toolchain are modules like others, except that the go command fetches
// neither their .info nor their .mod. To switch to one offline it needs .ziphash and
// cache/download/sumdb. On first use it sets execute bits, which this package keeps, and copies
// every _go.mod to a go.mod, which is not part of the module and which this package ignores.
package modcache

import (
	"errors"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

// Limits on what is installed; see the package comment.
const (
	MaxFiles    = 1 << 18
	MaxTreeSize = modzip.MaxZipFile // 500 MiB, as in cmd/go
	MaxGoMod    = modzip.MaxGoMod   // 16 MiB, as in cmd/go
	MaxInfo     = 1 << 20
	MaxName     = 4096
	MaxDirs     = 1 << 15
	MaxNames    = 16 << 20 // of a tree; with path and version for each, as in the zip
	maxElement  = 255      // no file system takes more
	maxDepth    = 64       // the time to make a directory grows with those above it
)

// Toolchain is the path of the module of Go toolchains that the go command downloads, about 300 MB
// a version.
const Toolchain = "golang.org/toolchain"

// SumDB is where a module cache in dir keeps the answers of checksum databases.
func SumDB(dir string) string { return filepath.Join(dir, filepath.FromSlash(sumdbDir)) }

const (
	downloadDir = "cache/download"
	sumdbDir    = downloadDir + "/sumdb"
	fips140Path = "golang.org/fips140"
)

// ErrBusy means that another process, mostly a go command, is downloading, extracting or installing
// the module version right now. The caller should leave the version to it.
var ErrBusy = errors.New("module version is locked by another process")

// ErrIrregular means that a tree has something other than directories and regular files, which no
// module has.
var ErrIrregular = errors.New("not a regular file")

// Options are options of a Cache. The zero value is right for a go command without GOFLAGS.
type Options struct {
	// Writable leaves directories writable, as GOFLAGS=-modcacherw does.
	Writable bool
	// If Skipped is set, Scan calls it for each name (relative to the cache, with slashes) that
	// does not belong to a module version, with the reason.
	Skipped func(name string, reason error)
	// If Unread is set, it is called for each directory that cannot be read, and the others are
	// listed. Without it, such a directory is an error.
	Unread func(name string, err error)
}

// unread tells Unread why a directory cannot be read. Without Unread it returns the error.
func (o Options) unread(name string, err error) error {
	if err == nil || o.Unread == nil {
		return err
	}
	o.Unread(name, err)
	return nil
}

// Cache is a module cache in a local directory. Its methods are safe for concurrent use, by several
// processes and beside go commands, too.
type Cache struct {
	layout
	o Options
	// step is for tests: it is called before each change of the cache, which fails with its error.
	step func(what string) error
}

// Open returns the module cache in dir, which need not exist. It touches nothing.
func Open(dir string, o Options) *Cache {
	return &Cache{layout: layout{filepath.Clean(dir)}, o: o, step: func(string) error { return nil }}
}

// Dir returns the directory of the cache.
func (c *Cache) Dir() string { return c.dir }

// isZipMember reports whether a file of a tree is part of the module's zip. The exception are the
// go.mod files that cmd/go adds to toolchains. They are the ones below the root, where
// golang.org/x/mod/zip allows no go.mod.
func isZipMember(v module.Version, rel string) bool {
	return v.Path != Toolchain || path.Base(rel) != "go.mod" || !strings.Contains(rel, "/")
}
