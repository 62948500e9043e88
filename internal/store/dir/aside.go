package dir

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/store"
)

// Replacing in two steps. Some file systems of Windows cannot replace a file that is being read,
// but they can move it: to its place below asideRoot, until the new file has its name. All that
// happens under the lock of the object. So who finds a file there and holds the lock knows that its
// writer was killed: between the steps, and then it is the only copy, or after them.

// asideRoot is where objects are moved to, under their own names.
func (s *Store) asideRoot() string { return filepath.Join(s.root, private, "old") }

func (s *Store) asidePath(name string) string {
	return filepath.Join(s.asideRoot(), filepath.FromSlash(FilePath(name)))
}

// makeAside returns the place of an object in a directory that exists.
func (s *Store) makeAside(name string) (string, error) {
	path := s.asidePath(name)
	return path, makeDir(filepath.Dir(path))
}

func (s *Store) isAside(name string) bool {
	fi, err := os.Lstat(s.asidePath(name))
	return err == nil && fi.Mode().IsRegular()
}

// asidePause and asideTries bound for how long a reader that may not lock waits for an object that
// is being replaced.
const (
	asidePause = 5 * time.Millisecond
	asideTries = 100
)

// present calls look, again where it finds nothing because the object is just being replaced, or
// was when its writer was killed.
func (s *Store) present(ctx context.Context, name string, look func() error) error {
	for quiet, try := 0, 0; ; try++ {
		err := look()
		if !errors.Is(err, fs.ErrNotExist) || try == asideTries {
			return err
		}
		if !s.isAside(name) {
			// What was not aside by now was in its place already, or another replacement has begun
			// since.
			if !s.twoSteps || quiet == 2 {
				return err
			}
			quiet++
			continue
		}
		if s.locked(ctx, name, func() error { return s.settle(name) }) != nil && !sleep(ctx, asidePause) {
			return ctx.Err()
		}
	}
}

// sleep reports whether ctx was not cancelled meanwhile.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// settle ends what a killed writer began: an object that is missing comes back, and an old one
// goes. It needs the lock of the object.
func (s *Store) settle(name string) error {
	if !s.isAside(name) {
		return nil
	}
	if _, err := os.Lstat(s.path(name)); !errors.Is(err, fs.ErrNotExist) {
		return s.discardAside(name)
	}
	err := osfile.Rename(s.asidePath(name), s.path(name))
	for try := 0; try < dirTries && errors.Is(err, fs.ErrNotExist) && s.isAside(name); try++ {
		if err := makeDir(filepath.Dir(s.path(name))); err != nil {
			return err
		}
		err = osfile.Rename(s.asidePath(name), s.path(name))
	}
	removeEmpty(filepath.Dir(s.asidePath(name)), s.asideRoot())
	return err
}

// discardAside removes an old file. Readers may have it open: then Windows keeps its name until
// they close it, which must not be the one that the next replacement needs.
func (s *Store) discardAside(name string) error {
	if !s.isAside(name) {
		return nil
	}
	if err := makeDir(s.tmpDir()); err != nil {
		return err
	}
	tmp := filepath.Join(s.tmpDir(), rand.Text())
	if err := osfile.Rename(s.asidePath(name), tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	os.Remove(tmp) // or the sweep of a later writer does it
	removeEmpty(filepath.Dir(s.asidePath(name)), s.asideRoot())
	return nil
}

// settleAll looks for objects that are aside, for those who ask for what there is. Errors do not
// matter: whoever needs an object tries again.
func (s *Store) settleAll(ctx context.Context) {
	filepath.WalkDir(s.asideRoot(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return ctx.Err()
		}
		if name, ok := s.asideName(path); ok {
			_ = s.locked(ctx, name, func() error { return s.settle(name) })
		}
		return ctx.Err()
	})
}

// asideName is the inverse of asidePath.
func (s *Store) asideName(path string) (string, bool) {
	rel, err := filepath.Rel(s.asideRoot(), path)
	if err != nil {
		return "", false
	}
	elems := strings.Split(filepath.ToSlash(rel), "/")
	for i, e := range elems {
		var ok bool
		if elems[i], ok = unescape(e); !ok {
			return "", false
		}
	}
	name := strings.Join(elems, "/")
	return name, store.CheckName(name) == nil
}

// removeEmpty removes dir and the directories above it, as long as they are empty and below root.
func removeEmpty(dir, root string) {
	for ; len(dir) > len(root); dir = filepath.Dir(dir) {
		if os.Remove(dir) != nil { // not empty
			return
		}
	}
}
