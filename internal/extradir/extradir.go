// Package extradir reads and fills directories without knowing the meaning of their files: the
// caches of other programs that run in Go jobs, such as linters.
//
// Only regular files count, by their names, contents and execute bits; links, devices and empty
// directories do not. Files are added, never replaced. All that is written goes through an
// [os.Root], so that neither a name nor a link in the directory leads out of it.
package extradir

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/samedir"
	"github.com/org/gocache-action/internal/snapshot"
)

// Path is one such directory.
type Path struct {
	Name string // in snapshots, the same on all machines
	Dir  string // absolute, here
}

// File is a regular file of a Path.
type File struct {
	Name string // relative, with slashes
	Size int64  // bytes
	Exec bool
	// Used is when the file was last written or read, in nanoseconds since the epoch. Reads count
	// if the file system records them.
	Used int64
}

// unfinished is the prefix of the names of files that Install is still writing. Files that a killed
// process left are removed once they are a day old.
const unfinished = ".gocache-unfinished-"

// Scan lists the files below dir, in the order of a walk. A missing directory has none. Scan calls
// skipped, with the reason, for what cannot be stored or read, such as a file of more than
// snapshot.MaxPathFile bytes or a directory of another user.
func Scan(ctx context.Context, dir string, skipped func(name string, reason error)) (list []File, err error) {
	dir = samedir.Real(dir) // WalkDir follows no link, not even as its root
	err = filepath.WalkDir(dir, func(full string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		rel, relErr := filepath.Rel(dir, full)
		if relErr != nil {
			return relErr
		}
		if err == nil && (!d.Type().IsRegular() || strings.HasPrefix(d.Name(), unfinished)) {
			return nil
		}
		var info fs.FileInfo
		if err == nil {
			info, err = d.Info()
		}
		if err != nil {
			if err = unlessGone(err); err != nil {
				// a directory that cannot be read has nothing below it
				skipped(filepath.ToSlash(rel), err)
			}
			return nil
		}
		f := File{Name: filepath.ToSlash(rel), Size: info.Size(), Exec: info.Mode()&0o111 != 0, Used: info.ModTime().UnixNano()}
		if read, ok := osfile.AccessTime(info); ok {
			f.Used = max(f.Used, read)
		}
		if err := snapshot.CheckPathFile(f.Name, f.Size); err != nil {
			skipped(f.Name, err)
			return nil
		}
		list = append(list, f)
		return nil
	})
	return list, err
}

// unlessGone lets a walk continue if another process removed something.
func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Open opens a file for reading. Where the system allows it, that does not count as a use.
func (p Path) Open(name string) (*os.File, error) {
	return osfile.OpenQuietly(filepath.Join(p.Dir, filepath.FromSlash(name)))
}

// Sum reads in to its end, and returns the SHA-256 in hex and the number of bytes. It reads into
// buf.
func Sum(in io.Reader, buf []byte) (string, int64, error) {
	h := sha256.New()
	// hide the WriteTo method of files, which allocates a buffer
	n, err := io.CopyBuffer(h, struct{ io.Reader }{in}, buf)
	return hex.EncodeToString(h.Sum(nil)), n, err
}

// Dir is a directory to which files are added. It is safe for concurrent use.
type Dir struct{ root *os.Root }

// Create opens the directory, and makes it if it is missing. The caller must call Close.
func (p Path) Create() (*Dir, error) {
	if err := os.MkdirAll(p.Dir, 0o777); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(p.Dir)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(p.Dir)
	for _, e := range entries {
		if info, infoErr := e.Info(); infoErr == nil && strings.HasPrefix(e.Name(), unfinished) && time.Since(info.ModTime()) > 24*time.Hour {
			_ = root.Remove(e.Name())
		}
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return &Dir{root}, nil
}

// Close closes the directory.
func (d *Dir) Close() error { return d.root.Close() }

// Has reports whether anything has this name.
func (p Path) Has(name string) bool {
	_, err := os.Lstat(filepath.Join(p.Dir, filepath.FromSlash(name)))
	return err == nil
}

// Errors that concern one file only.
var (
	// ErrContent means that the bytes for a file do not match its record.
	ErrContent = errors.New("content does not match its hash")
	// ErrPlace means that a file cannot have its name here: a link leads out of the directory, a
	// file has the name of a directory, or the file system does not allow the name.
	ErrPlace = errors.New("something else is in its place")
)

// misplaced lists the errors of the system for a file in the place of a directory, a directory in
// the place of a file, and links in a loop.
var misplaced = []syscall.Errno{syscall.ENOTDIR, syscall.EISDIR, syscall.ENOTEMPTY, syscall.ELOOP}

// placeError distinguishes ErrPlace from failures of the disk.
func placeError(name string, err error) error {
	var no syscall.Errno
	if err != nil && (!errors.As(err, &no) || slices.Contains(misplaced, no) || errors.Is(err, fs.ErrExist) || osfile.IsBadName(err)) {
		return fmt.Errorf("%s: %w: %w", name, ErrPlace, err)
	}
	return err
}

// Install adds a file with the content of body, which must have f.Size bytes and the SHA-256 f.Sum.
// The time becomes that of the last write and the last read. The file appears by a rename and then
// gets its time. An existing file is left alone, and reported as not written.
func (d *Dir) Install(f snapshot.PathFile, body io.Reader, used time.Time) (written bool, err error) {
	if _, err := d.root.Lstat(f.Name); err == nil {
		return false, nil
	}
	if dir := path.Dir(f.Name); dir != "." {
		if err := d.root.MkdirAll(dir, 0o777); err != nil {
			return false, placeError(f.Name, err)
		}
	}
	tmp := fmt.Sprintf("%s%016x", unfinished, rand.Uint64())
	if err := d.write(tmp, f, body); err != nil {
		_ = d.root.Remove(tmp)
		return false, err
	}
	if err := d.root.Rename(tmp, f.Name); err != nil {
		_ = d.root.Remove(tmp)
		return false, placeError(f.Name, err)
	}
	// Set the time only now: Create removes unfinished files with an old time.
	return true, unlessGone(d.root.Chtimes(f.Name, used, used))
}

func (d *Dir) write(tmp string, f snapshot.PathFile, body io.Reader) error {
	mode := fs.FileMode(0o666)
	if f.Exec {
		mode = 0o777
	}
	out, err := d.root.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, h), io.LimitReader(body, f.Size+1))
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	if n != f.Size || hex.EncodeToString(h.Sum(nil)) != f.Sum {
		return fmt.Errorf("%s: %w", f.Name, ErrContent)
	}
	return nil
}
