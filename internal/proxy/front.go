package proxy

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Front is what a client meets first: health, metrics, logs and limits of time. Everything else it
// leaves to a Server.
type Front struct {
	Server  http.Handler
	Metrics http.Handler
	// Begin counts a request that begins, and returns what counts its end.
	Begin func() func(op string, status int, sent int64, took time.Duration)
	// Ready says why the proxy cannot work; it is asked once in a while.
	Ready func(ctx context.Context) error
	Log   *slog.Logger
	// Stall is how long a client may take for a piece of a body, Total for a whole request.
	Stall, Total time.Duration

	ready readiness
}

// ServeHTTP answers a request.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/healthz":
		fmt.Fprintln(w, "ok")
		return
	case "/readyz":
		f.serveReady(w, r)
		return
	case "/metrics":
		f.Metrics.ServeHTTP(w, r)
		return
	}
	id := requestID(r)
	w.Header().Set(RequestHeader, id)
	ctx, cancel := context.WithTimeout(r.Context(), f.Total)
	defer cancel()
	begin, end := time.Now(), f.Begin()
	rec := &recorder{ResponseWriter: w, control: http.NewResponseController(w), stall: f.Stall, until: begin.Add(f.Total + answerTime)}
	rec.extend()
	defer func() { // also if the connection is cut
		q, _ := parse(r.URL.EscapedPath())
		took := time.Since(begin)
		end(string(q.op), rec.code(r), rec.sent, took)
		f.Log.Info("request", "id", id, "method", r.Method, "path", r.URL.EscapedPath(), "status", rec.code(r), "bytes", rec.sent,
			"took", took.Round(time.Microsecond).String(), "client", r.RemoteAddr)
	}()
	f.Server.ServeHTTP(rec, r.WithContext(ctx))
}

// requestID is that of a load balancer, if it makes sense, or a new one.
func requestID(r *http.Request) string {
	id := r.Header.Get(RequestHeader)
	if len(id) == 0 || len(id) > 64 {
		return rand.Text()[:16]
	}
	for _, c := range id {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return rand.Text()[:16]
		}
	}
	return id
}

// recorder notes how a request was answered, and gives the client time as long as it reads.
type recorder struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
	until   time.Time
	status  int
	sent    int64
}

// extend moves the time at which a write fails. Servers that have no such time have no limit.
func (r *recorder) extend() {
	limit := time.Now().Add(r.stall)
	if limit.After(r.until) {
		limit = r.until
	}
	// The time until an answer is there is that of the context.
	if r.sent == 0 && r.status == 0 {
		limit = r.until
	}
	_ = r.control.SetWriteDeadline(limit)
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	r.extend()
	n, err := r.ResponseWriter.Write(p)
	r.sent += int64(n)
	return n, err
}

const (
	// piece is what is sent before a client gets more time.
	piece = 256 << 10
	// answerTime is for the answer that the time of a request is over.
	answerTime = 10 * time.Second
)

// ReadFrom implements io.ReaderFrom, by which files go to the network without a copy.
func (r *recorder) ReadFrom(src io.Reader) (n int64, err error) {
	from, ok := r.ResponseWriter.(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{r}, src)
	}
	if r.status == 0 {
		r.status = http.StatusOK
	}
	limited, isLimited := src.(*io.LimitedReader)
	for {
		r.extend()
		part := &io.LimitedReader{R: src, N: piece}
		if isLimited { // or it would not be seen to be a file
			part = &io.LimitedReader{R: limited.R, N: min(piece, limited.N)}
		}
		want := part.N
		k, err := from.ReadFrom(part)
		n += k
		r.sent += k
		if isLimited {
			limited.N -= k
		}
		if err != nil || k < want || isLimited && limited.N <= 0 {
			return n, err
		}
	}
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// code is the status of an answer. 499 is that of clients that went away before there was one.
func (r *recorder) code(req *http.Request) int {
	if r.status != 0 {
		return r.status
	}
	if req.Context().Err() != nil {
		return 499
	}
	return http.StatusOK
}

// readiness remembers for a moment whether the proxy can work.
type readiness struct {
	mu   sync.Mutex
	last time.Time
	err  error
}

const (
	readyFor  = 5 * time.Second
	readyTime = 5 * time.Second
)

func (f *Front) serveReady(w http.ResponseWriter, r *http.Request) {
	f.ready.mu.Lock()
	defer f.ready.mu.Unlock()
	if time.Since(f.ready.last) > readyFor {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), readyTime)
		defer cancel()
		f.ready.err, f.ready.last = f.Ready(ctx), time.Now()
	}
	if err := f.ready.err; err != nil {
		f.Log.Warn("not ready", "error", err)
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}
