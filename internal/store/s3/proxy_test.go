package s3_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
)

// A verdict says what a proxy does with a request.
type verdict int

const (
	pass           verdict = iota
	lose                   // perform the request, then break the connection instead of answering
	reset                  // break the connection without performing the request
	slowDown               // answer 503
	refuse412              // answer 412 before the body was read, and break the connection
	notImplemented         // answer 501
	page                   // answer 200 with a page of HTML, as a portal does
	xhtml                  // the same, with one that is XML as well
)

// between puts a proxy in front of the gateway that asks judge about each request.
func between(t testing.TB, g *storetest.Server, judge func(*http.Request) verdict) s3.Options {
	t.Helper()
	server := httptest.NewServer(proxy(t, g, judge))
	t.Cleanup(server.Close)
	o := options(g, newBucket(t, g))
	o.Endpoint = server.URL
	return o
}

func proxy(t testing.TB, g *storetest.Server, judge func(*http.Request) verdict) http.Handler {
	t.Helper()
	target, err := url.Parse(g.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	// The Host header does not change, since it is signed.
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch judged := judge(r); judged {
		case pass:
			forward.ServeHTTP(w, r)
		case lose:
			forward.ServeHTTP(httptest.NewRecorder(), r)
			hangUp(w, "")
		case reset:
			hangUp(w, "")
		case slowDown:
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `<Error><Code>SlowDown</Code><Message>reduce your request rate</Message></Error>`)
		case notImplemented:
			w.WriteHeader(http.StatusNotImplemented)
			fmt.Fprint(w, `<Error><Code>NotImplemented</Code><Message>A header you provided implies functionality that is not implemented</Message></Error>`)
		case page, xhtml:
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html><body><p>Please log in."+map[verdict]string{page: "", xhtml: "</p></body></html>"}[judged])
		case refuse412:
			hangUp(w, "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}
	})
}

// hangUp resets the TCP connection.
func hangUp(w http.ResponseWriter, last string) {
	conn, buf, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	buf.WriteString(last)
	buf.Flush()
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

// first gives the first n requests of a method the verdict v. The query of these requests must
// contain query.
func first(n int32, method, query string, v verdict) func(*http.Request) verdict {
	var seen atomic.Int32
	return func(r *http.Request) verdict {
		if r.Method == method && strings.Contains(r.URL.RawQuery, query) && seen.Add(1) <= n {
			return v
		}
		return pass
	}
}
