package s3

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/org/gocache-action/internal/redact"
)

// An Exchange is one request and its answer, for people who look for a problem. Each attempt is an
// exchange of its own. Secrets are replaced by a mark: what authorizes, encrypts or identifies.
type Exchange struct {
	Method  string
	URL     string
	Header  http.Header // of the request
	Attempt string      // "2 of 5"; empty if the SDK does not count attempts

	Status    int    // 0: no answer
	RequestID string // by which the operator of a server finds the request
	Received  int64  // bytes of the answer's body
	Err       error  // why there is no answer, or why its body ended early

	Wait, Took time.Duration // until the answer began, until it ended
}

// traced performs a request, and calls trace when the body of the answer has been read or closed.
func (t *transport) traced(req *http.Request) (*http.Response, error) {
	e := Exchange{
		Method: req.Method, URL: redact.URL(req.URL), Header: redact.Header(req.Header), Attempt: attempt(req.Header.Get("Amz-Sdk-Request")),
	}
	start := time.Now()
	resp, err := t.roundTrip(req)
	e.Wait = time.Since(start)
	if err != nil {
		e.Took, e.Err = e.Wait, err
		t.trace(e)
		return nil, err
	}
	e.Status, e.RequestID = resp.StatusCode, resp.Header.Get("X-Amz-Request-Id")
	resp.Body = &tracedBody{ReadCloser: resp.Body, e: e, start: start, tell: t.trace}
	return resp, nil
}

// attempt reads "attempt=2; max=5".
func attempt(header string) string {
	n, limit, ok := strings.Cut(strings.TrimPrefix(header, "attempt="), "; max=")
	if !ok {
		return ""
	}
	return n + " of " + limit
}

// tracedBody calls tell once: at the end of the body, at an error, or when it is closed.
type tracedBody struct {
	io.ReadCloser
	once     sync.Once
	e        Exchange
	received atomic.Int64 // a body can be closed while it is read
	start    time.Time
	tell     func(Exchange)
}

func (b *tracedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.received.Add(int64(n))
	switch err {
	case nil:
	case io.EOF:
		b.end(nil)
	default:
		b.end(err)
	}
	return n, err
}

func (b *tracedBody) Close() error {
	err := b.ReadCloser.Close()
	b.end(nil)
	return err
}

func (b *tracedBody) end(err error) {
	b.once.Do(func() {
		b.e.Took, b.e.Err, b.e.Received = time.Since(b.start), err, b.received.Load()
		b.tell(b.e)
	})
}
