// Package rest makes a store of an HTTP API, without the client library of a vendor: requests that
// are repeated, downloads that go on where they broke off, writes whose answer was lost. It knows
// no API; each is a type that implements API.
package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/wire"
)

// Kinds of requests, as they are counted.
const (
	Get    = "GET"
	Head   = "HEAD"
	Put    = "PUT"
	List   = "LIST"
	Delete = "DELETE"
	Touch  = "TOUCH"
)

// maxAnswer bounds what is read of an answer that is not an object.
const maxAnswer = 8 << 20

// stalledSends is how often a write is sent if nothing moves: one connection can hang while the
// server answers others. Stalled reads are not sent again: by then, the job could have compiled
// what it waits for.
const stalledSends = 2

// Client sends requests to one server. Its fields do not change.
type Client struct {
	HTTP     http.RoundTripper
	Counter  *store.Counter
	Attempts int
	Server   string // names the server in errors
	// Sign adds to a request what authorizes it. Its errors are final.
	Sign func(*http.Request) error
	// Refused reads an answer that is not a success.
	Refused func(kind string, resp *http.Response) *Answer
}

// Request is one that can be sent again.
type Request struct {
	Kind   string // as it is counted
	Method string
	URL    string
	Header http.Header // may be nil
	Body   io.ReadSeeker
	Size   int64 // of Body
	Accept []int // statuses that are a success besides 2xx
	// Genuine reports whether a success is that of such a server, by its headers: the page of a
	// proxy can say that it is one, too. It may be nil.
	Genuine func(http.Header) bool
}

// Do sends a request until it succeeds, fails for good, or no attempt is left. sent is how often it
// was sent. The caller closes the body of the answer.
func (c *Client) Do(ctx context.Context, r Request) (resp *http.Response, sent int, err error) {
	for try := 1; ; try++ {
		c.Counter.Add(r.Kind)
		resp, err := c.once(ctx, r)
		if err == nil {
			return resp, try, nil
		}
		if ctx.Err() != nil {
			return nil, try, store.Ended(ctx)
		}
		if try >= c.Attempts || !worth(err, r, try) {
			return nil, try, err
		}
		if !store.Sleep(ctx, wire.Backoff(try)) {
			return nil, try, store.Ended(ctx)
		}
	}
}

// worth reports whether to send a request again after an error of attempt try.
func worth(err error, r Request, try int) bool {
	var a *Answer
	if errors.As(err, &a) {
		return a.Temporary()
	}
	var ne *wire.Error
	if !errors.As(err, &ne) {
		return false
	}
	return !ne.Final || ne.Stalled && r.Kind == Put && try < stalledSends
}

func (c *Client) once(ctx context.Context, r Request) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: the URL of the request cannot be used", store.ErrUnsupported) // without the URL
	}
	if r.Header != nil {
		req.Header = r.Header.Clone()
	}
	req.Header.Set("User-Agent", "gocache")
	if req.Header.Get("Accept-Encoding") == "" {
		req.Header.Set("Accept-Encoding", "identity") // sizes and ranges mean the stored bytes
	}
	if r.Size > 0 {
		if _, err := r.Body.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		// Each attempt reads in its own way: that before it may still be reading.
		sending := &sending{Reader: r.Body, done: make(chan struct{})}
		req.Body, req.ContentLength = sending, r.Size
		defer func() { <-sending.done }()
	}
	if err := c.Sign(req); err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	resp, err := c.HTTP.RoundTrip(req)
	if err != nil {
		return nil, c.unanswered(ctx, err)
	}
	if c.isSuccess(r, resp.StatusCode) {
		if r.Genuine != nil && !r.Genuine(resp.Header) {
			resp.Body.Close()
			return nil, c.Foreign("its headers are others")
		}
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, c.Refused(r.Kind, resp)
}

func (c *Client) isSuccess(r Request, status int) bool {
	for _, ok := range r.Accept {
		if status == ok {
			return true
		}
	}
	return status/100 == 2
}

