// Package osfile creates and reads many small files with as few system calls as
// possible, and removes trees that the go command made read-only.
//
// On Linux it calls the kernel directly: an [os.File] registers each descriptor
// with the network poller (one system call more, which fails for regular files) and carries a
// finalizer. A file written in one piece costs exactly openat, write and close, and
// utimensat where an mtime is asked for. Other systems go through package os.
//
// All functions and the methods of [Dir] are safe for concurrent use; those of a [File] are not.
// Errors are *fs.PathError and match fs.ErrExist, fs.ErrNotExist and so on.
package osfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Info is the part of a file's status that the caches need.
type Info struct {
	Size  int64 // bytes
	MTime int64 // nanoseconds since the epoch
	Mode  fs.FileMode
	// ATime is when it was last read, in nanoseconds since the epoch; 0 if the system does not
	// tell. See RecordsReads.
	ATime int64
	UID   int // its owner; 0 if users have no numbers
}

// WriteFile creates path with data and, unless mtime is zero, that modification time.
// perm is subject to the umask. An existing path is fs.ErrExist and is left alone; after
// any other error nothing is left at path.
func WriteFile(path string, perm fs.FileMode, data []byte, mtime time.Time) error {
	f, err := Create(path, perm)
	if err != nil {
		return err
	}
	if len(data) > 0 {
		_, err = f.Write(data)
	}
	if err == nil && !mtime.IsZero() {
		err = f.SetTime(mtime)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(path)
	}
	return err
}

// Replace writes a small file by a rename, so that readers see either the old or the new content.
// Only this user can read the file. A missing directory is created with dirPerm.
func Replace(path string, data []byte, dirPerm fs.FileMode) error {
	return ReplaceMode(path, data, dirPerm, 0o600)
}

// ReplaceMode is Replace for a file with this mode.
func ReplaceMode(path string, data []byte, dirPerm, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, dirPerm); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".tmp-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if mode != 0o600 {
		err = errors.Join(err, f.Chmod(mode))
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// ReadQuietly does what os.ReadFile does, with OpenQuietly.
func ReadQuietly(path string) ([]byte, error) {
	f, err := OpenQuietly(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// RemoveAll removes path and everything below it, like os.RemoveAll, but also trees whose
// directories their owner may not write to, as in the module cache. A missing path is no error.
// Symbolic links are removed, never followed.
func RemoveAll(path string) error {
	err := os.RemoveAll(path)
	if err == nil || !errors.Is(err, fs.ErrPermission) && !IsLocked(err) {
		return err
	}
	// Only now, since most trees need no second walk. The mode of another user's directory cannot
	// be changed; os.RemoveAll then returns the error.
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(p, 0o700)
		}
		return nil
	})
	return retry(retryFor, func() error { return os.RemoveAll(path) })
}

// IsNoSpace reports whether err means that a disk or a quota is full, or that a file may not grow.
func IsNoSpace(err error) bool {
	for _, full := range noSpace {
		if errors.Is(err, full) {
			return true
		}
	}
	return false
}

// IsReadOnly reports whether err means that the file system is read-only.
func IsReadOnly(err error) bool { return errors.Is(err, readOnly) }

// IsBadName reports whether err means that the file system does not allow the name of a file,
// because it is too long or has invalid characters. The disk is fine then.
func IsBadName(err error) bool {
	for _, bad := range badName {
		if errors.Is(err, bad) {
			return true
		}
	}
	return false
}
