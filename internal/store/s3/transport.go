package s3

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/wire"
)

// netError is a request that got no answer. A final one is not sent again.
type netError = wire.Error

// transport adds to package wire what is particular to S3: it counts attempts, rejects answers that
// no S3 server gives, and never sends customer keys in the clear.
type transport struct {
	wire  *wire.Transport
	stall time.Duration
	pulse pulse
	trace func(Exchange) // nil: none
}

func newTransport(o Options, counter *store.Counter, roots *x509.CertPool) *transport {
	return &transport{
		wire:  wire.New(wire.Options{Stall: o.StallTimeout, Counter: counter, Roots: roots, Idle: o.workers()}),
		stall: o.StallTimeout,
		trace: o.Trace,
	}
}

type attemptsKey struct{}

// countAttempts returns a context whose requests are counted in the result.
func countAttempts(ctx context.Context) (context.Context, *atomic.Int32) {
	n := new(atomic.Int32)
	return context.WithValue(ctx, attemptsKey{}, n), n
}

type answerKey struct{}

// Kinds of successful answers. Without telling them apart, a proxy that answers with a page of its
// own and status 200 would pass for a server that has the object, or has stored it.
const (
	objectAnswer   = 1 + iota // has an ETag
	documentAnswer            // is XML
)

// forObject and forDocument mark requests by the kind of a successful answer.
func forObject(ctx context.Context) context.Context {
	return context.WithValue(ctx, answerKey{}, objectAnswer)
}

func forDocument(ctx context.Context) context.Context {
	return context.WithValue(ctx, answerKey{}, documentAnswer)
}

// unmarked removes such marks, for requests to other services that are made on behalf of a request.
func unmarked(ctx context.Context) context.Context {
	return context.WithValue(context.WithValue(ctx, answerKey{}, nil), attemptsKey{}, nil)
}

// errForeign is for an answer that no S3 server gives. The next answer may come from the server
// again, so the error is not final.
var errForeign = &netError{Err: errors.New("the answer is not that of an S3 server")}

// isForeign reports whether a successful answer is not of the kind that the request is marked with.
func isForeign(req *http.Request, resp *http.Response) bool {
	if resp.StatusCode/100 != 2 {
		return false
	}
	switch req.Context().Value(answerKey{}) {
	case objectAnswer:
		return resp.Header.Get("ETag") == ""
	case documentAnswer:
		return strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html")
	}
	return false
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	// Options reject such an endpoint; this is for redirects.
	if req.Header.Get(customerPrefix+"Key") != "" && plainPath(req.URL) {
		return nil, &netError{Err: errPlainKey, Final: true}
	}
	if t.trace == nil {
		return t.roundTrip(req)
	}
	return t.traced(req)
}

func (t *transport) roundTrip(req *http.Request) (*http.Response, error) {
	if n, ok := req.Context().Value(attemptsKey{}).(*atomic.Int32); ok {
		n.Add(1)
	}
	began := time.Now()
	resp, err := t.wire.RoundTrip(req)
	if err != nil {
		return nil, t.stalled(req, began, err)
	}
	t.pulse.beat()
	if isForeign(req, resp) {
		resp.Body.Close()
		return nil, errForeign
	}
	return resp, nil
}

// followSameMethod follows the redirects that keep method and body, as the SDK's own client does.
// Other redirects, such as that for a bucket in another region, are returned as answers.
func followSameMethod(req *http.Request, via []*http.Request) error {
	switch req.Response.StatusCode {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if len(via) < 5 {
			return nil
		}
	}
	return http.ErrUseLastResponse
}
