package dir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/store"
)

var _ store.Collector = (*Store)(nil)

// List implements store.Collector. It skips directories that cannot hold a match.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		s.counter.Add("LIST")
		s.settleAll(ctx)
		_, err := s.list(ctx, "", prefix, func(e store.Entry) bool { return yield(e, nil) })
		if err != nil {
			yield(store.Entry{}, fmt.Errorf("list %s in %s: %w", prefix, s.root, s.classify(err)))
		}
	}
}

// list walks the directory of the objects below parent, "" or ending in a slash. It reports
// false when yield wants no more.
func (s *Store) list(ctx context.Context, parent, prefix string, yield func(store.Entry) bool) (bool, error) {
	names, err := s.children(parent)
	if err != nil {
		return false, err
	}
	for _, child := range names {
		name := parent + child
		isDir := strings.HasSuffix(name, "/")
		if !strings.HasPrefix(name, prefix) && !(isDir && strings.HasPrefix(prefix, name)) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		more := true
		if isDir {
			more, err = s.list(ctx, name, prefix, yield)
		} else if store.CheckName(name) == nil {
			more, err = s.listOne(name, yield)
		}
		if err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// children returns what lies in a directory, as elements of object names, with a slash behind those
// of directories: so sorted, a walk has the order of whole names ("a-b" before "a/b"). Only names
// are kept, for a directory of packs can have very many.
func (s *Store) children(parent string) ([]string, error) {
	d, err := os.Open(s.dirPath(parent))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var names []string
	for {
		entries, err := d.ReadDir(1024)
		for _, e := range entries {
			if name, ok := unescape(e.Name()); ok && e.IsDir() {
				names = append(names, name+"/")
			} else if ok && e.Type().IsRegular() {
				names = append(names, name)
			}
		}
		if err == io.EOF || errors.Is(err, fs.ErrNotExist) { // it can vanish meanwhile
			slices.Sort(names)
			return names, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (s *Store) listOne(name string, yield func(store.Entry) bool) (bool, error) {
	info, err := s.stat(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return yield(store.Entry{Name: name, Info: info}), nil
}

// Delete implements store.Collector.
func (s *Store) Delete(ctx context.Context, names []string) map[string]error {
	if failed := store.CheckDelete(ctx, names); failed != nil {
		return failed
	}
	var failed map[string]error
	for _, n := range names {
		err := ctx.Err()
		if err == nil {
			s.counter.Add("DELETE")
			err = s.remove(n)
		}
		if err != nil {
			if failed == nil {
				failed = map[string]error{}
			}
			failed[n] = s.fail("remove", n, err)
		}
	}
	return failed
}

// remove removes an object, and the directories above it that are empty now: closed branches would
// leave theirs behind for ever. A Put that had just made sure of such a directory makes it anew.
func (s *Store) remove(name string) error {
	// a directory is no object, and stays
	if _, err := s.stat(name); errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err := s.discardAside(name); err != nil { // first, or else somebody puts it back
		return err
	}
	if err := osfile.Remove(s.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	removeEmpty(filepath.Dir(s.path(name)), s.root)
	return nil
}

// DeleteVersion implements store.Collector. The lock is the one that Puts of the object take.
func (s *Store) DeleteVersion(ctx context.Context, name string, v store.Version) error {
	if err := errors.Join(store.CheckName(name), ctx.Err()); err != nil {
		return s.fail("remove", name, err)
	}
	s.counter.Add("DELETE")
	if _, err := s.stat(name); errors.Is(err, fs.ErrNotExist) && !s.isAside(name) {
		return nil
	}
	err := s.locked(ctx, name, func() error {
		if err := s.settle(name); err != nil {
			return err
		}
		info, err := s.stat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case info.Version != v:
			return store.ErrConflict
		}
		return s.remove(name)
	})
	if err != nil {
		return s.fail("remove", name, err)
	}
	return nil
}

// locked calls f while no Put of the object is between its check and its rename.
func (s *Store) locked(ctx context.Context, name string, f func() error) error {
	if err := os.MkdirAll(filepath.Dir(s.lockPath(name)), 0o777); err != nil {
		return err
	}
	lock := flock.New(s.lockPath(name), flock.SetPermissions(0o666))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	defer lock.Unlock()
	return f()
}

// Touch implements store.Toucher. The time is that of a file written now, since on a share the
// clock that counts is the server's.
func (s *Store) Touch(ctx context.Context, name string) error {
	if err := errors.Join(store.CheckName(name), ctx.Err()); err != nil {
		return s.fail("touch", name, err)
	}
	s.counter.Add("TOUCH")
	if err := s.present(ctx, name, func() error { _, err := s.stat(name); return err }); err != nil {
		return s.fail("touch", name, err)
	}
	now, err := s.now()
	if err == nil {
		err = s.locked(ctx, name, func() error { return os.Chtimes(s.path(name), now, now) })
	}
	if err != nil {
		return s.fail("touch", name, err)
	}
	return nil
}

// now is the time by the clock of the file system.
func (s *Store) now() (time.Time, error) {
	if err := os.MkdirAll(s.tmpDir(), 0o777); err != nil {
		return time.Time{}, err
	}
	tmp := filepath.Join(s.tmpDir(), rand.Text())
	if err := os.WriteFile(tmp, []byte("x"), 0o666); err != nil {
		return time.Time{}, err
	}
	fi, err := os.Stat(tmp)
	if err = errors.Join(err, removeTemp(tmp)); err != nil {
		return time.Time{}, err
	}
	return fi.ModTime(), nil
}

// Uploads implements store.Collector: files whose writer may have been killed.
func (s *Store) Uploads(ctx context.Context, _ string, before time.Time) iter.Seq2[store.Upload, error] {
	return func(yield func(store.Upload, error) bool) {
		s.counter.Add("LIST")
		entries, err := os.ReadDir(s.tmpDir())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			yield(store.Upload{}, fmt.Errorf("list unfinished files in %s: %w", s.root, s.classify(err)))
			return
		}
		for _, e := range entries {
			fi, err := e.Info()
			if err != nil || !fi.Mode().IsRegular() || !fi.ModTime().Before(before) {
				continue
			}
			if !yield(store.Upload{ID: e.Name(), Started: fi.ModTime(), Size: fi.Size()}, ctx.Err()) {
				return
			}
		}
	}
}

// AbortUpload implements store.Collector.
func (s *Store) AbortUpload(ctx context.Context, u store.Upload) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if u.ID == "" || u.ID != filepath.Base(u.ID) || u.ID == "." || u.ID == ".." {
		return fmt.Errorf("no unfinished file %q in %s", u.ID, s.root)
	}
	s.counter.Add("DELETE")
	if err := removeTemp(filepath.Join(s.tmpDir(), u.ID)); err != nil {
		return fmt.Errorf("remove unfinished file %s in %s: %w", u.ID, s.root, s.classify(err))
	}
	return nil
}
