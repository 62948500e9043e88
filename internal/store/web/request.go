package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/store/rest"
	"github.com/org/gocache-action/internal/store/wire"
)

// meaning returns what a status says about an object. Buckets answer 403 for an object that does
// not exist if the caller may not list them, and CDNs pass that on.
func meaning(status int) *rest.Answer {
	a := &rest.Answer{Status: status}
	switch status {
	case http.StatusForbidden:
		a.Sentinel, a.Message = store.ErrHidden, "there is no such object, or it is not public"
	case http.StatusProxyAuthRequired:
		a.Sentinel = store.ErrDenied
	case http.StatusNotModified, http.StatusPreconditionFailed: // there was no condition
	default:
		a.Sentinel = rest.Meaning(status)
	}
	return a
}

// do sends a request until it succeeds, fails for good, or no attempt is left. rangeHeader may be
// empty.
func (s *Store) do(ctx context.Context, method, name, rangeHeader string) (*http.Response, error) {
	for try := 1; ; try++ {
		resp, err := s.once(ctx, method, name, rangeHeader)
		if err == nil {
			return resp, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if try >= s.opts.MaxAttempts || !wire.WorthRepeating(err) || !store.Sleep(ctx, wire.Backoff(try)) {
			return nil, err
		}
	}
}

// once sends a request. If it is a miss, and a directory store escapes the name, once also asks for
// the escaped name.
func (s *Store) once(ctx context.Context, method, name, rangeHeader string) (*http.Response, error) {
	asFiles := s.asFiles.Load() // read once, since another request may set it meanwhile
	resp, err := s.send(ctx, method, s.url(name, asFiles), rangeHeader)
	file := dir.FilePath(name)
	if !errors.Is(err, store.ErrNotFound) || asFiles || file == name {
		return resp, err
	}
	again, err2 := s.send(ctx, method, s.base+escape(file), rangeHeader)
	if err2 == nil {
		s.asFiles.Store(true)
		return again, nil
	}
	return nil, err
}

func (s *Store) send(ctx context.Context, method, address, rangeHeader string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity") // sizes and ranges mean the stored bytes
	req.Header.Set("User-Agent", "gocache")
	if rangeHeader != "" {
		req.Header.Set("Range", rangeHeader)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, s.unanswered(ctx, err)
	}
	if err := s.check(resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	s.readable.Store(true)
	return resp, nil
}

// unanswered classifies an error of net/http, and removes the URL that net/http adds to it.
func (s *Store) unanswered(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	var ne *wire.Error
	if errors.As(err, &ne) {
		return fmt.Errorf("%w: %w", store.ErrUnreachable, ne)
	}
	switch {
	case errors.Is(err, errDowngrade), errors.Is(err, errInsecure):
		return fmt.Errorf("%w: %w", store.ErrMoved, err)
	case errors.Is(err, store.ErrNotFound):
		return store.ErrNotFound
	}
	return fmt.Errorf("%w: %w", store.ErrUnreachable, &wire.Error{Err: err, Final: true})
}

// check returns an error unless an answer is an object, or a range of one.
func (s *Store) check(resp *http.Response) error {
	switch status := resp.StatusCode; {
	case status == http.StatusForbidden && s.readable.Load():
		s.note.Add(fmt.Sprintf("%s answers 403 for objects that do not exist: they count as missing", s))
		return &rest.Answer{Status: status, Sentinel: store.ErrNotFound}
	case status != http.StatusOK && status != http.StatusPartialContent:
		return meaning(status)
	}
	switch coding := strings.ToLower(resp.Header.Get("Content-Encoding")); coding {
	case "", "identity", "aws-chunked": // some clients leave the last in the metadata on S3
	default:
		return fmt.Errorf("%w: it answers with content-encoding %.20q, which was not asked for", store.ErrUnsupported, coding)
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		return fmt.Errorf("%w: it answers with a web page instead of an object", store.ErrUnreachable)
	}
	return nil
}

// infoOf reads what an answer says about an object of size bytes. Without an ETag the time is the
// version, so two contents of the same size written within one second have the same version;
// readers tell them apart by their hashes.
func infoOf(h http.Header, size int64) store.Info {
	modified := rest.Time(h)
	version := h.Get("ETag")
	switch {
	case version != "":
	case !modified.IsZero():
		version = "time " + strconv.FormatInt(modified.Unix(), 10)
	default:
		version = "size " + strconv.FormatInt(size, 10)
	}
	if modified.IsZero() {
		modified = time.Unix(0, 0)
	}
	return store.Info{Size: size, Version: store.Version(version), ModTime: modified}
}

// Stat implements store.Store.
func (s *Store) Stat(ctx context.Context, name string) (store.Info, error) {
	if err := store.CheckName(name); err != nil {
		return store.Info{}, s.fail("look up", name, err)
	}
	info, err := s.stat(ctx, name)
	if err != nil {
		return store.Info{}, s.fail("look up", name, err)
	}
	return info, nil
}

// stat sends a HEAD. If the server does not allow that, it sends a GET and does not read the body.
func (s *Store) stat(ctx context.Context, name string) (store.Info, error) {
	resp, err := s.do(ctx, http.MethodHead, name, "")
	if errors.Is(err, store.ErrUnsupported) || err == nil && resp.ContentLength < 0 {
		if resp != nil {
			resp.Body.Close()
		}
		resp, err = s.do(ctx, http.MethodGet, name, "")
	}
	if err != nil {
		return store.Info{}, err
	}
	defer resp.Body.Close()
	if resp.ContentLength < 0 {
		return store.Info{}, rest.ErrNoSize
	}
	return infoOf(resp.Header, resp.ContentLength), nil
}
