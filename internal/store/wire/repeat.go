package wire

import (
	"errors"
	"net/http"
	"time"

	"github.com/org/gocache-action/internal/store"
)

// WorthRepeating reports whether err may be that of a server that is overloaded or restarting.
// Errors that are final have already taken long enough.
func WorthRepeating(err error) bool {
	var e *Error
	if errors.As(err, &e) {
		return !e.Final
	}
	return errors.Is(err, store.ErrUnreachable)
}

// TraceFunc is told of a request when its answer begins, or when it fails, by many goroutines at
// once.
type TraceFunc func(r *http.Request, resp *http.Response, err error, took time.Duration)

// Traced is a transport that tells of its requests. Without tell it is t itself.
func Traced(t http.RoundTripper, tell TraceFunc) http.RoundTripper {
	if tell == nil {
		return t
	}
	return tracer{t, tell}
}

type tracer struct {
	http.RoundTripper
	tell TraceFunc
}

// RoundTrip implements http.RoundTripper.
func (t tracer) RoundTrip(r *http.Request) (*http.Response, error) {
	start := time.Now()
	resp, err := t.RoundTripper.RoundTrip(r)
	t.tell(r, resp, err, time.Since(start))
	return resp, err
}
