package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/wire"
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
	d, err := s.open(ctx, name, off, length)
	if err != nil {
		return nil, store.Info{}, s.fail("read", name, err)
	}
	return d, d.info, nil
}

func (s *Store) open(ctx context.Context, name string, off, length int64) (*download, error) {
	if err := store.CheckName(name); err != nil {
		return nil, err
	}
	if _, err := store.End(off, length, 0); err != nil {
		return nil, err
	}
	d := &download{ctx: ctx, s: s, name: name, pos: off, length: length}
	if length == 0 {
		return d, d.nothing()
	}
	err := d.request()
	if errors.Is(err, errRange) {
		err = d.nothing()
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// download reads a range of one version of an object over as many connections as it takes.
type download struct {
	ctx    context.Context
	s      *Store
	name   string
	length int64 // as asked for
	info   store.Info

	pos, end int64 // the next byte, and the end of the range within the object
	short    bool  // the object ends before the range
	body     io.ReadCloser
	exact    bool // the body ends where the range does
	closed   bool
	breaks   wire.Resumption
}

// nothing is for ranges without any byte.
func (d *download) nothing() error {
	info, err := d.s.stat(d.ctx, d.name)
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
	header := d.rangeHeader()
	resp, err := d.s.do(d.ctx, http.MethodGet, d.name, header)
	if err != nil {
		return err
	}
	if err := d.accept(resp, header != ""); err != nil {
		resp.Body.Close()
		return err
	}
	return nil
}

func (d *download) rangeHeader() string {
	if d.info.Version != "" { // resumed
		return wire.RangeUpTo(d.pos, d.end)
	}
	return wire.RangeHeader(d.pos, d.length)
}

// accept checks that the answer is what was asked for, and is of the version that the download
// began with. A server without ranges sends the whole object, whose beginning is skipped.
func (d *download) accept(resp *http.Response, ranged bool) error {
	size, skip := resp.ContentLength, int64(0)
	switch {
	case resp.StatusCode == http.StatusPartialContent && !ranged:
		return fmt.Errorf("%w: it answers with a range that was not asked for", store.ErrUnsupported)
	case resp.StatusCode == http.StatusPartialContent:
		header := resp.Header.Get("Content-Range")
		var ok bool
		if size, ok = wire.TotalSize(header, d.pos); !ok {
			return fmt.Errorf("%w: it answers a range from byte %d with content-range %.60q", store.ErrUnsupported, d.pos, header)
		}
	case ranged:
		skip = d.pos
		d.s.note.Add(fmt.Sprintf("%s ignores ranges: more is transferred than is needed", d.s))
	}
	if size < 0 {
		return errNoSize
	}
	info := infoOf(resp, size)
	switch {
	case d.info.Version == "":
		end, _ := store.End(d.pos, d.length, size)
		d.info, d.end, d.short = info, min(end, size), end > size || d.pos > size
		d.end = max(d.end, d.pos)
	case !d.info.Same(info):
		return store.ErrConflict
	}
	d.body, d.exact = resp.Body, !ranged || resp.StatusCode == http.StatusPartialContent
	if skip > 0 && d.pos < d.end {
		if _, err := io.CopyN(io.Discard, resp.Body, skip); err != nil {
			return fmt.Errorf("%w: before byte %d: %w", store.ErrUnreachable, skip, err)
		}
	}
	return nil
}

func (d *download) Read(p []byte) (int, error) {
	switch {
	case d.closed:
		return 0, errors.New("read after close")
	case d.pos == d.end && d.short:
		return 0, io.ErrUnexpectedEOF
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
	return io.EOF
}

// broken resumes the transfer after a body ended early. A stalled transfer is not resumed: the
// stall has already taken as long as the caller allows.
func (d *download) broken(err error) error {
	d.body.Close()
	d.body = nil
	if d.ctx.Err() != nil {
		return d.s.fail("read", d.name, d.ctx.Err())
	}
	if !d.breaks.Worth(err, d.s.opts.MaxAttempts) {
		return d.s.fail("read", d.name, fmt.Errorf("%w: at byte %d: %w", store.ErrUnreachable, d.pos, err))
	}
	if !d.breaks.Pause(d.ctx) {
		return d.s.fail("read", d.name, d.ctx.Err())
	}
	if err := d.request(); err != nil {
		return d.s.fail("read", d.name, fmt.Errorf("resume at byte %d: %w", d.pos, err))
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
