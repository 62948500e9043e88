package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/org/gocache-action/internal/store"
)

// Open implements store.Store.
func (s *Store) Open(ctx context.Context, name string, off, length int64) (io.ReadCloser, store.Info, error) {
	if err := errors.Join(store.CheckName(name), ctx.Err()); err != nil {
		return nil, store.Info{}, s.fail("read", name, err)
	}
	var f *os.File
	var info store.Info
	err := s.objects.present(ctx, name, func() (err error) {
		s.counter.Add("GET")
		f, info, err = s.objects.open(name)
		return err
	})
	if err != nil {
		return nil, store.Info{}, s.fail("read", name, err)
	}
	end, err := store.End(off, length, info.Size)
	if err != nil {
		f.Close()
		return nil, store.Info{}, s.fail("read", name, err)
	}
	return &reader{ctx: ctx, f: f, name: name, off: off, end: end}, info, nil
}

// Stat implements store.Store.
func (s *Store) Stat(ctx context.Context, name string) (store.Info, error) {
	if err := errors.Join(store.CheckName(name), ctx.Err()); err != nil {
		return store.Info{}, s.fail("look up", name, err)
	}
	s.counter.Add("HEAD")
	var info store.Info
	err := s.objects.present(ctx, name, func() (err error) {
		info, err = s.objects.stat(name)
		return err
	})
	if err != nil {
		return store.Info{}, s.fail("look up", name, err)
	}
	return info, nil
}

// reader reads [off, end) of a file with pread.
type reader struct {
	ctx      context.Context
	f        *os.File
	name     string
	off, end int64
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, fmt.Errorf("read %s: %w", r.name, err)
	}
	if r.off == r.end {
		return 0, io.EOF
	}
	if r.off > r.end {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := r.f.ReadAt(p[:min(int64(len(p)), r.end-r.off)], r.off)
	r.off += int64(n)
	if err == io.EOF && r.off < r.end {
		return n, io.ErrUnexpectedEOF
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}

func (r *reader) Close() error { return r.f.Close() }
