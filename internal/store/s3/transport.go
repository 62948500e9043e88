package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/org/gocache-action/internal/store"
)

// Bounds for reaching the endpoint. Together they let an endpoint that does not exist be
// reported within seconds; two lost SYN packets (resent after 1 and 3 s) still do no harm.
const (
	connectTimeout = 5 * time.Second
	connectTries   = 4
)

// netError is a request that got no answer. A final one is not sent again.
type netError struct {
	err   error
	final bool
}

func (e *netError) Error() string        { return e.err.Error() }
func (e *netError) Unwrap() error        { return e.err }
func (e *netError) Is(target error) bool { return target == store.ErrUnreachable }

// transport sends requests, counts them, and ends those on which nothing moves. A timer for
// each request, and not a deadline on the connection, so that neither a pooled
// idle connection nor a caller that reads slowly counts as stalled.
type transport struct {
	http    *http.Transport
	stall   time.Duration
	counter *store.Counter
	trace   func(Exchange) // nil: none
}

func newTransport(o Options, counter *store.Counter, roots *x509.CertPool) *transport {
	return &transport{
		stall:   o.StallTimeout,
		counter: counter,
		trace:   o.Trace,
		http: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment, // as every Go program; never for loopback
			DialContext:           dial,
			TLSHandshakeTimeout:   connectTimeout,
			TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			MaxIdleConnsPerHost:   o.workers(),
			IdleConnTimeout:       90 * time.Second,
			ExpectContinueTimeout: time.Second,
			DisableCompression:    true, // sizes and ranges mean the stored bytes
			ReadBufferSize:        64 << 10,
			WriteBufferSize:       64 << 10,
			// HTTP/1.1 only: one connection for each transfer is faster than streams of
			// one connection, and S3 speaks nothing else.
			TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
		},
	}
}

// dial connects, and tries again where that may help, such as a server that just
// starts. Its failure is final for the SDK, which would multiply the time.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var d net.Dialer
	for try := 1; ; try++ {
		conn, err := d.DialContext(ctx, network, addr)
		if err == nil {
			return conn, nil
		}
		if try == connectTries || !worthDialing(err) || !sleep(ctx, backoff(try)/2) {
			return nil, &netError{err: err, final: true}
		}
	}
}

func worthDialing(err error) bool {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return !dns.IsNotFound
	}
	return slices.ContainsFunc(refused, func(e error) bool { return errors.Is(err, e) })
}

// backoff is the pause before attempt try+1: 200 ms doubled each time, at most 5 s, of
// which a random half is dropped.
func backoff(try int) time.Duration {
	d := min(200*time.Millisecond<<min(try-1, 10), 5*time.Second)
	return d/2 + rand.N(d/2)
}

// sleep tells whether d passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

type attemptsKey struct{}

// countAttempts returns a context whose requests are counted in the result.
func countAttempts(ctx context.Context) (context.Context, *atomic.Int32) {
	n := new(atomic.Int32)
	return context.WithValue(ctx, attemptsKey{}, n), n
}

type answerKey struct{}

// Kinds of good answers. A proxy that answers with a page of its own and status 200 would otherwise pass for a server that has stored, or has,
// an object.
const (
	objectAnswer   = 1 + iota // has an ETag
	documentAnswer            // is XML
)

// forObject and forDocument mark requests by what their good answers have.
func forObject(ctx context.Context) context.Context {
	return context.WithValue(ctx, answerKey{}, objectAnswer)
}

func forDocument(ctx context.Context) context.Context {
	return context.WithValue(ctx, answerKey{}, documentAnswer)
}

// unmarked is for requests to another service that a request brings about.
func unmarked(ctx context.Context) context.Context {
	return context.WithValue(context.WithValue(ctx, answerKey{}, nil), attemptsKey{}, nil)
}

// errForeign is an answer that no S3 server gives. The next one may come from the server again.
var errForeign = &netError{err: errors.New("the answer is not that of an S3 server")}

// isForeign reports whether an answer of success is not of the kind that the request wants.
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
	// Options refuse such an endpoint; this is for one from the SDK's chain, and for redirects.
	if req.Header.Get(customerPrefix+"Key") != "" && plainPath(req.URL) {
		return nil, &netError{err: errPlainKey, final: true}
	}
	if t.trace == nil {
		return t.roundTrip(req)
	}
	return t.traced(req)
}

func (t *transport) roundTrip(req *http.Request) (*http.Response, error) {
	t.counter.Add(req.Method)
	if n, ok := req.Context().Value(attemptsKey{}).(*atomic.Int32); ok {
		n.Add(1)
	}
	w := t.watch(req.Context())
	req = req.WithContext(w.ctx)
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = &sentBody{req.Body, w}
	}
	resp, err := t.http.RoundTrip(req)
	w.timer.Stop()
	if err != nil {
		err = w.explain(err)
		w.cancel(nil)
		return nil, err
	}
	resp.Body = &receivedBody{resp.Body, w}
	if isForeign(req, resp) {
		resp.Body.Close()
		return nil, errForeign
	}
	return resp, nil
}

// watch ends one request when its timer fires.
type watch struct {
	parent context.Context
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
}

func (t *transport) watch(parent context.Context) *watch {
	w := &watch{parent: parent, stall: t.stall}
	w.ctx, w.cancel = context.WithCancelCause(parent)
	stalled := &netError{err: fmt.Errorf("nothing moved for %v", t.stall), final: true}
	w.timer = time.AfterFunc(t.stall, func() { w.cancel(stalled) })
	return w
}

// explain turns what net/http says into the reason: a stall, the caller's context, or
// a broken connection.
func (w *watch) explain(err error) error {
	if w.parent.Err() != nil {
		return err
	}
	var ne *netError
	if errors.As(context.Cause(w.ctx), &ne) || errors.As(err, &ne) {
		return ne
	}
	var cert *tls.CertificateVerificationError
	var plain tls.RecordHeaderError // the server does not speak TLS
	// A TLS handshake that hangs. As with dial, the SDK would multiply the time.
	var slow net.Error
	timeout := errors.As(err, &slow) && slow.Timeout()
	return &netError{err: err, final: timeout || errors.As(err, &cert) || errors.As(err, &plain)}
}

// sentBody sees each piece of a request on its way out as progress.
type sentBody struct {
	io.ReadCloser
	w *watch
}

func (b *sentBody) Read(p []byte) (int, error) {
	b.w.timer.Reset(b.w.stall)
	return b.ReadCloser.Read(p)
}

// receivedBody lets the timer run while a Read waits, and only then.
type receivedBody struct {
	io.ReadCloser
	w *watch
}

func (b *receivedBody) Read(p []byte) (int, error) {
	b.w.timer.Reset(b.w.stall)
	n, err := b.ReadCloser.Read(p)
	b.w.timer.Stop()
	if err != nil && err != io.EOF {
		err = b.w.explain(err)
	}
	return n, err
}

func (b *receivedBody) Close() error {
	b.w.timer.Stop()
	err := b.ReadCloser.Close()
	b.w.cancel(nil)
	return err
}

// followSameMethod follows the redirects that keep method and body, as the SDK's
// own client does; the others (a bucket in another region) are answers.
func followSameMethod(req *http.Request, via []*http.Request) error {
	switch req.Response.StatusCode {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if len(via) < 5 {
			return nil
		}
	}
	return http.ErrUseLastResponse
}
