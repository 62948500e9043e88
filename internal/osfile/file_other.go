//go:build !linux

package osfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// File is a file open for writing. It is not safe for concurrent use.
type File struct {
	f *os.File
	t time.Time // to set after Close; zero: leave it
}

// Create creates path for writing with perm, less the umask. An existing path,
// whatever it is, is fs.ErrExist.
func Create(path string, perm fs.FileMode) (*File, error) {
	return open(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
}

// Overwrite opens path for writing from its start, and creates it with perm (less the umask) where
// there is none. The content stays until it is overwritten. cmd/go writes its build cache in this
// way, since a second writer of the same bytes then does no harm.
func Overwrite(path string, perm fs.FileMode) (*File, error) {
	return open(path, os.O_WRONLY|os.O_CREATE, perm)
}

func open(path string, flags int, perm fs.FileMode) (*File, error) {
	f, err := os.OpenFile(path, flags, perm)
	if err != nil {
		return nil, err
	}
	return &File{f: f}, nil
}

// Write writes all of p.
func (f *File) Write(p []byte) (int, error) { return f.f.Write(p) }

// Truncate sets the size, in bytes.
func (f *File) Truncate(size int64) error { return f.f.Truncate(size) }

// SetTime sets the access and modification times. Call it after the last Write. Package os has no
// call for an open file, so Close sets them.
func (f *File) SetTime(t time.Time) error {
	f.t = t
	return nil
}

// Close closes the file. An error can mean that written data is lost.
func (f *File) Close() error {
	if err := f.f.Close(); err != nil || f.t.IsZero() {
		return err
	}
	return os.Chtimes(f.f.Name(), f.t, f.t)
}

// Dir reads entries of one directory. Its methods are safe for concurrent use.
type Dir struct{ f *os.File }

// OpenDir opens a directory.
func OpenDir(path string) (*Dir, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if st, err := f.Stat(); err != nil || !st.IsDir() {
		f.Close()
		if err == nil {
			err = &fs.PathError{Op: "open", Path: path, Err: errors.New("not a directory")}
		}
		return nil, err
	}
	return &Dir{f}, nil
}

// Names lists the directory, unsorted. It can be called once.
func (d *Dir) Names() ([]string, error) { return d.f.Readdirnames(-1) }

// Close closes the directory.
func (d *Dir) Close() error { return d.f.Close() }

// Lstat describes the entry name without following a symbolic link.
func (d *Dir) Lstat(name string) (Info, error) {
	st, err := os.Lstat(filepath.Join(d.f.Name(), name))
	if err != nil {
		return Info{}, err
	}
	return info(st), nil
}

// ReadFile reads at most len(buf) bytes of the entry name, and describes it. It does not follow a
// symbolic link. A longer file fills buf; compare with Info.Size.
func (d *Dir) ReadFile(name string, buf []byte) (int, Info, error) {
	in, err := d.Lstat(name)
	if err != nil || !in.Mode.IsRegular() {
		return 0, in, err
	}
	f, err := os.Open(filepath.Join(d.f.Name(), name))
	if err != nil {
		return 0, Info{}, err
	}
	defer f.Close()
	n, err := io.ReadFull(f, buf)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, in, err
}

func info(st fs.FileInfo) Info {
	read, _ := AccessTime(st)
	uid, _ := Owner(st)
	return Info{Size: st.Size(), MTime: st.ModTime().UnixNano(), Mode: st.Mode(), ATime: read, UID: uid}
}
