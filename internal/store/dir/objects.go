package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gofrs/flock"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/store"
)

// objects are the files of a store, with the protocol by which processes look them up, replace and
// remove them at the same time: locks, renames, and the replacement in two steps of aside.go. It
// has no state but what is on the disk.
type objects struct {
	layout   layout
	twoSteps bool // this system may replace files in two steps; see present
}

// stat returns the Info of an object whose file is in its place.
func (o objects) stat(name string) (store.Info, error) {
	fi, err := os.Stat(o.layout.path(name))
	if err != nil {
		return store.Info{}, err
	}
	if err := regular(fi); err != nil {
		return store.Info{}, err
	}
	return infoOf(fi), nil
}

// open opens an object whose file is in its place.
func (o objects) open(name string) (*os.File, store.Info, error) {
	// Opening a named pipe would wait for its writer.
	if _, err := o.stat(name); err != nil {
		return nil, store.Info{}, err
	}
	f, err := osfile.OpenShared(o.layout.path(name))
	if err != nil {
		return nil, store.Info{}, err
	}
	fi, err := f.Stat()
	if err == nil {
		err = regular(fi)
	}
	if err != nil {
		f.Close()
		return nil, store.Info{}, err
	}
	return f, infoOf(fi), nil
}

// regular makes a miss of a directory, which is merely the parent of objects.
func regular(fi fs.FileInfo) error {
	if !fi.Mode().IsRegular() {
		return store.ErrNotFound
	}
	return nil
}

// infoOf derives the version from modification time and size. That is sound
// because place gives every file a later time than the one it replaces.
func infoOf(fi fs.FileInfo) store.Info {
	v := strconv.FormatInt(fi.ModTime().UnixNano(), 36) + "-" + strconv.FormatInt(fi.Size(), 36)
	return store.Info{Size: fi.Size(), Version: store.Version(v), ModTime: fi.ModTime()}
}

// lockPoll is how often a lock is tried that somebody else holds, usually for microseconds.
const lockPoll = 2 * time.Millisecond

// locked calls f with the lock of an object, so that no Put of it is between its check of the
// condition and its rename.
func (o objects) locked(ctx context.Context, name string, f func() error) error {
	path := o.layout.lock(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	lock := flock.New(path, flock.SetPermissions(0o666))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	defer lock.Unlock()
	return f()
}

// place renames tmp to the object's file if cond holds. The lock makes the check and the rename one
// step. link(2), which fails if the target exists, would do for IfAbsent, but not for IfMatch, and
// not on file systems without hard links.
func (o objects) place(ctx context.Context, tmp, name string, cond store.Condition) (store.Info, error) {
	var info store.Info
	err := o.locked(ctx, name, func() error {
		if err := o.settle(name); err != nil {
			return err
		}
		old, err := o.check(name, cond)
		if err != nil {
			return err
		}
		if info, err = laterThan(tmp, old); err != nil {
			return err
		}
		return o.renameInto(tmp, name)
	})
	return info, err
}

// check returns the object's file, or nil if there is none. It is ErrConflict if cond does not
// hold.
func (o objects) check(name string, cond store.Condition) (fs.FileInfo, error) {
	fi, err := os.Stat(o.layout.path(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		fi = nil
	case err != nil:
		return nil, err
	case fi.IsDir():
		return nil, errors.New("the name is a directory of other objects")
	}
	if cond.IfAbsent && fi != nil {
		return nil, store.ErrConflict
	}
	if cond.IfMatch != "" && (fi == nil || infoOf(fi).Version != cond.IfMatch) {
		return nil, store.ErrConflict
	}
	return fi, nil
}

// renameInto renames tmp to the object's file. Its directory was there a moment ago, but whoever
// removes the last other object in a directory removes the directory too; see remove.
func (o objects) renameInto(tmp, name string) error {
	path := o.layout.path(name)
	aside := func() (string, error) { return o.makeAside(name) }
	err := osfile.ReplaceShared(tmp, path, aside)
	for try := 0; try < dirTries && errors.Is(err, fs.ErrNotExist); try++ {
		if err := makeDir(filepath.Dir(path)); err != nil {
			return err
		}
		err = osfile.ReplaceShared(tmp, path, aside)
	}
	if err == nil && o.twoSteps {
		_ = o.settle(name) // if it fails, the next writer does it
	}
	return err
}

// remove removes an object, and the directories above it that are now empty, which would otherwise
// pile up as branches are closed. A Put that has just created such a directory creates it again.
func (o objects) remove(name string) error {
	// a directory is no object, and stays
	if _, err := o.stat(name); errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err := o.discardAside(name); err != nil { // first, or somebody would move it back
		return err
	}
	path := o.layout.path(name)
	if err := osfile.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	removeEmpty(filepath.Dir(path), o.layout.root)
	return nil
}

// dirTries bounds how often a directory is created again that a Delete keeps removing.
const dirTries = 100

// makeDir is os.MkdirAll for use beside a Delete that may remove any of the parents while it is
// empty.
func makeDir(dir string) (err error) {
	for range dirTries {
		// A Delete can make mkdir say that the directory exists, and a moment later that it does
		// not.
		if err = os.MkdirAll(dir, 0o777); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return err
}

// removeEmpty removes dir and the directories above it, as long as they are empty and below root.
func removeEmpty(dir, root string) {
	for ; len(dir) > len(root); dir = filepath.Dir(dir) {
		if os.Remove(dir) != nil { // not empty
			return
		}
	}
}

// laterThan moves the modification time of tmp past that of old, so that no two versions of an
// object are equal. The step doubles from a nanosecond until the file system shows it: on FAT,
// times have a resolution of two seconds.
func laterThan(tmp string, old fs.FileInfo) (store.Info, error) {
	fi, err := os.Stat(tmp)
	for step := time.Nanosecond; err == nil && old != nil && !fi.ModTime().After(old.ModTime()); step *= 2 {
		t := old.ModTime().Add(step)
		if err = os.Chtimes(tmp, t, t); err == nil {
			fi, err = os.Stat(tmp)
		}
		if step > time.Minute {
			return store.Info{}, errors.New("the file system keeps no modification times")
		}
	}
	if err != nil {
		return store.Info{}, err
	}
	return infoOf(fi), nil
}
