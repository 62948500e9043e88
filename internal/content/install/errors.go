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

// ContentError says that something that arrived is not what it should be, whatever the disk.
type ContentError struct{ Err error }

func (e *ContentError) Error() string { return e.Err.Error() }
func (e *ContentError) Unwrap() error { return e.Err }

// IsLocal reports whether an error is one of the local disk.
func IsLocal(err error) bool {
	var l *LocalError
	return errors.As(err, &l)
}

// Classify says of an error of one of the caches whether the disk failed (LocalError), which it did
// if a system call says so, or the content is wrong (ContentError). Left as they are: failures of
// the store that the bytes come from, what is there already, a name that the file system cannot
// have, and a file that another program has open.
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

// Retryable reports whether what failed may succeed when the same object is read again: its bytes
// were wrong or came to an end, perhaps only on their way, or it was replaced meanwhile.
func Retryable(err error) bool {
	var content *ContentError
	switch {
	case store.IsFailure(err): // has been tried again already
		return false
	case errors.As(err, &content), errors.Is(err, snapshot.ErrCorrupt), errors.Is(err, store.ErrConflict):
		return true
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// Twice does once more what failed for what was read.
func Twice(read func() error) error {
	err := read()
	if !Retryable(err) {
		return err
	}
	return read()
}

// StoreError names the object that the store failed on.
func StoreError(object string, err error) error { return store.Named("object", object, err) }
