package wire

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// ErrProxy: the HTTP proxy of the environment does not answer, or does not let the request through.
// The store itself was not reached.
var ErrProxy = errors.New("http proxy")

// ProxyFailed reports whether a proxy is to blame, also for requests that another client sent.
func ProxyFailed(err error) bool { return errors.Is(err, ErrProxy) || isProxyConnect(err) }

// UnknownAuthority reports whether a certificate is signed by an authority that this machine does
// not know.
func UnknownAuthority(err error) bool {
	var unknown x509.UnknownAuthorityError
	return errors.As(err, &unknown)
}

// isProxyConnect recognises how net/http marks failures to connect to a proxy.
func isProxyConnect(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "proxyconnect"
}

// errConnect is the answer of a proxy that does not connect, or does not pass a request on.
// net/http offers no more than the text of the status.
type errConnect struct{ status string }

func (e errConnect) Error() string { return "it answers " + e.status }

// refusedByProxy returns the error for an answer of a proxy to CONNECT. A proxy that cannot reach
// the server may do so the next time; one that refuses will refuse again, so that is final.
func refusedByProxy(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &Error{Err: errConnect{resp.Status}, Final: resp.StatusCode < 500}
}

// proxyError names the proxy, without the password that its URL often has.
type proxyError struct {
	proxy    *url.URL
	variable string
	err      error
}

func (e *proxyError) Error() string {
	text := e.err.Error()
	var op *net.OpError
	if errors.As(e.err, &op) && op.Op == "proxyconnect" {
		text = op.Err.Error()
	}
	return fmt.Sprintf("proxy %s://%s (%s): %s", e.proxy.Scheme, e.proxy.Host, e.variable, text)
}

func (e *proxyError) Unwrap() error { return e.err }

// Is reports whether the failure is that of the proxy, rather than one behind it.
func (e *proxyError) Is(target error) bool { return target == ErrProxy && e.refused() }

func (e *proxyError) refused() bool {
	var connect errConnect
	return isProxyConnect(e.err) || errors.As(e.err, &connect)
}

// ofProxy adds the proxy to the error of a request that got no answer through it. Other errors are
// returned as they are.
func (t *Transport) ofProxy(req *http.Request, err error) error {
	var ne *Error
	if !errors.As(err, &ne) {
		return err
	}
	variable := strings.ToUpper(req.URL.Scheme) + "_PROXY"
	proxy, perr := t.opts.Proxy(req)
	switch {
	case perr != nil:
		return &Error{Err: fmt.Errorf("%w of %s: not the URL of a proxy", ErrProxy, variable), Final: true}
	case proxy == nil:
		return err
	}
	return &Error{Err: &proxyError{proxy, variable, ne.Err}, Final: ne.Final, Stalled: ne.Stalled}
}
