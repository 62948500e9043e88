package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/module"
)

// Times that an upstream may take. The first answer can take long: it may be fetching the module
// itself.
const (
	connectTime = 10 * time.Second
	headerTime  = 2 * time.Minute
	stallTime   = 30 * time.Second
	attempts    = 3
	firstPause  = 200 * time.Millisecond
	longestWait = 5 * time.Second // for what Retry-After asks; beyond it the client is told
)

// NewClient returns a client for upstreams. Redirects are followed, but never from https to http.
func NewClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: connectTime}).DialContext
	t.TLSHandshakeTimeout = connectTime
	t.ResponseHeaderTimeout = headerTime
	t.MaxIdleConnsPerHost, t.MaxConnsPerHost = 64, 64
	return &http.Client{Transport: t, CheckRedirect: checkRedirect}
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("more than 10 redirects")
	}
	if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return errors.New("redirect from https to " + req.URL.Scheme)
	}
	return nil
}

// HTTP is a module proxy.
type HTTP struct {
	Base   *url.URL // may have user and password
	Client *http.Client
	// Stall is how long a body may stand still; 0: 30 s.
	Stall time.Duration
	// Pause is how long to wait before asking again; 0: 200 ms.
	Pause time.Duration
}

func (h *HTTP) String() string {
	u := *h.Base
	u.User = nil
	return u.String()
}

// List implements Source.
func (h *HTTP) List(ctx context.Context, path string) ([]byte, error) {
	return h.checked(ctx, path, "@v/list", MaxList, CleanList)
}

// Latest implements Source.
func (h *HTTP) Latest(ctx context.Context, path string) ([]byte, error) {
	return h.checked(ctx, path, "@latest", MaxInfo, func(data []byte) ([]byte, error) {
		_, err := ParseInfo(path, "latest", data)
		return data, err
	})
}

// Info implements Source.
func (h *HTTP) Info(ctx context.Context, path, query string) ([]byte, error) {
	esc, err := module.EscapeVersion(query)
	if err != nil {
		return nil, &Error{Kind: Absent, Source: h.String(), What: path + "@" + query, Err: err}
	}
	return h.checked(ctx, path, "@v/"+esc+".info", MaxInfo, func(data []byte) ([]byte, error) {
		_, err := ParseInfo(path, query, data)
		return data, err
	})
}

// Mod implements Source.
func (h *HTTP) Mod(ctx context.Context, v module.Version) ([]byte, error) {
	esc, err := module.EscapeVersion(v.Version)
	if err != nil {
		return nil, &Error{Kind: Absent, Source: h.String(), What: v.String(), Err: err}
	}
	return h.checked(ctx, v.Path, "@v/"+esc+".mod", MaxMod, func(data []byte) ([]byte, error) {
		return data, CheckMod(data)
	})
}

// Zip implements Source.
func (h *HTTP) Zip(ctx context.Context, v module.Version, w Spool) error {
	esc, err := module.EscapeVersion(v.Version)
	if err != nil {
		return &Error{Kind: Absent, Source: h.String(), What: v.String(), Err: err}
	}
	return h.ask(ctx, v.Path, "@v/"+esc+".zip", MaxZip, func(body io.Reader) error {
		if err := rewind(w); err != nil {
			return &localError{err}
		}
		return copyBody(w, body)
	})
}

// Raw gets a file of the upstream that is not about one module, such as those below sumdb.
func (h *HTTP) Raw(ctx context.Context, file string, limit int64) (data []byte, err error) {
	err = h.request(ctx, file, h.Base.JoinPath(file), limit, func(body io.Reader) (err error) {
		data, err = io.ReadAll(body)
		return err
	})
	return data, err
}

func rewind(w Spool) error {
	if _, err := w.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return w.Truncate(0)
}

// localError is one of the spool: asking again does not help.
type localError struct{ error }

func (e *localError) Unwrap() error { return e.error }

