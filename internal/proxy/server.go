package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/proxy/access"
	"github.com/org/gocache-action/internal/proxy/checksums"
	"github.com/org/gocache-action/internal/proxy/settings"
	"github.com/org/gocache-action/internal/proxy/upstream"
)

// Headers that are not of HTTP.
const (
	// StaleHeader says that an answer may be out of date, because no upstream could be asked.
	StaleHeader = "Gocache-Stale"
	// RequestHeader has the ID of a request, for logs.
	RequestHeader = "X-Request-Id"
)

// ServerName is what the proxy calls itself in the header Server.
const ServerName = "gocache-proxy"

// Server speaks the protocol of module proxies.
type Server struct {
	Library *Library
	DB      *checksums.DB // nil: no checksum database is passed on
	Log     *slog.Logger
	Listed  time.Duration // how long clients may keep what can change
	Access  *access.Rules // nil: everybody may read private modules
	// Modes are for modules that are not in the store; the first that matches counts. Local finds
	// what is there, without asking anybody; it must be set if there are modes.
	Modes    []settings.Mode
	Local    *Library
	Redirect *url.URL // where mode redirect leads to; nil: nowhere
}

// ServeHTTP answers a request, GET or HEAD.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", ServerName)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	q, err := parse(r.URL.EscapedPath())
	if err == nil {
		err = s.serve(w, r, q)
	}
	if err != nil {
		s.fail(w, r, q, err)
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, q request) error {
	if q.op == opSumDB {
		return s.sumDB(w, r, q)
	}
	if err := s.allow(r, q); err != nil {
		return err
	}
	if q.changing() && noCache(r) {
		s.Library.Forget(q.path)
	}
	switch mode := s.mode(q.path); {
	case mode == settings.ModeNone:
		return s.serveFrom(w, r, q, s.Local)
	case mode == settings.ModeSync || q.changing():
		return s.serveFrom(w, r, q, s.Library)
	default:
		return s.serveLater(w, r, q, mode)
	}
}

// serveFrom serves what a library finds.
func (s *Server) serveFrom(w http.ResponseWriter, r *http.Request, q request, l *Library) error {
	if q.op == opZip {
		return s.zip(w, r, l, module.Version{Path: q.path, Version: q.version})
	}
	a, err := find(r.Context(), l, q)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentTypes[q.op])
	s.small(w, r, a, l.IsPrivate(q.path))
	return nil
}

var contentTypes = map[operation]string{
	opInfo: "application/json", opLatest: "application/json",
	opList: "text/plain; charset=utf-8", opMod: "text/plain; charset=utf-8",
}

func find(ctx context.Context, l *Library, q request) (Answer, error) {
	switch q.op {
	case opList:
		return l.List(ctx, q.path)
	case opLatest:
		return l.Latest(ctx, q.path)
	case opInfo:
		return l.Info(ctx, q.path, q.version)
	}
	return l.Mod(ctx, module.Version{Path: q.path, Version: q.version})
}

// noCache reports whether a client wants to know how things are now.
func noCache(r *http.Request) bool {
	return strings.Contains(strings.ToLower(r.Header.Get("Cache-Control")), "no-cache")
}

// small serves a small file.
func (s *Server) small(w http.ResponseWriter, r *http.Request, a Answer, private bool) {
	h := w.Header()
	h.Set("Cache-Control", s.cacheControl(a, private))
	if a.Stale {
		h.Set(StaleHeader, "true")
		h.Set("Warning", `110 - "Response is Stale"`)
	}
	http.ServeContent(w, r, "", a.Read, bytes.NewReader(a.Data))
}

func (s *Server) cacheControl(a Answer, private bool) string {
	who := "public"
	if private {
		who = "private"
	}
	switch {
	case a.Stale:
		return "no-store"
	case a.Fixed:
		return who + ", max-age=31536000, immutable"
	}
	return fmt.Sprintf("%s, max-age=%d", who, int(s.Listed.Seconds()))
}

