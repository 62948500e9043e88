package gcs

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/parts"
	"github.com/org/gocache-action/internal/store/rest"
	"github.com/org/gocache-action/internal/store/wire"
)

// cleanupTimeout bounds the request that ends a session even after ctx was cancelled.
const cleanupTimeout = 10 * time.Second

// statusResume is the answer to a part that is not the last, and to a question.
const statusResume = http.StatusPermanentRedirect

// session is one resumable upload. Its URL authorizes whoever has it.
// https://cloud.google.com/storage/docs/performing-resumable-uploads
type session struct {
	*rest.Write
	s    *bucket
	url  string
	off  int64 // bytes that the server has
	sum  hash.Hash
	sent int // requests for the last part
}

// InParts implements rest.API: it sends the parts in a session, one after the other. After an error
// there is no session any more.
func (s *bucket) InParts(ctx context.Context, w *rest.Write, first *parts.Part, split *parts.Splitter) (store.Info, error) {
	u := &session{Write: w, s: s, sum: newCRC()}
	r, err := u.sendAll(ctx, first, split)
	if err == nil {
		return written(r), nil
	}
	if u.url != "" {
		u.abort(ctx, err)
	}
	if u.sent > 0 {
		return w.Settle(ctx, err, u.sent)
	}
	return store.Info{}, err
}

func (u *session) sendAll(ctx context.Context, p *parts.Part, split *parts.Splitter) (r resource, err error) {
	if err := u.begin(ctx); err != nil {
		p.Done()
		return r, err
	}
	for {
		r, err = u.send(ctx, p)
		last := p.Last
		p.Done()
		switch {
		case err != nil:
			return r, err
		case last:
			return r, u.verify(ctx, r)
		}
		if p, err = split.Next(ctx); err != nil {
			return r, err
		}
	}
}

// begin makes the session. A condition is checked here, and again at the end.
func (u *session) begin(ctx context.Context) error {
	if err := possible(u.Write); err != nil {
		return err
	}
	about, err := u.s.description(u.Write, "")
	if err != nil {
		return err
	}
	_, resp, _, err := u.s.client.Call(ctx, rest.Request{
		Kind: rest.Put, Method: http.MethodPost, URL: u.s.uploadURL(u.Write, "resumable"),
		Header: http.Header{"Content-Type": {"application/json; charset=UTF-8"}, "X-Upload-Content-Type": {"application/octet-stream"}},
		Body:   bytes.NewReader(about), Size: int64(len(about)), Genuine: rest.Has("Location"),
	})
	if err != nil {
		return u.Refused(err)
	}
	location, err := u.s.sameServer(resp.Header.Get("Location"))
	if err != nil {
		return err
	}
	u.url = location
	return nil
}

// sameServer checks where a session is: the token of the job goes there.
func (s *bucket) sameServer(location string) (string, error) {
	to, err := url.Parse(location)
	if err != nil || location == "" {
		return "", s.client.Foreign("it has no address of the upload")
	}
	own, err := url.Parse(s.opts.Endpoint)
	if err != nil || to.Scheme != own.Scheme || to.Host != own.Host {
		return "", fmt.Errorf("%w: the upload is to go to another server", store.ErrMoved)
	}
	return location, nil
}

// send sends a part, and what of it the server says it does not have. The last one makes the
// object.
func (u *session) send(ctx context.Context, p *parts.Part) (r resource, err error) {
	if _, err := p.Body.Seek(0, io.SeekStart); err != nil {
		return r, err
	}
	if _, err := io.Copy(u.sum, p.Body); err != nil {
		return r, err
	}
	begin, end := u.off, u.off+p.Size
	for try := 1; ; try++ {
		var have int64
		r, have, err = u.once(ctx, p, begin)
		if err != nil && ctx.Err() == nil && try < u.s.opts.MaxAttempts && u.worth(err, try) {
			if !store.Sleep(ctx, wire.Backoff(try)) {
				return r, store.Ended(ctx)
			}
			r, have, err = u.call(ctx, "bytes */*", nil, 0) // asks how much the server has
		}
		switch {
		case err != nil:
			return r, err
		case r.Generation != "" && p.Last:
			return r, nil
		case r.Generation != "" || have < u.off || have > end || try >= u.s.opts.MaxAttempts:
			return r, u.s.client.Foreign(fmt.Sprintf("it says that it has %d bytes, after those from %d to %d were sent", have, begin, end))
		case have == end && !p.Last:
			u.off = end
			return r, nil
		}
		u.off = have
	}
}