func copyBody(w io.Writer, body io.Reader) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return &localError{werr}
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// checked gets a file of a module and checks its form.
func (h *HTTP) checked(ctx context.Context, path, file string, limit int64, check func([]byte) ([]byte, error)) (data []byte, err error) {
	err = h.ask(ctx, path, file, limit, func(body io.Reader) error {
		raw, err := io.ReadAll(body)
		if err == nil {
			data, err = check(raw)
		}
		return err
	})
	return data, err
}

// ask gets a file of a module.
func (h *HTTP) ask(ctx context.Context, path, file string, limit int64, use func(io.Reader) error) error {
	what := path + "/" + file
	esc, err := module.EscapePath(path)
	if err != nil {
		return &Error{Kind: Absent, Source: h.String(), What: what, Err: err}
	}
	return h.request(ctx, what, h.Base.JoinPath(esc, file), limit, use)
}

// request asks up to three times, where a failure may pass.
func (h *HTTP) request(ctx context.Context, what string, u *url.URL, limit int64, use func(io.Reader) error) error {
	pause := cmp.Or(h.Pause, firstPause)
	for i := 1; ; i++ {
		err := h.once(ctx, what, u, limit, use)
		var e *Error
		if err == nil || !errors.As(err, &e) || i == attempts || ctx.Err() != nil || !mayPass(e) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(max(pause, e.After)):
		}
		pause *= 4
	}
}

// mayPass reports whether to ask the same again after a moment.
func mayPass(e *Error) bool {
	var local *localError
	if errors.As(e.Err, &local) || e.After > longestWait {
		return false
	}
	var late interface{ Timeout() bool }
	if errors.As(e.Err, &late) && late.Timeout() {
		return false // it was waited for long enough
	}
	return e.Kind == Outage || e.Kind == Busy
}

func (h *HTTP) once(ctx context.Context, what string, u *url.URL, limit int64, use func(io.Reader) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	fail := func(kind Kind, status int, err error) *Error {
		if cause := context.Cause(ctx); cause != nil {
			err = cause // the error of a read that was cut off says less
		}
		return &Error{Kind: kind, Source: h.String(), What: what, Status: status, Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fail(Outage, 0, errors.New("invalid URL"))
	}
	resp, err := h.Client.Do(req)
	if err != nil {
		var wrapped *url.Error // names the URL with all that is in it
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		e := fail(Outage, 0, err)
		e.Down = true
		return e
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		e := fail(kindOfStatus(resp), resp.StatusCode, message(resp))
		e.After = retryAfter(resp)
		return e
	}
	if resp.ContentLength > limit {
		return fail(Refused, 0, fmt.Errorf("%d bytes, more than %d", resp.ContentLength, limit))
	}
	body := newGuarded(resp.Body, limit, h.stall(), cancel)
	defer body.stop()
	err = use(body)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errTooLong):
		return fail(Refused, 0, err)
	}
	return fail(Outage, 0, err)
}

func (h *HTTP) stall() time.Duration {
	if h.Stall > 0 {
		return h.Stall
	}
	return stallTime
}

// kindOfStatus sorts what is no success. The go command goes on to the next proxy after 404 and
// 410, and after nothing else.
func kindOfStatus(resp *http.Response) Kind {
	switch resp.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		return Absent
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		return Forbidden
	case http.StatusTooManyRequests:
		return Busy
	case http.StatusServiceUnavailable:
		if resp.Header.Get("Retry-After") != "" {
			return Busy
		}
	}
	return Outage
}

func retryAfter(resp *http.Response) time.Duration {
	n, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || n < 0 || n > 24*3600 {
		return 0
	}
	return time.Duration(n) * time.Second
}

// message is what an upstream says in plain text; the go command passes such texts on too.
func message(resp *http.Response) error {
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	text := strings.TrimSpace(strings.ToValidUTF8(string(data), "?"))
	if err != nil || text == "" {
		return nil
	}
	return errors.New(strings.Join(strings.Fields(text), " "))
}
