package storetest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/store/storetest"
)

func faulty(t *testing.T) *storetest.Faulty {
	s, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &storetest.Faulty{Store: s}
}

// TestFaultyWithoutHooks: the wrapper itself changes nothing.
func TestFaultyWithoutHooks(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return faulty(t) })
}

func TestFailAt(t *testing.T) {
	ctx := context.Background()
	for _, lost := range []bool{false, true} {
		f := faulty(t)
		f.Before = storetest.FailAt(2, lost, store.ErrUnreachable)
		var errs []error
		for _, name := range []string{"a", "b", "c"} {
			_, err := f.Put(ctx, name, bytes.NewReader([]byte("x")), 1, store.Condition{})
			errs = append(errs, err)
		}
		if errs[0] != nil || !errors.Is(errs[1], store.ErrUnreachable) || errs[2] != nil {
			t.Errorf("lost %v: %v", lost, errs)
		}
		if _, err := f.Stat(ctx, "b"); (err == nil) != lost {
			t.Errorf("lost %v: stat says %v", lost, err)
		}
		if f.Calls() != 4 {
			t.Errorf("%d calls", f.Calls())
		}
	}
}

func TestFaultyBody(t *testing.T) {
	f := faulty(t)
	if _, err := f.Put(context.Background(), "x", bytes.NewReader([]byte("abcdef")), 6, store.Condition{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		body func(io.Reader) io.Reader
		want string
		err  error
	}{
		{func(r io.Reader) io.Reader { return storetest.Truncated(r, 3, io.EOF) }, "abc", nil},
		{func(r io.Reader) io.Reader { return storetest.Truncated(r, 3, store.ErrUnreachable) }, "abc", store.ErrUnreachable},
		{func(r io.Reader) io.Reader { return storetest.Flipped(r, 1) }, "arcdef", nil},
	} {
		f.Body = func(_ storetest.Call, _ store.Info, r io.Reader) io.Reader { return c.body(r) }
		r, _, err := f.Open(context.Background(), "x", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if string(got) != c.want || !errors.Is(err, c.err) {
			t.Errorf("got %q, %v; want %q, %v", got, err, c.want, c.err)
		}
		r.Close()
	}
}
