package dir

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/store"
)

// Replacing in two steps. Some file systems on Windows cannot replace a file while somebody reads
// it, but they can rename it. So the old file is first moved aside, to its place below
// layout.asideRoot, and then the new file gets the name. Both steps happen under the lock of the
// object. So whoever holds the lock and finds a file aside knows that its writer was killed: either
// between the steps, and then that file is the only copy, or after them.

// makeAside returns the place aside of an object, and creates its directory.
func (o objects) makeAside(name string) (string, error) {
	path := o.layout.aside(name)
	return path, makeDir(filepath.Dir(path))
}

func (o objects) isAside(name string) bool {
	fi, err := os.Lstat(o.layout.aside(name))
	return err == nil && fi.Mode().IsRegular()
}

// asidePause and asideTries bound how long a reader that cannot get the lock waits for an object
// that is being replaced.
const (
	asidePause = 5 * time.Millisecond
	asideTries = 100
)

// present calls look. If look does not find the object, present calls it again when the object is
// being replaced, or when the writer that replaced it was killed.
func (o objects) present(ctx context.Context, name string, look func() error) error {
	for quiet, try := 0, 0; ; try++ {
		err := look()
		if !errors.Is(err, fs.ErrNotExist) || try == asideTries {
			return err
		}
		if !o.isAside(name) {
			// The object is in its place by now, or another replacement has begun, or it never
			// existed.
			if !o.twoSteps || quiet == 2 {
				return err
			}
			quiet++
			continue
		}
		if o.locked(ctx, name, func() error { return o.settle(name) }) != nil && !store.Sleep(ctx, asidePause) {
			return ctx.Err()
		}
	}
}

// settle finishes what a killed writer left: an object that is missing is moved back, an old one is
// removed. The caller holds the lock of the object.
func (o objects) settle(name string) error {
	if !o.isAside(name) {
		return nil
	}
	path, aside := o.layout.path(name), o.layout.aside(name)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return o.discardAside(name)
	}
	err := osfile.Rename(aside, path)
	for try := 0; try < dirTries && errors.Is(err, fs.ErrNotExist) && o.isAside(name); try++ {
		if err := makeDir(filepath.Dir(path)); err != nil {
			return err
		}
		err = osfile.Rename(aside, path)
	}
	removeEmpty(filepath.Dir(aside), o.layout.asideRoot())
	return err
}

// discardAside removes the old file of an object. It is renamed first: while readers have it open,
// Windows keeps its name in use, and the next replacement needs the place aside.
func (o objects) discardAside(name string) error {
	if !o.isAside(name) {
		return nil
	}
	if err := makeDir(o.layout.tmp()); err != nil {
		return err
	}
	aside, tmp := o.layout.aside(name), filepath.Join(o.layout.tmp(), rand.Text())
	if err := osfile.Rename(aside, tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	os.Remove(tmp) // if it fails, a later writer removes the stale file
	removeEmpty(filepath.Dir(aside), o.layout.asideRoot())
	return nil
}

// settleAll settles every object that is aside, before a listing or the first write. Errors do not
// matter: whoever needs such an object tries again.
func (o objects) settleAll(ctx context.Context) {
	filepath.WalkDir(o.layout.asideRoot(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return ctx.Err()
		}
		if name, ok := o.layout.asideName(path); ok {
			_ = o.locked(ctx, name, func() error { return o.settle(name) })
		}
		return ctx.Err()
	})
}
