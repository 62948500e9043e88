package modules

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// opened is a module object that is being read.
type opened struct {
	snapshot.Source
	close  func() error
	object string
	delta  *snapshot.Delta // nil: it is whole
}

// Close can be called more than once.
func (o *opened) Close() error {
	if o.close == nil {
		return nil
	}
	return o.close()
}

// openObject opens a module object whose stored size may be known; else it is 0. Of a delta it
// reads the beginning. fetched is called when the network is no longer needed, which is never said
// of a delta: its base comes after it.
func (in *installer) openObject(ctx context.Context, object string, size int64, fetched func()) (o opened, err error) {
	o.object = object
	open := func(ctx context.Context) (body io.ReadCloser, info store.Info, err error) {
		if size >= bigModule {
			body, info, err = store.OpenParallel(ctx, in.env.Fetch.Store, object, 0, -1, bigModule/3, 3)
		} else {
			body, info, err = in.env.Fetch.Store.Open(ctx, object, 0, -1)
		}
		if err != nil {
			return nil, info, err
		}
		if info.Size > snapshot.MaxModule {
			err = fmt.Errorf("%w: object of %d bytes", snapshot.ErrCorrupt, info.Size)
		} else if snapshot.IsDelta(object) {
			o.delta, err = snapshot.ReadDelta(body)
		}
		if err != nil {
			return nil, info, errors.Join(err, body.Close())
		}
		return body, info, nil
	}
	if snapshot.IsDelta(object) {
		fetched = func() {}
	}
	src, _, err := in.env.Fetch.Module(ctx, fetched, open)
	if err == nil {
		o.Source, o.close = src, src.Close
	}
	return o, err
}

// builds makes sure that a delta builds upon what the manifest says, if that says anything: only
// that base is sure to be kept. So it is the delta that is wrong.
func (o *opened) builds(upon *snapshot.Base) error {
	if o.delta == nil || upon == nil {
		return nil
	}
	if base := o.delta.BaseObject(o.object); base != upon.Object {
		return fmt.Errorf("%w: delta upon %s, not %s", snapshot.ErrCorrupt, base, upon.Object)
	}
	return nil
}

// baseError says that a module could not be restored since its base cannot be read. What that has
// can also be wrong for this delta only, or be other than the delta says: then it is no baseError,
// for what lies in the base may be good for all others that need it.
type baseError struct {
	object string
	err    error
}

func (e *baseError) Error() string {
	return fmt.Sprintf("what it builds upon, %s: %v", e.object, e.err)
}
func (e *baseError) Unwrap() error { return e.err }

// IsBaseLost reports whether an error of reading a version is that the store does not have its base
// any more, which the error names.
func IsBaseLost(err error) bool {
	var base *baseError
	return errors.As(err, &base) && errors.Is(err, store.ErrNotFound)
}

// unpackBase adds to a version what a delta takes from its base.
func (in *installer) unpackBase(ctx context.Context, f Fetch, o *opened, u unpacker, fetched func()) error {
	object, size := o.delta.BaseObject(o.object), int64(0)
	if f.Base != nil {
		size = f.Base.Size
	}
	base, err := in.openObject(ctx, object, size, fetched)
	if err != nil {
		return &baseError{object, err}
	}
	defer base.Close()
	u.rd = snapshot.NewReader(base, nil, in.env.Fetch.Buffers)
	defer u.rd.Close()
	if u.files, err = snapshot.NewBaseFiles(u.rd, o.delta, f.Version); err != nil {
		return err
	}
	if err = u.unpack(ctx, f.Bytes); isUnreadable(err) {
		return &baseError{object, err}
	}
	return err
}

// isUnreadable reports whether an error of unpacking a base is one of reading it, not of what it
// holds.
func isUnreadable(err error) bool {
	switch {
	case store.IsFailure(err), errors.Is(err, store.ErrConflict):
		return true
	case install.IsContent(err), install.IsLocal(err), errors.Is(err, snapshot.ErrNotInBase):
		return false
	}
	return errors.Is(err, snapshot.ErrCorrupt) || errors.Is(err, io.ErrUnexpectedEOF)
}