// zip serves a zip, or a part of it.
func (s *Server) zip(w http.ResponseWriter, r *http.Request, l *Library, v module.Version) error {
	z, err := l.Zip(r.Context(), v)
	if err != nil {
		return err
	}
	defer z.Close()
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Cache-Control", s.cacheControl(Answer{Fixed: true}, s.Library.IsPrivate(v.Path)))
	if z.File == nil {
		return s.pass(w, r, z)
	}
	h.Set("ETag", strconv.Quote(z.Tag))
	http.ServeContent(w, r, "", time.Time{}, z.File)
	return nil
}

// pass sends a zip as it is made. If that fails in the middle the connection is cut, so that the
// client does not take the beginning for all of it.
func (s *Server) pass(w http.ResponseWriter, r *http.Request, z *Zip) error {
	if r.Method == http.MethodHead {
		return nil // 200
	}
	if err := z.WriteTo(r.Context(), w); err != nil {
		s.Log.Error("zip was cut off", "id", w.Header().Get(RequestHeader), "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// sumDB passes the checksum database on. Names of private modules do not get there.
func (s *Server) sumDB(w http.ResponseWriter, r *http.Request, q request) error {
	if s.DB == nil || q.db != s.DB.Name() {
		return badf("the checksum database %s is not passed on", q.db)
	}
	if q.file == "supported" {
		return nil // 200
	}
	if text, ok := strings.CutPrefix(q.file, "lookup/"); ok {
		v, err := checksums.ParseLookup(text)
		if err != nil {
			return &badRequest{err}
		}
		if s.Library.IsPrivate(v.Path) {
			return &upstream.Error{Kind: upstream.Forbidden, Source: q.db, What: v.String(), Err: errors.New("private modules are not in the checksum database; set GONOSUMDB")}
		}
		data, err := s.DB.Lookup(r.Context(), v)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", contentTypes[opMod])
		s.small(w, r, Answer{Data: data, Fixed: true}, false)
		return nil
	}
	data, stale, err := s.DB.File(r.Context(), q.file)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if strings.HasPrefix(q.file, "tile/") {
		w.Header().Set("Content-Type", "application/octet-stream")
	}
	s.small(w, r, Answer{Data: data, Fixed: q.file != "latest", Stale: stale}, false)
	return nil
}

// fail answers with the status of an error. Of an upstream that does not answer, clients are told
// that much and no more than its message.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, q request, err error) {
	if errors.Is(r.Context().Err(), context.Canceled) {
		return // nobody listens
	}
	status, after := statusOf(err)
	h := w.Header()
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="gocache proxy"`)
	}
	h.Del("ETag")
	h.Set("Cache-Control", "no-store")
	if after > 0 {
		h.Set("Retry-After", strconv.Itoa(int(after.Seconds())))
	}
	if status >= 500 {
		s.Log.Error("request failed", "id", h.Get(RequestHeader), "op", string(q.op), "status", status, "error", err)
	}
	http.Error(w, textOf(err), status)
}

// textOf is what a client is told. That something is absent, it is told in the words of the
// upstream, as if it had asked there.
func textOf(err error) string {
	var e *upstream.Error
	if errors.As(err, &e) && e.Kind == upstream.Absent && e.Status != 0 && e.Err != nil {
		return e.Err.Error()
	}
	return "gocache proxy: " + err.Error()
}

// statusOf is the status of an error: the go command goes on to the next proxy after 404 and 410
// only.
func statusOf(err error) (status int, after time.Duration) {
	var bad *badRequest
	var denied *deniedError
	switch {
	case errors.As(err, &bad):
		return http.StatusNotFound, 0
	case errors.As(err, &denied):
		return denied.status, 0
	}
	var e *upstream.Error
	if !errors.As(err, &e) {
		return outage(err), 0
	}
	switch e.Kind {
	case upstream.Absent:
		if e.Status == http.StatusGone {
			return http.StatusGone, 0
		}
		return http.StatusNotFound, 0
	case upstream.Forbidden:
		return http.StatusForbidden, 0
	case upstream.Busy:
		return http.StatusServiceUnavailable, e.After
	}
	return outage(err), 0
}

// outage is the status for what nobody answered, or nobody in time.
func outage(err error) int {
	var t interface{ Timeout() bool }
	if errors.As(err, &t) && t.Timeout() {
		return http.StatusGatewayTimeout
	}
	return http.StatusBadGateway
}
