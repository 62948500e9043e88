package storetest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// Verdict is what happens to a request on its way to a Cloud.
type Verdict int

// Verdicts.
const (
	Pass     Verdict = iota
	Lose             // it is carried out, and its answer is lost
	Reset            // it does not arrive, and the connection breaks
	Busy             // 503
	Throttle         // 429
	Page             // a web page, with status 200
	Cut              // the body of the answer ends in the middle
	Hang             // no answer
)

// Kinds of requests, for a judge.
const (
	KindGet      = "get"
	KindHead     = "head"
	KindPut      = "put"      // an object in one request
	KindCreate   = "create"   // the beginning of an upload in parts, if there is one
	KindPart     = "part"     // one that is not the last, or does not end the upload
	KindComplete = "complete" // what ends an upload in parts
	KindOther    = "other"
)

// Between starts a proxy before the server, and returns the endpoint to use instead. It asks judge
// for a verdict on each request, by many goroutines at once.
func (c *Cloud) Between(t testing.TB, judge func(kind string) Verdict) (endpoint string) {
	t.Helper()
	target, err := url.Parse("http://" + c.Addr)
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		ErrorLog: quiet,
	}
	b := &between{pass: pass, judge: judge, sessions: map[string]*uploadSession{}, ended: make(chan struct{})}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(b.ended) })
	return strings.Replace(c.Endpoint, "http://"+c.Addr, server.URL, 1)
}

type between struct {
	pass  http.Handler
	judge func(kind string) Verdict
	ended chan struct{}

	mu       sync.Mutex
	sessions map[string]*uploadSession // resumable uploads, by ID
}

// uploadSession is what a server knows of a resumable upload. fake-gcs-server takes the question
// how much it has for the end of the upload, so the proxy answers it, as
// https://cloud.google.com/storage/docs/performing-resumable-uploads#status-check says.
type uploadSession struct {
	have int64
	done []byte // the answer to the last part
}

var partRange = regexp.MustCompile(`^bytes (?:\d+-(\d+)|\*)/(\d+|\*)$`)

// kindOf tells what a request is for, for both services.
func kindOf(r *http.Request) string {
	q := r.URL.Query()
	m := partRange.FindStringSubmatch(r.Header.Get("Content-Range"))
	switch {
	case r.Method == http.MethodGet && (q.Get("alt") == "media" || q.Get("comp") == "" && r.Header.Get("X-Ms-Date") != ""):
		return KindGet
	case r.Method == http.MethodHead, r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/o/"):
		return KindHead
	case q.Get("comp") == "block", m != nil && m[2] == "*":
		return KindPart
	case q.Get("comp") == "blocklist", m != nil:
		return KindComplete
	case q.Get("uploadType") == "resumable":
		return KindCreate
	case q.Get("uploadType") == "multipart", r.Method == http.MethodPut && q.Get("comp") == "":
		return KindPut
	}
	return KindOther
}

// ServeHTTP implements http.Handler.
func (b *between) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if id := r.URL.Query().Get("upload_id"); id != "" && r.Header.Get("Content-Range") == "bytes */*" {
		b.status(w, id)
		return
	}
	switch b.judge(kindOf(r)) {
	case Pass:
		b.forward(w, r)
	case Lose:
		b.forward(httptest.NewRecorder(), r)
		hangUp(w)
	case Reset:
		hangUp(w)
	case Busy:
		http.Error(w, "", http.StatusServiceUnavailable)
	case Throttle:
		http.Error(w, "", http.StatusTooManyRequests)
	case Page:
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<html><body><p>Please log in.</p></body></html>")
	case Cut:
		rec := httptest.NewRecorder()
		b.forward(rec, r)
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(rec.Code)
		w.Write(rec.Body.Bytes()[:rec.Body.Len()/2])
		w.(http.Flusher).Flush()
		hangUp(w)
	case Hang:
		io.Copy(io.Discard, r.Body) // so that the end of the connection is seen
		select {
		case <-b.ended:
		case <-r.Context().Done():
		}
	}
}

// forward passes a request on, and notes what becomes of a resumable upload.
func (b *between) forward(w http.ResponseWriter, r *http.Request) {
	id, m := r.URL.Query().Get("upload_id"), partRange.FindStringSubmatch(r.Header.Get("Content-Range"))
	if id == "" || m == nil {
		b.pass.ServeHTTP(w, r)
		return
	}
	rec := httptest.NewRecorder()
	b.pass.ServeHTTP(rec, r)
	b.mu.Lock()
	s := b.sessions[id]
	if s == nil {
		s = &uploadSession{}
		b.sessions[id] = s
	}
	switch rec.Code {
	case http.StatusPermanentRedirect:
		fmt.Sscan(m[1], &s.have)
		s.have++
	case http.StatusOK:
		s.done = rec.Body.Bytes()
	}
	b.mu.Unlock()
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(rec.Code)
	w.Write(rec.Body.Bytes())
}

func (b *between) status(w http.ResponseWriter, id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.sessions[id]
	if s != nil && s.done != nil {
		w.Header().Set("Content-Type", "application/json")
		w.Write(s.done)
		return
	}
	if s != nil && s.have > 0 {
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", s.have-1))
	}
	w.WriteHeader(http.StatusPermanentRedirect)
}

// hangUp resets the TCP connection.
func hangUp(w http.ResponseWriter) {
	h, ok := w.(http.Hijacker)
	if !ok {
		return
	}
	conn, _, err := h.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // the answer has begun
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}
