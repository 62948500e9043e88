package s3test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/org/gocache-action/internal/store/storetest"
)

// Front is a server before a gateway. It takes the client's signature off and puts its own on, so
// that it can take headers off, too.
type Front struct {
	URL string
	// SessionToken must come with each request; "": none is asked for. Whether a signature is right
	// is not checked.
	SessionToken string
	// Encrypts makes it answer as a server that encrypts; as with Amazon's, what was written with a
	// customer key is read with the same key only, and wrong headers are refused.
	Encrypts bool
	// Quirk is what the server does otherwise than Amazon's; the zero value: nothing.
	Quirk Quirk

	gateway *storetest.Server
	mu      sync.Mutex
	seen    []Request
	sums    map[string]string // path -> MD5 of the customer key
}

// Request is what a client sent.
type Request struct {
	Operation string // as in the API reference: PutObject
	URL       string
	Header    http.Header
}

// NewFront starts a server for the test. Fields may be changed before the first request.
func NewFront(t testing.TB, g *storetest.Server) *Front {
	t.Helper()
	target, err := url.Parse(g.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	f := &Front{gateway: g, sums: map[string]string{}}
	pass := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			f.sign(r.Out)
		},
		ModifyResponse: func(resp *http.Response) error { f.answer(resp); return nil },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if code, status := f.judge(r); code != "" {
			io.Copy(io.Discard, r.Body)
			w.WriteHeader(status)
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>refused</Message></Error>", code)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	f.URL = server.URL
	return f
}

// Requests returns all requests so far.
func (f *Front) Requests() []Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.seen)
}

const (
	customer = "X-Amz-Server-Side-Encryption-Customer-"
	source   = "X-Amz-Copy-Source-Server-Side-Encryption-Customer-"
	sse      = "X-Amz-Server-Side-Encryption"
	token    = "X-Amz-Security-Token"
)

// sign replaces the client's signature, without the headers that are not for the gateway.
func (f *Front) sign(r *http.Request) {
	for name := range r.Header {
		if strings.HasPrefix(name, sse) || strings.HasPrefix(name, source) || name == token || name == "Authorization" {
			r.Header.Del(name)
		}
	}
	if err := sign(r.Context(), r, f.gateway, r.Header.Get("X-Amz-Content-Sha256"), "s3"); err != nil {
		panic(err) // of a request that has been understood
	}
}

// judge records a request. It returns the error that a server would answer with, or "".
func (f *Front) judge(r *http.Request) (code string, status int) {
	op := operation(r)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, Request{op, r.URL.String(), r.Header.Clone()})
	if f.Quirk.apply != nil {
		if code, status := f.Quirk.apply(op, r); code != "" {
			return code, status
		}
	}
	switch {
	case f.SessionToken != "" && r.Header.Get(token) != f.SessionToken:
		return "InvalidToken", http.StatusBadRequest
	case !f.Encrypts:
		return "", 0
	}
	sum := r.Header.Get(customer + "Key-Md5")
	switch op {
	case "PutObject", "CreateMultipartUpload":
		f.sums[r.URL.Path] = sum
	case "CopyObject": // onto itself
		if r.Header.Get(source+"Key-Md5") != f.sums[r.URL.Path] {
			return "AccessDenied", http.StatusForbidden
		}
		f.sums[r.URL.Path] = sum
	case "GetObject", "HeadObject", "UploadPart", "CompleteMultipartUpload", "ListParts":
		want, known := f.sums[r.URL.Path]
		if r.Header.Get(sse) != "" || known && (want == "") != (sum == "") {
			return "InvalidRequest", http.StatusBadRequest
		}
		if known && want != sum {
			return "AccessDenied", http.StatusForbidden
		}
	}
	return "", 0
}

// answer says how the object is encrypted, if it is.
func (f *Front) answer(resp *http.Response) {
	sent := resp.Request
	// The proxy keeps the request as it was sent to the gateway; what the client asked for was
	// recorded.
	if !f.Encrypts || resp.StatusCode >= 300 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.seen) - 1; i >= 0; i-- {
		r := f.seen[i]
		u, err := url.Parse(r.URL)
		if err != nil || u.Path != sent.URL.Path || r.Operation != operation(sent) {
			continue
		}
		for _, name := range []string{sse, sse + "-Aws-Kms-Key-Id", sse + "-Bucket-Key-Enabled", customer + "Algorithm", customer + "Key-Md5"} {
			if v := r.Header.Get(name); v != "" {
				resp.Header.Set(name, v)
			}
		}
		return
	}
}

// operation names a request, as far as package s3 sends it.
func operation(r *http.Request) string {
	q := r.URL.Query()
	object := strings.Contains(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch has := q.Has; {
	case r.Method == "PUT" && has("partNumber"):
		return "UploadPart"
	case r.Method == "PUT" && r.Header.Get("X-Amz-Copy-Source") != "":
		return "CopyObject"
	case r.Method == "PUT":
		return "PutObject"
	case r.Method == "POST" && has("uploads"):
		return "CreateMultipartUpload"
	case r.Method == "POST" && has("uploadId"):
		return "CompleteMultipartUpload"
	case r.Method == "POST" && has("delete"):
		return "DeleteObjects"
	case r.Method == "DELETE" && has("uploadId"):
		return "AbortMultipartUpload"
	case r.Method == "DELETE":
		return "DeleteObject"
	case r.Method == "GET" && has("uploads"):
		return "ListMultipartUploads"
	case r.Method == "GET" && has("uploadId"):
		return "ListParts"
	case r.Method == "GET" && has("list-type"):
		return "ListObjectsV2"
	case r.Method == "GET":
		return "GetObject"
	case r.Method == "HEAD" && object:
		return "HeadObject"
	case r.Method == "HEAD":
		return "HeadBucket"
	}
	return r.Method
}
