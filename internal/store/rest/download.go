package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/wire"
)

// Object is one object of a store, as a download needs it.
type Object struct {
	Name     string
	Attempts int // in a row, without much progress between them
	// Get asks for a range; an empty header means all. version is what the object must still be, or
	// "": then ErrConflict is returned. ErrRange: the range begins after the last byte.
	Get func(ctx context.Context, rangeHeader string, version store.Version) (*http.Response, error)
	// Info reads what an answer says about an object of size bytes.
	Info func(h http.Header, size int64) store.Info
	Stat func(ctx context.Context) (store.Info, error)
	Fail func(err error) error // names the operation and the object
	// Ignore is told that the server ignores ranges. nil: such an answer is an error.
	Ignore func()
}

// Open opens length bytes from offset off, as Store.Open does. It costs one request; a range that
// is empty, or begins at or beyond the end of the object, costs a second one.
func Open(ctx context.Context, o Object, off, length int64) (io.ReadCloser, store.Info, error) {
	d, err := open(ctx, o, off, length)
	if err != nil {
		return nil, store.Info{}, o.Fail(err)
	}
	return d, d.info, nil
}

func open(ctx context.Context, o Object, off, length int64) (*download, error) {
	if err := store.CheckName(o.Name); err != nil {
		return nil, err
	}
	if _, err := store.End(off, length, 0); err != nil {
		return nil, err
	}
	d := &download{ctx: ctx, object: o, pos: off, length: length}
	if length == 0 {
		return d, d.nothing()
	}
	err := d.request()
	if errors.Is(err, ErrRange) {
		err = d.nothing()
	}
	return d, err
}

// download reads a range of one version of an object, over as many connections as necessary. It
// implements io.ReadCloser for one goroutine.
type download struct {
	ctx    context.Context
	object Object
	length int64 // as asked for
	info   store.Info

	pos, end int64 // the next byte, and the end of the range within the object
	short    bool  // the object ends before the range
	body     io.ReadCloser
	exact    bool // body ends where the range does
	closed   bool
	breaks   wire.Resumption
}

// nothing is for ranges without any byte.
func (d *download) nothing() error {
	info, err := d.object.Stat(d.ctx)
	if err != nil {
		return err
	}
	d.info = info
	d.short = d.pos > info.Size || d.length > 0
	d.end = d.pos
	return nil
}

// request asks for what is left of the range.
func (d *download) request() error {
	header := wire.RangeHeader(d.pos, d.length)
	if d.info.Version != "" { // resumed
		header = wire.RangeUpTo(d.pos, d.end)
	}
	resp, err := d.object.Get(d.ctx, header, d.info.Version)
	if err != nil {
		return err
	}
	if err := d.accept(resp, header != ""); err != nil {
		resp.Body.Close()
		return err
	}
	return nil
}

// ErrNoSize: without the size, a body that was cut off could not be recognised.
var ErrNoSize = fmt.Errorf("%w: it does not say how large the object is", store.ErrUnsupported)

// accept checks that the answer is what was asked for, of the version that the download began with.
// Where the server ignores ranges, it skips what comes before.
func (d *download) accept(resp *http.Response, ranged bool) error {
	size, partial := resp.ContentLength, resp.StatusCode == http.StatusPartialContent
	switch header := resp.Header.Get("Content-Range"); {
	case partial && !ranged:
		return fmt.Errorf("%w: it answers with a range that was not asked for", store.ErrUnsupported)
	case ranged && !partial && d.object.Ignore != nil:
		d.object.Ignore()
	case ranged:
		var ok bool
		if size, ok = wire.TotalSize(header, d.pos); !ok || !partial {
			return fmt.Errorf("%w: it answers a range from byte %d with http %d and content-range %.60q", store.ErrUnsupported, d.pos, resp.StatusCode, header)
		}
	}
	if size < 0 {
		return ErrNoSize
	}
	info := d.object.Info(resp.Header, size)
	switch {
	case info.Version == "":
		return fmt.Errorf("%w: %w", store.ErrUnreachable, &wire.Error{Err: errors.New("the answer has no version of the object, as that of a proxy")})
	case d.info.Version == "":
		end, _ := store.End(d.pos, d.length, size)
		d.info, d.end, d.short = info, max(d.pos, min(end, size)), end > size || d.pos > size
	case !d.info.Same(info):
		return store.ErrConflict
	}
	d.body, d.exact = resp.Body, partial || !ranged
	if d.exact || d.pos == d.end {
		return nil
	}
	if _, err := io.CopyN(io.Discard, resp.Body, d.pos); err != nil {
		return fmt.Errorf("%w: before byte %d: %w", store.ErrUnreachable, d.pos, err)
	}
	return nil
}

func (d *download) Read(p []byte) (int, error) {
	switch {
	case d.closed:
		return 0, errors.New("read after close")
	case d.pos == d.end:
		return 0, d.finish()
	case d.body == nil:
		return 0, errors.New("read after an error")
	}
	n, err := d.body.Read(p[:min(int64(len(p)), d.end-d.pos)])
	d.pos += int64(n)
	d.breaks.Moved(n)
	if err == nil || err == io.EOF && d.pos == d.end {
		return n, nil
	}
	return n, d.broken(err)
}

// finish reads up to the end of a body that was wanted completely, so that the connection can be
// reused.
func (d *download) finish() error {
	if d.body != nil && d.exact {
		var one [1]byte
		d.body.Read(one[:])
	}
	if d.short {
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}

// broken resumes the transfer after a body broke off, unless that has happened too often. A stalled
// transfer is not resumed: the stall has already taken as long as the caller allows.
func (d *download) broken(err error) error {
	d.body.Close()
	d.body = nil
	if d.ctx.Err() != nil {
		return d.object.Fail(store.Ended(d.ctx))
	}
	if !d.breaks.Worth(err, d.object.Attempts) {
		return d.object.Fail(fmt.Errorf("%w: at byte %d: %w", store.ErrUnreachable, d.pos, err))
	}
	if !d.breaks.Pause(d.ctx) {
		return d.object.Fail(store.Ended(d.ctx))
	}
	if err := d.request(); err != nil {
		return d.object.Fail(fmt.Errorf("resume at byte %d: %w", d.pos, err))
	}
	return nil
}

// Close ends the transfer. The connection is not reused if the body was not read to its end.
func (d *download) Close() error {
	d.closed = true
	if d.body == nil {
		return nil
	}
	err := d.body.Close()
	d.body = nil
	return err
}
