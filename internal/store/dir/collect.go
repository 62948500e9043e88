package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/org/gocache-action/internal/store"
)

var _ store.Collector = (*Store)(nil)

// List implements store.Collector.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		s.counter.Add("LIST")
		s.objects.settleAll(ctx)
		l := listing{objects: s.objects, prefix: prefix, yield: func(e store.Entry) bool { return yield(e, nil) }}
		if _, err := l.walk(ctx, ""); err != nil {
			yield(store.Entry{}, s.fail("list", prefix, err))
		}
	}
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
			err = s.objects.remove(n)
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

// DeleteVersion implements store.Collector, under the lock that Puts of the object take.
func (s *Store) DeleteVersion(ctx context.Context, name string, v store.Version) error {
	if err := errors.Join(store.CheckName(name), ctx.Err()); err != nil {
		return s.fail("remove", name, err)
	}
	s.counter.Add("DELETE")
	if _, err := s.objects.stat(name); errors.Is(err, fs.ErrNotExist) && !s.objects.isAside(name) {
		return nil
	}
	err := s.objects.locked(ctx, name, func() error {
		if err := s.objects.settle(name); err != nil {
			return err
		}
		info, err := s.objects.stat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case info.Version != v:
			return store.ErrConflict
		}
		return s.objects.remove(name)
	})
	if err != nil {
		return s.fail("remove", name, err)
	}
	return nil
}

// Touch implements store.Toucher. It takes the time from a file that it writes, because on a
// network share the clock of the server counts.
func (s *Store) Touch(ctx context.Context, name string) error {
	if err := errors.Join(store.CheckName(name), ctx.Err()); err != nil {
		return s.fail("touch", name, err)
	}
	s.counter.Add("TOUCH")
	if err := s.objects.present(ctx, name, func() error { _, err := s.objects.stat(name); return err }); err != nil {
		return s.fail("touch", name, err)
	}
	now, err := s.temp().now()
	if err == nil {
		path := s.objects.layout.path(name)
		err = s.objects.locked(ctx, name, func() error { return os.Chtimes(path, now, now) })
	}
	if err != nil {
		return s.fail("touch", name, err)
	}
	return nil
}

// Uploads implements store.Collector: temporary files whose writer may have been killed.
func (s *Store) Uploads(ctx context.Context, _ string, before time.Time) iter.Seq2[store.Upload, error] {
	return func(yield func(store.Upload, error) bool) {
		s.counter.Add("LIST")
		for u, err := range s.temp().uploads(before) {
			if err != nil {
				err = fmt.Errorf("list unfinished files in %s: %w", s.Root(), classify(s.Root(), err))
			} else {
				err = ctx.Err()
			}
			if !yield(u, err) {
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
		return fmt.Errorf("no unfinished file %q in %s", u.ID, s.Root())
	}
	s.counter.Add("DELETE")
	if err := removeTemp(filepath.Join(string(s.temp()), u.ID)); err != nil {
		return fmt.Errorf("remove unfinished file %s in %s: %w", u.ID, s.Root(), classify(s.Root(), err))
	}
	return nil
}
