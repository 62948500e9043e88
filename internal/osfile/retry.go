package osfile

import (
	"errors"
	"os"
	"time"
)

// retryFor bounds how long an operation is repeated that another program's open file is in the way
// of: on Windows scanners of viruses and indexers open what was just written, for moments
// (golang/go#36568).
const retryFor = 2 * time.Second

// Rename is os.Rename, repeated for a while where another program's open file is in the way.
func Rename(from, to string) error {
	return retry(retryFor, func() error { return rename(from, to) })
}

// Remove is os.Remove, repeated in the same way.
func Remove(path string) error {
	return retry(retryFor, func() error { return os.Remove(path) })
}

// retry repeats f, with growing pauses, as long as its error may pass.
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

// LockedError means that another program's open file stayed in the way for as long as this package
// waits.
type LockedError struct{ Err error }

func (e *LockedError) Error() string { return e.Err.Error() + " (open in another program?)" }
func (e *LockedError) Unwrap() error { return e.Err }

// IsLocked tells whether err means that another program has the file open, or perhaps so: that
// passes, and nothing is wrong with the disk. Only Windows has such errors.
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