// sending is a body that says when nobody reads it any more: net/http can go on reading after it
// has returned an error.
type sending struct {
	io.Reader
	done chan struct{}
}

func (s *sending) Close() error {
	select {
	case <-s.done:
	default:
		close(s.done)
	}
	return nil
}

// unanswered names the server in the error of a request that got no answer.
func (c *Client) unanswered(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return store.Ended(ctx)
	}
	var ue *url.Error
	if errors.As(err, &ue) { // its text has the URL
		err = ue.Err
	}
	var ne *wire.Error
	if !errors.As(err, &ne) {
		ne = &wire.Error{Err: err, Final: true}
	}
	return fmt.Errorf("%w: %s: %w", store.ErrUnreachable, c.Server, ne)
}

// Call is Do for a request whose answer has a body of a few kilobytes at most, or a page of a
// listing.
func (c *Client) Call(ctx context.Context, r Request) (data []byte, resp *http.Response, sent int, err error) {
	resp, sent, err = c.Do(ctx, r)
	if err != nil {
		return nil, nil, sent, err
	}
	defer resp.Body.Close()
	data, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case ctx.Err() != nil:
		return nil, nil, sent, store.Ended(ctx)
	case err != nil:
		return nil, nil, sent, c.unanswered(ctx, err)
	case len(data) > maxAnswer:
		return nil, nil, sent, c.Foreign(fmt.Sprintf("it has more than %d bytes", maxAnswer))
	}
	return data, resp, sent, nil
}

// Foreign is the error for an answer that no such server gives, such as a page of a proxy that says
// it was a success. The next answer may come from the server again.
func (c *Client) Foreign(why string) error {
	return fmt.Errorf("%w: %s: %w", store.ErrUnreachable, c.Server, &wire.Error{Err: fmt.Errorf("the answer is not that of such a server: %s", why)})
}

// Has returns a check whether an answer has a header.
func Has(name string) func(http.Header) bool {
	return func(h http.Header) bool { return h.Get(name) != "" }
}

// Document is Call for an answer that parse understands. What it does not understand, or is cut
// off, is asked for again.
func (c *Client) Document(ctx context.Context, r Request, what string, parse func(data []byte) bool) (sent int, err error) {
	for try := 1; ; try++ {
		data, _, n, err := c.Call(ctx, r)
		sent += n
		if err == nil && !parse(data) {
			err = c.Foreign("it is no " + what)
		}
		var ne *wire.Error
		if err == nil || try >= c.Attempts || !errors.As(err, &ne) || ne.Final || errors.As(err, new(*Answer)) {
			return sent, err
		}
		if !store.Sleep(ctx, wire.Backoff(try)) {
			return sent, store.Ended(ctx)
		}
	}
}

// Text reads the body of an answer that refuses, as far as a message can have it.
func Text(resp *http.Response) []byte {
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return data
}

// Time reads the time at which an object was written, in whole seconds.
func Time(h http.Header) time.Time {
	t, _ := http.ParseTime(h.Get("Last-Modified"))
	return t
}

// serverTime asks the server for the time, which every answer has, also one that refuses.
func (c *Client) serverTime(ctx context.Context, url string) (time.Time, error) {
	c.Counter.Add(Head)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: the URL of the request cannot be used", store.ErrUnsupported)
	}
	if err := c.Sign(req); err != nil {
		return time.Time{}, err
	}
	resp, err := c.HTTP.RoundTrip(req)
	if err != nil {
		return time.Time{}, c.unanswered(ctx, err)
	}
	resp.Body.Close()
	t, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: the answers have no time", c.Server)
	}
	return t, nil
}

// refuses reports whether the server refuses a write as a bad request, as it should if the bytes do
// not match their checksum.
func (c *Client) refuses(ctx context.Context, r Request) (bool, error) {
	_, _, _, err := c.Call(ctx, r)
	var a *Answer
	if errors.As(err, &a) && a.Status == http.StatusBadRequest {
		return true, nil
	}
	return false, err
}
