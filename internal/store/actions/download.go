package actions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/wire"
)

// download reads a range of a blob over as many connections, and with as many URLs, as it takes. It
// is for one goroutine.
type download struct {
	ctx    context.Context
	reader *reader
	blob   *blob

	pos, end int64 // the next byte, and the end of the range; -1: that of the blob, not yet known
	total    int64 // bytes of the blob
	unsure   bool  // total is what was asked for, and there may be more
	modified time.Time
	body     io.ReadCloser
	closed   bool
	breaks   wire.Resumption
}

// read begins to read length bytes of a blob from offset off; a negative length means up to the
// end.
func (r *reader) read(ctx context.Context, b *blob, off, length int64) (*download, error) {
	d := &download{ctx: ctx, reader: r, blob: b, pos: off, end: -1}
	if length >= 0 {
		d.end = off + length
	}
	if err := d.request(); err != nil {
		return nil, err
	}
	if d.end < 0 {
		d.end = d.total
	}
	return d, nil
}

func (d *download) rangeHeader() string {
	switch {
	case d.end >= 0:
		return wire.RangeUpTo(d.pos, d.end)
	case d.pos > 0:
		return wire.RangeHeader(d.pos, -1)
	}
	return ""
}

// request asks for what is left of the range.
func (d *download) request() error {
	header := d.rangeHeader()
	resp, err := d.reader.fetch(d.ctx, d.blob, header)
	if errors.Is(err, errRange) {
		// The range begins behind the end, so the blob is not what the table says.
		return fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
	}
	if err != nil {
		return err
	}
	if err := d.accept(resp, header != ""); err != nil {
		resp.Body.Close()
		return err
	}
	d.body = resp.Body
	return nil
}

// accept checks that the answer is what was asked for. A server without ranges sends the whole
// blob, whose beginning is skipped.
func (d *download) accept(resp *http.Response, ranged bool) error {
	size := resp.ContentLength
	switch {
	case resp.StatusCode == http.StatusPartialContent && ranged && resp.Header.Get("Content-Range") == "" && size >= 0 && d.end >= 0:
		// Some servers do not say which range it is. What is in it is verified as all else is.
		size += d.pos
		d.unsure = size == d.end
	case resp.StatusCode == http.StatusPartialContent && ranged:
		var ok bool
		if size, ok = wire.TotalSize(resp.Header.Get("Content-Range"), d.pos); !ok {
			return fmt.Errorf("%w: it answers a range from byte %d with content-range %.60q", store.ErrUnsupported, d.pos, resp.Header.Get("Content-Range"))
		}
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%w: it answers with http %d", store.ErrUnsupported, resp.StatusCode)
	case ranged && d.pos > 0:
		if _, err := io.CopyN(io.Discard, resp.Body, d.pos); err != nil {
			return fmt.Errorf("%w: before byte %d: %w", store.ErrUnreachable, d.pos, err)
		}
	}
	if size < 0 {
		return fmt.Errorf("%w: it does not say how large the entry is", store.ErrUnsupported)
	}
	d.total = size
	d.modified, _ = http.ParseTime(resp.Header.Get("Last-Modified"))
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
	case d.pos >= d.total:
		return 0, io.ErrUnexpectedEOF
	}
	n, err := d.body.Read(p[:min(int64(len(p)), d.end-d.pos)])
	d.pos += int64(n)
	d.breaks.Moved(n)
	if err == nil || err == io.EOF && (d.pos == d.end || d.pos >= d.total) {
		return n, nil
	}
	return n, d.broken(err)
}

// finish reads up to the end of the body, so that the connection can be reused. One of a server
// without ranges goes on.
func (d *download) finish() error {
	if d.body != nil {
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
		return store.Ended(d.ctx)
	}
	if !d.breaks.Worth(err, d.reader.opts.MaxAttempts) {
		return fmt.Errorf("%w: at byte %d: %w", store.ErrUnreachable, d.pos, err)
	}
	if !d.breaks.Pause(d.ctx) {
		return store.Ended(d.ctx)
	}
	if err := d.request(); err != nil {
		return fmt.Errorf("resume at byte %d: %w", d.pos, err)
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

// fetch asks for a range of a blob. If the URL has expired, or leads to nothing, it looks the entry
// up again, once.
func (r *reader) fetch(ctx context.Context, b *blob, rangeHeader string) (*http.Response, error) {
	if err := r.readable(); err != nil {
		return nil, err
	}
	stale := ""
	for {
		from, err := r.urlOf(ctx, b, stale)
		if err != nil {
			return nil, err
		}
		resp, err := r.blobs.get(ctx, from, rangeHeader)
		again := errors.Is(err, errExpired) || errors.Is(err, errNoBlob)
		switch {
		case !again:
			return resp, err
		case stale == "":
			stale = from
		case errors.Is(err, errNoBlob):
			r.places.lose(b)
			return nil, fmt.Errorf("%w: %w", errGone, err)
		default:
			return nil, r.blobs.of(from, fmt.Errorf("%w: %w", store.ErrDenied, err))
		}
	}
}

// window is a part of what a download reads, as the contract of Store.Open has it.
type window struct {
	io.ReadCloser
	left  int64
	short bool              // the object ends before the range that was asked for
	named func(error) error // adds the name of the object to an error
}

func (w *window) Read(p []byte) (int, error) {
	if w.left == 0 {
		if w.short {
			return 0, io.ErrUnexpectedEOF
		}
		w.ReadCloser.Read(nil)
		return 0, io.EOF
	}
	n, err := w.ReadCloser.Read(p[:min(int64(len(p)), w.left)])
	w.left -= int64(n)
	if err == io.EOF {
		if w.left > 0 {
			return n, io.ErrUnexpectedEOF
		}
		err = nil
	}
	if err != nil && err != io.ErrUnexpectedEOF && w.named != nil {
		err = w.named(err)
	}
	return n, err
}

// narrow makes a window of a whole object of size bytes one of a range.
func (w *window) narrow(off, length, size int64) error {
	from, n, short, err := clip(off, length, size)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, w.ReadCloser, from); err != nil {
		return err
	}
	w.left, w.short = n, short
	return nil
}

// clip returns which bytes of an object of size bytes a range has, and whether the object ends
// before it does.
func clip(off, length, size int64) (from, n int64, short bool, err error) {
	end, err := store.End(off, length, size)
	if err != nil {
		return 0, 0, false, err
	}
	from = min(off, size)
	return from, max(min(end, size)-from, 0), end > size || off > size, nil
}

// nothing is a body without any byte.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }
func (nothing) Close() error             { return nil }
