package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// wireBucket is the bucket of all trials on S3; each trial has a prefix of its own.
const wireBucket = "bucket"

// noProgress is the stall timeout where something stalls. Elsewhere it is longer, so that a busy
// machine does not count as stalled.
const noProgress = 3 * time.Second

// wireAttempts is the number of attempts of each request: two failures are overcome, the third is
// final.
const wireAttempts = 3

// openWire opens the store at an endpoint.
func openWire(endpoint, prefix string, with ...func(*s3.Options)) (store.Store, error) {
	o := s3.Options{
		Bucket: wireBucket, Prefix: prefix, Region: "us-east-1", Endpoint: endpoint, PathStyle: true,
		PartSize: s3.MinPartSize, MaxAttempts: wireAttempts, StallTimeout: trialBound,
	}
	for _, f := range with {
		f(&o)
	}
	return s3.New(context.Background(), o)
}

func impatient(o *s3.Options) { o.StallTimeout = noProgress }

// operation identifies a request by what it does.
type operation struct {
	name string // with the object, and the part or range of it
	kind string // with the kind of object
	r    *http.Request
}

func (o operation) is(method string) bool { return o.r.Method == method }

func (o operation) conditional() bool {
	return o.r.Header.Get("If-Match") != "" && !o.is(http.MethodGet) || o.r.Header.Get("If-None-Match") != ""
}

// sendsBody reports whether an object or a part of one is uploaded.
func (o operation) sendsBody() bool { return o.is(http.MethodPut) }

func operationOf(r *http.Request, prefix string) operation {
	object, q := strings.TrimPrefix(r.URL.Path, "/"+wireBucket+"/"+prefix+"/"), r.URL.Query()
	verb := r.Method
	switch {
	case q.Has("uploads"):
		verb = "create upload of"
	case q.Has("partNumber"):
		verb = "part " + q.Get("partNumber") + " of"
	case r.Method == http.MethodPost && q.Has("uploadId"):
		verb = "complete"
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		verb = "abort"
	}
	kind, _ := snapshot.KindOf(object)
	if object == gcnotes.Object {
		kind = "notes"
	}
	name := verb + " " + object
	if h := r.Header.Get("Range"); h != "" {
		name += " " + h
	}
	return operation{name, verb + " " + string(kind), r}
}

// wireFault is something that happens to requests on their way.
type wireFault struct {
	name   string
	on     func(operation) bool // the operations it applies to; nil: all
	stalls bool                 // nothing moves any more
	// how many attempts of that operation fail; 0: all, and all requests after it
	times  int
	object bool // if times is 0, only requests for the same object
	do     func(f *wire, w http.ResponseWriter, r *http.Request)
	expectation
	onSave    expectation // of a save, if it is another one
	meanwhile bool        // another job saves just before the fault
}

func (f wireFault) options(o *s3.Options) {
	if f.stalls {
		impatient(o)
	}
}

// wire is an HTTP proxy in front of the gateway that makes one fault happen at one operation.
type wire struct {
	forward http.Handler
	prefix  string
	at      string // name of the operation; "": never
	fault   wireFault
	before  func()        // called once, just before the fault
	path    string        // of the object, set once the fault has happened
	over    chan struct{} // closed at the end, so that what hangs ends

	mu   sync.Mutex
	seen []operation // in the order in which they came, each once
	hits int
}

// upstream forwards requests to the gateway, with the signed Host header unchanged.
func upstream(t testing.TB, g *storetest.Server) http.Handler {
	t.Helper()
	target, err := url.Parse(g.Endpoint)
	e2etest.Must(t, err)
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		// An error because the client has gone away, or a fault has cut it off, is not worth
		// logging.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { hangUp(w, "") },
	}
}

// start listens, and returns the endpoint and a function that stops it.
func (f *wire) start() (endpoint string, stop func()) {
	f.over = make(chan struct{})
	server := httptest.NewServer(f)
	return server.URL, func() { close(f.over); server.CloseClientConnections(); server.Close() }
}

func (f *wire) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	op := operationOf(r, f.prefix)
	f.mu.Lock()
	if !slices.ContainsFunc(f.seen, func(o operation) bool { return o.name == op.name }) {
		f.seen = append(f.seen, op)
	}
	hit := op.name == f.at || f.hits > 0 && f.fault.times == 0 && (!f.fault.object || r.URL.Path == f.path)
	if hit {
		f.hits++
		f.path = r.URL.Path
	}
	n := f.hits
	f.mu.Unlock()
	if !hit || f.fault.times > 0 && n > f.fault.times {
		f.forward.ServeHTTP(w, r)
		return
	}
	if n == 1 && f.before != nil {
		f.before()
	}
	f.fault.do(f, w, r)
}

