package dir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/store"
)

const (
	// staleAfter is the age, since the last byte was written, from which a
	// temporary file counts as left behind by a killed process.
	staleAfter = time.Hour
	// lockPoll is how often a held lock is tried; it is held for microseconds.
	lockPoll = 2 * time.Millisecond
)

// Put implements store.Store.
func (s *Store) Put(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	if err := errors.Join(store.CheckName(name), cond.Check(), ctx.Err()); err != nil {
		return store.Info{}, s.fail("write", name, err)
	}
	s.counter.Add("PUT")
	info, err := s.put(ctx, name, store.SizedBody(body, size), cond)
	if err != nil {
		return store.Info{}, s.failPut(name, err)
	}
	return info, nil
}

func (s *Store) put(ctx context.Context, name string, body io.Reader, cond store.Condition) (store.Info, error) {
	// Asked again under the lock; here it spares the copy of a body that cannot win.
	if _, err := s.check(name, cond); err != nil && !s.isAside(name) {
		return store.Info{}, err
	}
	if err := s.prepare(ctx, name); err != nil {
		return store.Info{}, err
	}
	tmp, err := s.writeTemp(ctx, body)
	if err != nil {
		return store.Info{}, err
	}
	info, err := s.place(ctx, tmp, name, cond)
	if err != nil {
		return store.Info{}, errors.Join(err, removeTemp(tmp))
	}
	return info, nil
}

// failPut is fail for a Put, where a missing directory is not a missing object.
func (s *Store) failPut(name string, err error) error {
	missing := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
	if !missing {
		return s.fail("write", name, err)
	}
	if fi, statErr := os.Stat(s.root); statErr != nil || !fi.IsDir() {
		err = fmt.Errorf("%w: %w", store.ErrNoStore, err)
	}
	return fmt.Errorf("write %s in %s: %w", name, s.root, err)
}

// prepare creates the directories that a Put of name needs.
func (s *Store) prepare(ctx context.Context, name string) error {
	for _, d := range []string{s.tmpDir(), filepath.Dir(s.lockPath(name)), filepath.Dir(s.path(name))} {
		if err := makeDir(d); err != nil {
			return err
		}
	}
	s.sweep.Do(func() {
		s.removeStale()
		s.settleAll(ctx)
	})
	return nil
}

// removeStale deletes what killed writers left. Errors do not matter: the file is
// another user's, or another process is removing it too.
func (s *Store) removeStale() {
	entries, _ := os.ReadDir(s.tmpDir())
	for _, e := range entries {
		if fi, err := e.Info(); err == nil && time.Since(fi.ModTime()) > staleAfter {
			os.Remove(filepath.Join(s.tmpDir(), e.Name()))
		}
	}
}

// writeTemp writes body to a new file. On an error nothing is left.
func (s *Store) writeTemp(ctx context.Context, body io.Reader) (string, error) {
	tmp := filepath.Join(s.tmpDir(), rand.Text())
	// Not os.CreateTemp: its 0600 would keep other users of a shared store out.
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, ctxReader{ctx, body})
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, removeTemp(tmp))
	}
	return tmp, nil
}

func removeTemp(tmp string) error {
	if err := osfile.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// place renames tmp to the object's file if cond holds. The lock makes the check and the rename one
// step. link(2), which fails if the target exists, would do so for IfAbsent, but not for
// IfMatch, and not on file systems without hard links.
func (s *Store) place(ctx context.Context, tmp, name string, cond store.Condition) (store.Info, error) {
	var info store.Info
	err := s.locked(ctx, name, func() error {
		if err := s.settle(name); err != nil {
			return err
		}
		old, err := s.check(name, cond)
		if err != nil {
			return err
		}
		if info, err = laterThan(tmp, old); err != nil {
			return err
		}
		return s.renameInto(tmp, name)
	})
	return info, err
}

// renameInto renames tmp to the object's file. The directory was there, but the removal of the last
// other object in it takes the directory along; see remove.
func (s *Store) renameInto(tmp, name string) error {
	aside := func() (string, error) { return s.makeAside(name) }
	err := osfile.ReplaceShared(tmp, s.path(name), aside)
	for try := 0; try < dirTries && errors.Is(err, fs.ErrNotExist); try++ {
		if err := makeDir(filepath.Dir(s.path(name))); err != nil {
			return err
		}
		err = osfile.ReplaceShared(tmp, s.path(name), aside)
	}
	if err == nil && s.twoSteps {
		_ = s.settle(name) // which the next writer does as well
	}
	return err
}

// dirTries bounds how often a directory is made that a Delete keeps removing.
const dirTries = 100

// makeDir is os.MkdirAll beside a Delete that removes one of the parents just when it is empty.
func makeDir(dir string) (err error) {
	for range dirTries {
		// It exists, says mkdir, and does not a moment later: both are the doing of the Delete.
		if err = os.MkdirAll(dir, 0o777); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return err
}

// check returns the object's file, nil if there is none, or ErrConflict.
func (s *Store) check(name string, cond store.Condition) (fs.FileInfo, error) {
	fi, err := os.Stat(s.path(name))
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

// laterThan moves the modification time of tmp behind that of old, so that the
// versions of one object never repeat. The step doubles from a nanosecond until the file
// system shows it: times are as coarse as two seconds on FAT.
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

// ctxReader makes a copy stop when ctx is cancelled.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
