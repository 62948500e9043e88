package osfile

import (
	"errors"
	"os"
	"time"
)

// retryFor bounds how long an operation is repeated that fails because another program has a file
// open: on Windows, virus scanners and indexers open new files for moments (golang/go#36568).
const retryFor = 2 * time.Second

// Rename calls os.Rename, and repeats it for a while if another program has the file open.
func Rename(from, to string) error {
	return retry(retryFor, func() error { return rename(from, to) })
}

// Remove calls os.Remove, and repeats it in the same way.
func Remove(path string) error {
	return retry(retryFor, func() error { return os.Remove(path) })
}

// retry repeats f, with growing pauses, as long as its error is a temporary one.
func retry(limit time.Duration, f func() error) error {
	deadline := time.Now().Add(limit)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		err := f()
		if err == nil || !IsLocked(err) {
			return err
		}
		if time.Now().Add(pause).After(deadline) {
			return &LockedError{Err: err}
		}
		time.Sleep(pause)
	}
}

// LockedError means that another program had the file open for as long as this package waits.
type LockedError struct{ Err error }

func (e *LockedError) Error() string { return e.Err.Error() + " (open in another program?)" }
func (e *LockedError) Unwrap() error { return e.Err }

// IsLocked reports whether err means that another program has, or may have, the file open. That is
// temporary, and the disk is fine. Only Windows has such errors.
func IsLocked(err error) bool {
	var still *LockedError
	if errors.As(err, &still) {
		return true
	}
	for _, l := range locked {
		if errors.Is(err, l) {
			return true
		}
	}
	return false
}
