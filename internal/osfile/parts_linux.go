package osfile

import (
	"io"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"
)

// maxParts is how many pieces of memory one system call takes (IOV_MAX).
const maxParts = 1024

// WriteParts writes pieces of memory one after the other, in one system call unless there are more
// than it takes.
func (f *File) WriteParts(parts ...[]byte) (int64, error) {
	return f.writeParts(parts, func(parts [][]byte, _ int64) (int, error) {
		if len(parts) == 1 {
			return unix.Write(f.fd, parts[0])
		}
		return unix.Writev(f.fd, parts)
	})
}

// WritePartsAt does so at an offset of the file. What lies before it, and was not written, is zero.
func (f *File) WritePartsAt(off int64, parts ...[]byte) (int64, error) {
	return f.writeParts(parts, func(parts [][]byte, done int64) (int, error) {
		if len(parts) == 1 {
			return unix.Pwrite(f.fd, parts[0], off+done)
		}
		return unix.Pwritev(f.fd, parts, off+done)
	})
}

// writeParts calls write until all is written. done is how many bytes are already.
func (f *File) writeParts(parts [][]byte, write func(parts [][]byte, done int64) (int, error)) (done int64, err error) {
	for len(parts) > 0 {
		n, err := write(parts[:min(len(parts), maxParts)], done)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return done, &fs.PathError{Op: "write", Path: f.path, Err: err}
		}
		done += int64(n)
		rest := skip(parts, n)
		if n == 0 && len(rest) == len(parts) {
			return done, &fs.PathError{Op: "write", Path: f.path, Err: io.ErrShortWrite}
		}
		parts = rest
	}
	return done, nil
}

// skip returns the parts without their first n bytes. It does not change the list.
func skip(parts [][]byte, n int) [][]byte {
	for len(parts) > 0 && n >= len(parts[0]) {
		n -= len(parts[0])
		parts = parts[1:]
	}
	if n > 0 {
		parts = slices.Clone(parts)
		parts[0] = parts[0][n:]
	}
	return parts
}

// Reopen opens a file that is there for writing, and leaves what it holds.
func Reopen(path string) (*File, error) { return open(path, unix.O_WRONLY, 0) }
