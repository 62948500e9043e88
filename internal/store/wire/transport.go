// Package wire sends HTTP requests to a store: it connects within bounded time, cancels requests on
// which nothing moves, counts requests, and says why one got no answer. It knows nothing about what
// is requested.
package wire

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
	"net/url"
	"slices"
	"time"

	"github.com/org/gocache-action/internal/store"
)

// Bounds for reaching the endpoint. An endpoint that does not exist is reported within seconds,
// while two lost SYN packets (resent after 1 and 3 s) do no harm.
const (
	ConnectTimeout = 5 * time.Second
	connectTries   = 4
)

// Error is a request that got no answer. It is store.ErrUnreachable.
type Error struct {
	Err error
	// Final: the request must not be sent again at once.
	Final bool
	// Stalled: nothing moved for the stall time.
	Stalled bool
}

func (e *Error) Error() string        { return e.Err.Error() }
func (e *Error) Unwrap() error        { return e.Err }
func (e *Error) Is(target error) bool { return target == store.ErrUnreachable }

// Options of a Transport.
type Options struct {
	Stall   time.Duration  // without a byte moving on a connection
	Counter *store.Counter // counts requests by method; may be nil
	Roots   *x509.CertPool // nil: the system's
	Idle    int            // connections to a host that are kept open
	Proxy   func(*http.Request) (*url.URL, error)
}

// Transport sends requests, counts them, and cancels those on which nothing moves. It uses a timer
// for each request, not a deadline for the connection, so that neither an idle connection in the
// pool nor a caller that reads slowly counts as stalled.
type Transport struct {
	opts Options
	http *http.Transport
}

// New returns a transport that uses the proxy of the environment, as every Go program does, unless
// o has another one. Requests to loopback never use a proxy of the environment.
func New(o Options) *Transport {
	if o.Counter == nil {
		o.Counter = new(store.Counter)
	}
	if o.Proxy == nil {
		o.Proxy = http.ProxyFromEnvironment
	}
	return &Transport{opts: o, http: &http.Transport{
		Proxy:                  o.Proxy,
		OnProxyConnectResponse: refusedByProxy,
		DialContext:            dial,
		TLSHandshakeTimeout:    ConnectTimeout,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
		MaxIdleConnsPerHost:    o.Idle,
		IdleConnTimeout:        90 * time.Second,
		ExpectContinueTimeout:  time.Second,
		DisableCompression:     true, // sizes and ranges mean the stored bytes
		ReadBufferSize:         64 << 10,
		WriteBufferSize:        64 << 10,
		// HTTP/1.1 only: one connection for each transfer is faster than streams of
		// one connection, and S3 speaks nothing else.
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
	}}
}

// dial connects, and tries again where that may help, for example with a server that is just
// starting. Its errors are final, because retries of the callers would multiply the time.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, ConnectTimeout)
	defer cancel()
	var d net.Dialer
	for try := 1; ; try++ {
		conn, err := d.DialContext(ctx, network, addr)
		if err == nil {
			return conn, nil
		}
		if try == connectTries || !worthDialing(err) || !store.Sleep(ctx, Backoff(try)/2) {
			return nil, &Error{Err: err, Final: true}
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

// Backoff returns the pause before attempt try+1: 200 ms, doubled each time up to 5 s, of which a
// random part of up to one half is subtracted.
func Backoff(try int) time.Duration {
	d := min(200*time.Millisecond<<min(try-1, 10), 5*time.Second)
	return d/2 + rand.N(d/2)
}

// RoundTrip implements http.RoundTripper. Its errors are those of the context, or an *Error.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	t.opts.Counter.Add(req.Method)
	w := t.watch(req.Context())
	out := req.WithContext(w.ctx)
	if out.Body != nil && out.Body != http.NoBody {
		out.Body = &sentBody{out.Body, w}
	}
	resp, err := t.http.RoundTrip(out)
	w.timer.Stop()
	if err == nil && resp.StatusCode == http.StatusProxyAuthRequired {
		resp.Body.Close()
		err = &Error{Err: errConnect{resp.Status}, Final: true}
	}
	if err != nil {
		err = t.ofProxy(req, w.explain(err))
		w.cancel(nil)
		return nil, err
	}
	resp.Body = &receivedBody{resp.Body, w}
	return resp, nil
}

// watch cancels one request when its timer fires.
type watch struct {
	parent context.Context
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
}

func (t *Transport) watch(parent context.Context) *watch {
	w := &watch{parent: parent, stall: t.opts.Stall}
	w.ctx, w.cancel = context.WithCancelCause(parent)
	stalled := &Error{Err: fmt.Errorf("nothing moved for %v", w.stall), Final: true, Stalled: true}
	w.timer = time.AfterFunc(w.stall, func() { w.cancel(stalled) })
	return w
}

// explain turns an error of net/http into its cause: a stall, the caller's context, or a broken
// connection.
func (w *watch) explain(err error) error {
	if w.parent.Err() != nil {
		return store.Ended(w.parent)
	}
	var ne *Error
	if errors.As(context.Cause(w.ctx), &ne) {
		return ne
	}
	if errors.As(err, &ne) {
		if isProxyConnect(err) {
			return &Error{Err: err, Final: ne.Final}
		}
		return ne
	}
	var cert *tls.CertificateVerificationError
	var plain tls.RecordHeaderError // the server does not speak TLS
	// A TLS handshake that hangs is final for the same reason as the errors of dial.
	var slow net.Error
	timeout := errors.As(err, &slow) && slow.Timeout()
	return &Error{Err: err, Final: timeout || errors.As(err, &cert) || errors.As(err, &plain)}
}

// sentBody counts each piece of a request body that is sent as progress.
type sentBody struct {
	io.ReadCloser
	w *watch
}

func (b *sentBody) Read(p []byte) (int, error) {
	b.w.timer.Reset(b.w.stall)
	return b.ReadCloser.Read(p)
}

// receivedBody lets the timer run only while a Read waits.
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
