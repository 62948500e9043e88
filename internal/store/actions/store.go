package actions

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// First implements store.Finder.
func (s *Store) First(ctx context.Context, names []string) (int, io.ReadCloser, store.Info, error) {
	if len(names) == 0 {
		return 0, nil, store.Info{}, store.ErrNotFound
	}
	var prefixes []string
	for _, name := range names {
		if err := store.CheckName(name); err != nil {
			return 0, nil, store.Info{}, s.fail("read", name, err)
		}
		prefixes = append(prefixes, entryPrefix(name))
	}
	i, body, info, err := s.editions.openFirst(ctx, prefixes)
	if err != nil {
		return 0, nil, store.Info{}, s.fail("read", names[i], err)
	}
	body.named = func(err error) error { return s.fail("read", names[i], err) }
	return i, body, info, nil
}

// Open implements store.Store.
func (s *Store) Open(ctx context.Context, name string, off, length int64) (io.ReadCloser, store.Info, error) {
	body, info, err := s.open(ctx, name, off, length)
	if err != nil {
		return nil, store.Info{}, s.fail("read", name, err)
	}
	body.named = func(err error) error { return s.fail("read", name, err) }
	return body, info, nil
}

func (s *Store) open(ctx context.Context, name string, off, length int64) (*window, store.Info, error) {
	if err := check(ctx, name); err != nil {
		return nil, store.Info{}, err
	}
	if snapshot.IsImmutable(name) {
		return s.reader.openObject(ctx, name, off, length)
	}
	_, body, info, err := s.editions.openFirst(ctx, []string{entryPrefix(name)})
	if err != nil {
		return nil, info, err
	}
	if err := body.narrow(off, length, info.Size); err != nil {
		body.Close()
		return nil, info, err
	}
	return body, info, nil
}

// check refuses bad names, and names of what this store has not got.
func check(ctx context.Context, name string) error {
	if err := store.CheckName(name); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return store.Ended(ctx)
	}
	if strings.HasPrefix(name, snapshot.Root+"gc/") {
		return store.ErrNotFound // the service itself removes what nobody reads
	}
	return nil
}

// Stat implements store.Store.
func (s *Store) Stat(ctx context.Context, name string) (store.Info, error) {
	info, err := s.stat(ctx, name)
	if err != nil {
		return store.Info{}, s.fail("look up", name, err)
	}
	return info, nil
}

func (s *Store) stat(ctx context.Context, name string) (store.Info, error) {
	if err := check(ctx, name); err != nil {
		return store.Info{}, err
	}
	if snapshot.IsImmutable(name) {
		_, info, err := s.reader.object(ctx, name)
		return info, err
	}
	_, body, info, err := s.editions.openFirst(ctx, []string{entryPrefix(name)})
	if err != nil {
		return info, err
	}
	return info, body.Close()
}

// Put implements store.Store. Objects that do not change go into a bundle of the save, and can be
// read after Commit. Others are held in memory, unless they can be read again, so that nothing is
// reserved for a body that fails.
func (s *Store) Put(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	info, err := s.put(ctx, name, body, size, cond)
	if err != nil {
		return store.Info{}, s.fail("write", name, err)
	}
	return info, nil
}

func (s *Store) put(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	if err := errors.Join(store.CheckName(name), cond.Check()); err != nil {
		return store.Info{}, err
	}
	if ctx.Err() != nil {
		return store.Info{}, store.Ended(ctx)
	}
	if snapshot.IsImmutable(name) {
		return s.sessions.putObject(ctx, name, body, size, cond)
	}
	c, err := wholeBody(ctx, body, size)
	if err != nil {
		return store.Info{}, err
	}
	return s.editions.replace(ctx, name, c, cond, nil)
}

// Publish implements store.Bundler.
func (s *Store) Publish(ctx context.Context, name string, manifest []byte, cond store.Condition, objects []string) (store.Info, error) {
	err := errors.Join(store.CheckName(name), cond.Check())
	var info store.Info
	if err == nil {
		info, err = s.editions.replace(ctx, name, contentOf(manifest), cond, objects)
	}
	if err != nil {
		return store.Info{}, s.fail("write", name, err)
	}
	return info, nil
}
