package install

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// LocalError is a failure of the local disk.
type LocalError struct{ Err error }

func (e *LocalError) Error() string { return e.Err.Error() }
func (e *LocalError) Unwrap() error { return e.Err }

// ContentError says that what arrived is not what it should be.
type ContentError struct{ Err error }

func (e *ContentError) Error() string { return e.Err.Error() }
func (e *ContentError) Unwrap() error { return e.Err }

// IsLocal reports whether an error is one of the local disk.
func IsLocal(err error) bool {
	var l *LocalError
	return errors.As(err, &l)
}

// IsContent reports whether an error says that what arrived is not what it should be.
func IsContent(err error) bool {
	var c *ContentError
	return errors.As(err, &c)
}

// Classify turns an error of one of the caches into a LocalError if it comes from a system call,
// and into a ContentError otherwise. It leaves alone what is neither: failures of the store that
// the bytes come from, files that exist already, names that the file system cannot have, and files
// that another program has open.
func Classify(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	var no syscall.Errno
	switch {
	case err == nil, store.IsFailure(err), errors.Is(err, fs.ErrExist), osfile.IsBadName(err), osfile.IsLocked(err):
		return err
	case errors.As(err, &path), errors.As(err, &link), errors.As(err, &no):
		return &LocalError{err}
	}
	return &ContentError{err}
}

// Retryable reports whether reading the same object again may help: its bytes were wrong or ended
// early, perhaps only on the way, or it was replaced in the meantime.
func Retryable(err error) bool {
	switch {
	case store.IsFailure(err): // the store has tried again already
		return false
	case IsContent(err), errors.Is(err, snapshot.ErrCorrupt), errors.Is(err, store.ErrConflict):
		return true
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// Twice calls read again if its error is Retryable.
func Twice(read func() error) error {
	err := read()
	if !Retryable(err) {
		return err
	}
	return read()
}

// StoreError adds the name of the object that the store failed on.
func StoreError(object string, err error) error { return store.Named("object", object, err) }