// worth reports whether a part that failed is worth the question what became of it.
func (u *session) worth(err error, try int) bool {
	var ne *wire.Error
	if errors.As(err, &ne) && ne.Stalled {
		return try < 2
	}
	var a *rest.Answer
	return errors.As(err, &a) && a.Temporary() || wire.WorthRepeating(err) && !errors.As(err, &a)
}

// once sends what the server does not have of a part that begins at a byte.
func (u *session) once(ctx context.Context, p *parts.Part, begin int64) (resource, int64, error) {
	end := begin + p.Size
	if p.Last {
		u.sent++
	}
	return u.call(ctx, contentRange(u.off, end, p.Last), &remainder{r: p.Body, from: u.off - begin}, end-u.off)
}

// contentRange describes a part; the last one says how large the whole is.
func contentRange(begin, end int64, last bool) string {
	total := "*"
	if last {
		total = strconv.FormatInt(end, 10)
	}
	if begin == end {
		return "bytes */" + total
	}
	return fmt.Sprintf("bytes %d-%d/%s", begin, end-1, total)
}

// remainder is a body from an offset on.
type remainder struct {
	r    io.ReadSeeker
	from int64
}

func (b *remainder) Read(p []byte) (int, error) { return b.r.Read(p) }

func (b *remainder) Seek(int64, int) (int64, error) { return b.r.Seek(b.from, io.SeekStart) }

// call sends a request to the session. It returns the object if that is complete, else how many
// bytes the server has.
func (u *session) call(ctx context.Context, contentRange string, body io.ReadSeeker, size int64) (r resource, have int64, err error) {
	client := *u.s.client
	if body != nil && size > 0 {
		client.Attempts = 1 // only what is missing is sent again
	}
	data, resp, _, err := client.Call(ctx, rest.Request{
		Kind: rest.Put, Method: http.MethodPut, URL: u.url, Header: http.Header{"Content-Range": {contentRange}},
		Body: body, Size: size, Accept: []int{statusResume},
	})
	switch {
	case err != nil:
		return r, 0, err
	case resp.StatusCode == statusResume:
		have, ok := received(resp.Header.Get("Range"))
		if !ok {
			return r, 0, u.s.client.Foreign("it does not say which bytes it has")
		}
		return r, have, nil
	}
	r, ok := parseResource(data)
	if !ok {
		return r, 0, u.s.client.Foreign("it is not the description of an object")
	}
	return r, 0, nil
}

// received reads "bytes=0-LAST"; without the header the server has nothing yet.
func received(header string) (have int64, ok bool) {
	if header == "" {
		return 0, true
	}
	text, ok := strings.CutPrefix(header, "bytes=0-")
	last, err := strconv.ParseInt(text, 10, 64)
	return last + 1, ok && err == nil && last >= 0 && last < 1<<62
}

// verify compares what was stored with what was sent. The checksum of a stream is known only at its
// end, so the server cannot compare them. An object that differs is removed.
func (u *session) verify(ctx context.Context, r resource) error {
	want := base64.StdEncoding.EncodeToString(u.sum.Sum(nil))
	if r.CRC32C == "" || r.CRC32C == want {
		return nil
	}
	u.sent = 0 // nothing is in doubt
	err := fmt.Errorf("%w: the server has stored other bytes: checksum %.20q instead of %s", store.ErrUnreachable, r.CRC32C, want)
	if derr := u.s.deleteGeneration(ctx, u.Name, store.Version(r.Generation)); derr != nil {
		err = fmt.Errorf("%w (and they stay: %w)", err, derr)
	}
	return err
}

// abort ends the session after the error why, even if ctx was cancelled. Should that fail, Google
// forgets it after a week.
func (u *session) abort(ctx context.Context, why error) {
	actx, cancel := store.Cleanup(ctx, min(cleanupTimeout, u.s.opts.StallTimeout), why)
	defer cancel()
	u.s.client.Call(actx, rest.Request{Kind: rest.Delete, Method: http.MethodDelete, URL: u.url, Accept: []int{499}})
}
