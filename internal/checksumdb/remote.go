package checksumdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/org/gocache-action/internal/goproxy"
)

var dialer = net.Dialer{Timeout: connectTimeout}

// maxAnswer bounds an answer: records have less than a KiB, tiles 8 KiB.
const maxAnswer = 1 << 20

// remote sends the requests of a session.
type remote struct {
	ctx  context.Context
	db   *DB
	find sync.Once
	base *url.URL

	mu      sync.Mutex
	missing map[string]bool // paths that the database said do not exist
	// failures are those of paths that were not got, and row how many there were since the last
	// answer.
	failures map[string]error
	row      int
	answered bool  // at least once
	down     error // why it cannot be asked; stays
}

// maxFailures is how many requests in a row may fail before the database counts as down.
const maxFailures = 3

func (r *remote) fail(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down == nil {
		r.down = err
	}
	return r.down
}

// note notes what became of a request. Only a host that cannot be reached, or has not said anything
// yet, and failures in a row say that the next request would fail, too.
func (r *remote) note(path string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.row, r.answered = 0, true
	case errors.Is(err, fs.ErrNotExist):
		r.row, r.answered = 0, true
		r.missing[path] = true
	default:
		r.row++
		r.failures[path] = err
		silent := !r.answered && isTimeout(err) // it would be so once more, for as long
		if r.down == nil && (r.row >= maxFailures || r.ctx.Err() != nil || isUnreachable(err) || silent) {
			r.down = err
		}
	}
}

// isUnreachable reports whether there was no connection.
func isUnreachable(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || errors.As(err, &op) && op.Op == "dial"
}

// isTimeout reports whether an answer has not come in time.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// known returns why an answer about a version is not asked for once more. Tiles are, as other
// versions need them.
func (r *remote) known(path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down == nil && strings.HasPrefix(path, "/lookup/") {
		return r.failures[path]
	}
	return r.down
}

// cause is the failure that made a lookup fail with err, of which the client keeps the text only;
// nil if it was none.
func (r *remote) cause(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.failures {
		if strings.Contains(err.Error(), f.Error()) {
			return f
		}
	}
	return r.down
}

func (r *remote) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.down
}

func (r *remote) isMissing(path string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.missing[path]
}

// read gets a path of the database.
func (r *remote) read(path string) ([]byte, error) {
	r.find.Do(r.locate)
	if err := r.known(path); err != nil {
		return nil, err
	}
	data, err := r.get(r.base, path)
	if later := new(busyError); errors.As(err, &later) {
		select {
		case <-r.ctx.Done():
		case <-time.After(later.wait):
			data, err = r.get(r.base, path)
		}
	}
	r.note(path, err)
	return data, err
}

// busyError is an answer that may be another one soon: 429, or 5xx.
type busyError struct {
	status string
	wait   time.Duration
}

func (e *busyError) Error() string { return e.status }

// Waits before a second try: what is asked for, within bounds.
const (
	minWait = 200 * time.Millisecond
	maxWait = 2 * time.Second
)

// busy makes the error of an answer.
func busy(resp *http.Response) error {
	n, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // 0 if it is absent, or a date
	return &busyError{resp.Status, max(minWait, min(time.Duration(n)*time.Second, maxWait))}
}

// locate finds the URL of the database: GOSUMDB has it, or a proxy forwards requests, or it is the
// host in the name of the database. The proxies are asked in turn: the next one if a proxy does not
// support the database, but after an error only if the list allows that.
func (r *remote) locate() {
	if r.db.o.Offline {
		r.fail(notAsked("only answers that were kept count"))
		return
	}
	r.base = r.db.base
	if r.base != nil {
		return
	}
	direct := &url.URL{Scheme: "https", Host: r.db.name}
	if host, path, ok := strings.Cut(r.db.name, "/"); ok {
		direct.Host, direct.Path = host, "/"+path
	}
	r.base = direct
	if strings.TrimSpace(r.db.o.GOPROXY) == "off" {
		r.fail(notAsked("GOPROXY=off"))
		return
	}
	for _, p := range goproxy.Split(r.db.o.GOPROXY) {
		if p.Name == "direct" || p.Name == "off" {
			return
		}
		u, err := url.Parse(p.Name)
		if err == nil && u.Scheme == "file" {
			continue
		}
		if err == nil {
			u = u.JoinPath("sumdb", r.db.name)
			_, err = r.get(u, "/supported")
		}
		switch {
		case err == nil:
			r.base = u
			return
		case errors.Is(err, fs.ErrNotExist) || p.FallBack:
		default:
			r.fail(err)
			return
		}
	}
}

// get sends one request. If the path does not exist, the error is fs.ErrNotExist. Errors do not
// show passwords in URLs.
func (r *remote) get(base *url.URL, path string) ([]byte, error) {
	u := base.JoinPath(path)
	req, err := http.NewRequestWithContext(r.ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%s: invalid URL", u.Redacted())
	}
	resp, err := r.db.o.Client.Do(req)
	if err != nil {
		var wrapped *url.Error // names the URL with all that is in it
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	defer resp.Body.Close()
	switch code := resp.StatusCode; {
	case code == http.StatusOK:
	case code == http.StatusNotFound || code == http.StatusGone:
		return nil, fmt.Errorf("%s: %w", u.Redacted(), fs.ErrNotExist)
	case code == http.StatusTooManyRequests || code >= http.StatusInternalServerError:
		return nil, fmt.Errorf("%s: %w", u.Redacted(), busy(resp))
	default:
		return nil, fmt.Errorf("%s: %s", u.Redacted(), resp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(data) > maxAnswer {
		err = fmt.Errorf("more than %d bytes", maxAnswer)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	return data, nil
}
