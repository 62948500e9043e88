package wire_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/wire"
)

func through(proxy string) *wire.Transport {
	return wire.New(wire.Options{Stall: 5 * time.Second, Proxy: func(*http.Request) (*url.URL, error) {
		u, err := url.Parse(proxy)
		return u, err
	}})
}

// TestProxy: a failure of a proxy is not blamed on the store, and the proxy's password is not
// shown.
func TestProxy(t *testing.T) {
	refusing := func(status int) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(s.Close)
		return strings.Replace(s.URL, "http://", "http://user:sesame@", 1)
	}
	for name, c := range map[string]struct {
		proxy, target, text string
		final               bool
	}{
		"not there, https":      {"http://user:sesame@127.0.0.1:1", "https://store.example.com/x", "proxy http://127.0.0.1:1 (HTTPS_PROXY): dial tcp 127.0.0.1:1: ", true},
		"not there, http":       {"http://user:sesame@127.0.0.1:1", "http://store.example.com/x", "proxy http://127.0.0.1:1 (HTTP_PROXY): dial tcp 127.0.0.1:1: ", true},
		"wants a password":      {refusing(407), "https://store.example.com/x", "it answers 407 Proxy Authentication Required", true},
		"the same, http":        {refusing(407), "http://store.example.com/x", "it answers 407 Proxy Authentication Required", true},
		"forbids":               {refusing(403), "https://store.example.com/x", "it answers 403 Forbidden", true},
		"cannot reach the host": {refusing(502), "https://store.example.com/x", "it answers 502 Bad Gateway", false},
		"is no URL":             {"http://user:sesame@[", "https://store.example.com/x", "HTTPS_PROXY: not the URL of a proxy", true},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest(http.MethodGet, c.target, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = through(c.proxy).RoundTrip(req)
			var ne *wire.Error
			if !errors.As(err, &ne) || !errors.Is(err, store.ErrUnreachable) || !wire.ProxyFailed(err) {
				t.Fatalf("%v", err)
			}
			if text := err.Error(); !strings.Contains(text, c.text) || strings.Contains(text, "sesame") {
				t.Errorf("%s, want %q", text, c.text)
			}
			if ne.Final != c.final {
				t.Errorf("final %t", ne.Final)
			}
		})
	}
}

// TestBehindProxy: a failure behind a working proxy is not blamed on the proxy, but the error names
// it.
func TestBehindProxy(t *testing.T) {
	breaking := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer breaking.Close()
	req, _ := http.NewRequest(http.MethodGet, "http://store.example.com/x", nil)
	_, err := through(breaking.URL).RoundTrip(req)
	if err == nil || wire.ProxyFailed(err) || !strings.Contains(err.Error(), "proxy http://127.0.0.1:") {
		t.Errorf("%v", err)
	}
	fine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Host) }))
	defer fine.Close()
	resp, err := through(fine.URL).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != "store.example.com" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestUnknownAuthority: this machine does not know the authority that signed the certificate of the
// test server.
func TestUnknownAuthority(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("macOS refuses the certificate of net/http/httptest because of its long validity, before it checks the authority")
	}
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	req, _ := http.NewRequest(http.MethodGet, server.URL, nil)
	_, err := wire.New(wire.Options{Stall: 5 * time.Second}).RoundTrip(req)
	var ne *wire.Error
	if !wire.UnknownAuthority(err) || !errors.As(err, &ne) || !ne.Final {
		t.Errorf("%v", err)
	}
}