// happened returns an error if the run never came to the operation.
func (f *wire) happened() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hits == 0 {
		return errNoFault
	}
	return nil
}

var errNoFault = errors.New("the fault did not happen")

// hangUp resets the TCP connection after writing some last bytes.
func hangUp(w http.ResponseWriter, last string) {
	hijack, ok := w.(http.Hijacker)
	if !ok { // nobody waits for the answer
		return
	}
	conn, buf, err := hijack.Hijack()
	if err != nil {
		return
	}
	buf.WriteString(last)
	buf.Flush()
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

func resetConn(_ *wire, w http.ResponseWriter, _ *http.Request) { hangUp(w, "") }

// loseAnswer performs the request, and resets the connection instead of answering.
func loseAnswer(f *wire, w http.ResponseWriter, r *http.Request) {
	f.forward.ServeHTTP(httptest.NewRecorder(), r)
	hangUp(w, "")
}

// refuseWith answers with an error before the body of the request has come, and then reads on until
// the client ends. A server that closed the connection instead would reset it under a client that
// no longer waits for "100 Continue", and the answer would sometimes be lost.
func refuseWith(status int, code, message string) func(*wire, http.ResponseWriter, *http.Request) {
	return func(_ *wire, w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		c.EnableFullDuplex()
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
		}
		c.Flush()
		io.Copy(io.Discard, r.Body)
	}
}

// burst is an overloaded server, which answers first with one error and then with another.
func burst(f *wire, w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	first := f.hits == 1
	f.mu.Unlock()
	if first {
		refuseWith(500, "InternalError", "We encountered an internal error")(f, w, r)
		return
	}
	slowDown(f, w, r)
}

var slowDown = refuseWith(503, "SlowDown", "Please reduce your request rate")

// refuseEarly answers 412 and resets the connection before the body has come. The client sees the
// answer, or only the reset.
func refuseEarly(_ *wire, w http.ResponseWriter, _ *http.Request) {
	hangUp(w, "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

// htmlPage answers with a web page, like the login portal of a network.
func htmlPage(_ *wire, w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprint(w, "<html><head><title>Welcome</title></head><body><p>Please log in.</p></body></html>")
}

// hangOn hangs until the run is over: it does not answer, and stops reading.
func hangOn(f *wire, w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	<-f.over
	conn.Close()
}

// waitInBody hangs in the middle of a body, of the request or of the answer.
func waitInBody(f *wire, w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		f.change(w, r, func(body []byte, conn io.Writer) { conn.Write(body[:len(body)/2]); <-f.over })
		return
	}
	io.CopyN(io.Discard, r.Body, r.ContentLength/2)
	hangOn(f, w, r)
}

// truncateBody sends only part of the body, under a header that announces all of it.
func truncateBody(f *wire, w http.ResponseWriter, r *http.Request) {
	f.change(w, r, func(body []byte, conn io.Writer) { conn.Write(body[:len(body)/2]) })
}

// flipByte sends a body with a wrong byte.
func flipByte(f *wire, w http.ResponseWriter, r *http.Request) {
	f.change(w, r, func(body []byte, conn io.Writer) {
		if len(body) > 0 {
			body[len(body)/2] ^= 4
		}
		conn.Write(body)
	})
}

// change gets the real answer, sends its header and what send makes of its body, and then ends the
// connection.
func (f *wire) change(w http.ResponseWriter, r *http.Request, send func(body []byte, conn io.Writer)) {
	rec := httptest.NewRecorder()
	f.forward.ServeHTTP(rec, r)
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	res := rec.Result()
	body, _ := io.ReadAll(res.Body)
	fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\n", res.StatusCode, http.StatusText(res.StatusCode))
	res.Header.Set("Content-Length", strconv.Itoa(len(body)))
	res.Header.Set("Connection", "close")
	res.Header.Write(conn)
	io.WriteString(conn, "\r\n")
	send(body, conn)
}

// otherObject answers with the content and the version of another object, which is an XML document.
func otherObject(_ *wire, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"0123456789abcdef0123456789abcdef"`)
	w.Header().Set("Content-Type", "application/octet-stream")
	// It respects ranges, as the server would.
	http.ServeContent(w, r, "", longAgo, strings.NewReader(strings.Repeat("<other>content</other>\n", 300)))
}
