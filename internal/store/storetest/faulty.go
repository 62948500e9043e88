package storetest

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/org/gocache-action/internal/store"
)

// Op is a kind of operation on a store.
type Op string

// The operations that Faulty shows to its hooks.
const (
	OpOpen Op = "open"
	OpStat Op = "stat"
	OpPut  Op = "put"

	OpList   Op = "list"   // the beginning of a listing; Name is the prefix
	OpDelete Op = "delete" // Delete and DeleteVersion; Name is the first object
	OpTouch  Op = "touch"
	OpAbort  Op = "abort"
)

// Call is one operation. N counts operations from 1 in the order in which they began, so that a
// test can make each one fail in turn.
type Call struct {
	N           int64
	Op          Op
	Name        string
	Off, Length int64 // of OpOpen; Length is the size of OpPut
	Cond        store.Condition
	Names       []string // of OpDelete
}

// ErrInjected is an error for tests to inject; no store returns it by itself.
var ErrInjected = errors.New("injected fault")

// Faulty wraps a store and fails where its hooks want it to. A hook that is nil does nothing. Hooks
// must not change while the store is in use, and must be safe for concurrent use.
type Faulty struct {
	store.Store

	// Before is called before each operation. Without apply, the operation does not happen and
	// the caller gets err, or ErrInjected. With apply and an error, it happens and the
	// caller gets the error all the same, as when an answer is lost.
	Before func(ctx context.Context, c Call) (apply bool, err error)
	// After is called after each operation that happened, with its error; what it
	// returns is what the caller gets.
	After func(ctx context.Context, c Call, err error) error
	// Body wraps what a reader of an object sees, to truncate or to corrupt it.
	Body func(c Call, info store.Info, r io.Reader) io.Reader

	calls atomic.Int64
}

var _ store.Store = (*Faulty)(nil)

// Calls returns how many operations have begun.
func (f *Faulty) Calls() int64 { return f.calls.Load() }

// run performs one operation between the hooks.
func (f *Faulty) run(ctx context.Context, c *Call, do func() error) error {
	c.N = f.calls.Add(1)
	apply, lost := true, error(nil)
	if f.Before != nil {
		apply, lost = f.Before(ctx, *c)
	}
	if !apply {
		if lost == nil {
			lost = ErrInjected
		}
		return lost
	}
	err := do()
	if f.After != nil {
		err = f.After(ctx, *c, err)
	}
	if lost != nil {
		err = lost
	}
	return err
}

// Open implements store.Store.
func (f *Faulty) Open(ctx context.Context, name string, off, length int64) (r io.ReadCloser, info store.Info, err error) {
	c := Call{Op: OpOpen, Name: name, Off: off, Length: length}
	err = f.run(ctx, &c, func() (err error) {
		r, info, err = f.Store.Open(ctx, name, off, length)
		return err
	})
	if err != nil {
		if r != nil {
			r.Close()
		}
		return nil, store.Info{}, err
	}
	if f.Body != nil {
		r = &faultyBody{Reader: f.Body(c, info, r), Closer: r}
	}
	return r, info, nil
}

type faultyBody struct {
	io.Reader
	io.Closer
}

// Stat implements store.Store.
func (f *Faulty) Stat(ctx context.Context, name string) (info store.Info, err error) {
	err = f.run(ctx, &Call{Op: OpStat, Name: name}, func() (err error) {
		info, err = f.Store.Stat(ctx, name)
		return err
	})
	if err != nil {
		return store.Info{}, err
	}
	return info, nil
}

// Put implements store.Store.
func (f *Faulty) Put(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (info store.Info, err error) {
	c := Call{Op: OpPut, Name: name, Length: size, Cond: cond}
	err = f.run(ctx, &c, func() (err error) {
		info, err = f.Store.Put(ctx, name, body, size, cond)
		return err
	})
	if err != nil {
		return store.Info{}, err
	}
	return info, nil
}

// FailAt is a Before hook that makes only call n fail with err. With lost, the operation is
// performed nevertheless.
func FailAt(n int64, lost bool, err error) func(context.Context, Call) (bool, error) {
	return func(_ context.Context, c Call) (bool, error) {
		if c.N != n {
			return true, nil
		}
		return lost, err
	}
}

// Truncated ends r with err after n bytes. With io.EOF that looks like the real end.
func Truncated(r io.Reader, n int64, err error) io.Reader {
	return io.MultiReader(io.LimitReader(r, n), failing{err})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Flipped inverts one bit of the byte at offset at of r.
func Flipped(r io.Reader, at int64) io.Reader { return &flipped{r: r, at: at} }

type flipped struct {
	r       io.Reader
	pos, at int64
}

func (f *flipped) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if i := f.at - f.pos; i >= 0 && i < int64(n) {
		p[i] ^= 0x10
	}
	f.pos += int64(n)
	return n, err
}
