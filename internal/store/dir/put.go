package dir

import (
	"context"
	"errors"
	"io"
	"path/filepath"

	"github.com/org/gocache-action/internal/store"
)

// Put implements store.Store.
func (s *Store) Put(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	if err := errors.Join(store.CheckName(name), cond.Check(), ctx.Err()); err != nil {
		return store.Info{}, s.fail("write", name, err)
	}
	s.counter.Add("PUT")
	info, err := s.put(ctx, name, store.SizedBody(body, size), cond)
	if err != nil {
		return store.Info{}, putFailed(name, s.Root(), err)
	}
	return info, nil
}

func (s *Store) put(ctx context.Context, name string, body io.Reader, cond store.Condition) (store.Info, error) {
	// The condition is checked again under the lock. Checking it here avoids copying a body in
	// vain.
	if _, err := s.objects.check(name, cond); err != nil && !s.objects.isAside(name) {
		return store.Info{}, err
	}
	if err := s.prepare(ctx, name); err != nil {
		return store.Info{}, err
	}
	tmp, err := s.temp().write(ctx, body)
	if err != nil {
		return store.Info{}, err
	}
	info, err := s.objects.place(ctx, tmp, name, cond)
	if err != nil {
		return store.Info{}, errors.Join(err, removeTemp(tmp))
	}
	return info, nil
}

// prepare creates the directories that a Put of name needs. The first Put also removes what killed
// writers left.
func (s *Store) prepare(ctx context.Context, name string) error {
	l := s.objects.layout
	for _, d := range []string{l.tmp(), filepath.Dir(l.lock(name)), filepath.Dir(l.path(name))} {
		if err := makeDir(d); err != nil {
			return err
		}
	}
	s.sweep.Do(func() {
		s.temp().removeStale()
		s.objects.settleAll(ctx)
	})
	return nil
}
