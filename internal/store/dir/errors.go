package dir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/store"
)

// An Error is what the file system says about a directory that is a store. It wraps an error of
// package store.
type Error struct{ err error }

func (e *Error) Error() string { return e.err.Error() }
func (e *Error) Unwrap() error { return e.err }

// failed names the operation, the object and the directory, and classifies the error.
func failed(op, name, root string, err error) error {
	return &Error{store.Failed(op, name, "in", root, classify(root, err))}
}

// classify adds to an error of the file system the error of the contract.
func classify(root string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), osfile.IsReadOnly(err):
		return fmt.Errorf("%w: %w", store.ErrDenied, err)
	case isFile(root):
		return fmt.Errorf("%w: it is a file, not a directory", store.ErrNoStore)
	case errors.Is(err, fs.ErrNotExist):
		return store.ErrNotFound
	case errors.Is(err, syscall.ENOTDIR):
		// A parent of the name is an object.
		return fmt.Errorf("%w: %w", store.ErrNotFound, err)
	}
	return err
}

// putFailed is failed for a Put, where a missing directory is not a missing object.
func putFailed(name, root string, err error) error {
	missing := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
	if !missing {
		return failed("write", name, root, err)
	}
	if fi, statErr := os.Stat(root); statErr != nil || !fi.IsDir() {
		err = fmt.Errorf("%w: %w", store.ErrNoStore, err)
	}
	return &Error{store.Failed("write", name, "in", root, err)}
}

func isFile(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && !fi.IsDir()
}
