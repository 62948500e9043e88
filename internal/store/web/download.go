package web

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/rest"
)

// Put implements store.Store. It always fails.
func (s *Store) Put(ctx context.Context, name string, _ io.Reader, _ int64, _ store.Condition) (store.Info, error) {
	if err := store.CheckName(name); err != nil {
		return store.Info{}, s.fail("write", name, err)
	}
	return store.Info{}, s.fail("write", name, s.Writable(ctx))
}

// Open implements store.Store. It costs one request; a range that is empty or begins after the end
// of the object costs a second one.
func (s *Store) Open(ctx context.Context, name string, off, length int64) (io.ReadCloser, store.Info, error) {
	return rest.Open(ctx, rest.Object{
		Name: name, Attempts: s.opts.MaxAttempts, Info: infoOf,
		Get: func(ctx context.Context, rangeHeader string, _ store.Version) (*http.Response, error) {
			return s.do(ctx, http.MethodGet, name, rangeHeader)
		},
		Stat:   func(ctx context.Context) (store.Info, error) { return s.stat(ctx, name) },
		Fail:   func(err error) error { return s.fail("read", name, err) },
		Ignore: func() { s.note.Add(fmt.Sprintf("%s ignores ranges: more is transferred than is needed", s)) },
	}, off, length)
}
