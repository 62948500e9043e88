// Package lockfile tells whether the process that made some files still lives: it keeps a file
// beside them locked (flock). If that is not locked, the process was killed.
package lockfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gofrs/flock"
)

// ErrLocked says that another process has locked the file, and so lives.
var ErrLocked = errors.New("locked by another process")

// Lock is a locked file.
type Lock struct{ l *flock.Flock }

// Create creates a file unless it exists, and locks it. Its error is ErrLocked if another process
// has locked it.
func Create(path string) (Lock, error) { return lock(path, os.O_CREATE|os.O_RDWR) }

// Take locks the file of a process that was killed. Its error is ErrLocked if the process lives,
// and another one if that cannot be told: there is no such file, or the file system has no locks.
func Take(path string) (Lock, error) {
	l, err := lock(path, os.O_RDWR) // NFS locks no file that is only open for reading
	if errors.Is(err, fs.ErrPermission) {
		l, err = lock(path, os.O_RDONLY)
	}
	return l, err
}

func lock(path string, flag int) (Lock, error) {
	l := flock.New(path, flock.SetPermissions(0o666), flock.SetFlag(flag))
	ok, err := l.TryLock()
	if err == nil && !ok {
		err = fmt.Errorf("%s: %w", path, ErrLocked)
	}
	return Lock{l}, err
}

// Unlock leaves the file.
func (l Lock) Unlock() error { return l.l.Unlock() }

// Remove removes the file while it is still locked, so that no other process can lock it.
func (l Lock) Remove() error {
	if os.Remove(l.l.Path()) == nil {
		return l.l.Unlock()
	}
	// Windows cannot remove an open file. A process that locks the file in between finds nothing
	// beside it, and removes the file as well.
	err := l.l.Unlock()
	_ = os.Remove(l.l.Path())
	return err
}

// Held reports whether another process has locked a file. The error says that this cannot be told:
// the file system has no locks, or this user may not open the file.
func Held(path string) (bool, error) {
	l, err := Take(path)
	switch {
	case errors.Is(err, ErrLocked):
		return true, nil
	case err != nil:
		return false, err
	}
	return false, l.Unlock()
}
