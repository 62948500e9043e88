package proxy

import (
	"context"
	"net/http"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/proxy/access"
	"github.com/org/gocache-action/internal/proxy/memo"
	"github.com/org/gocache-action/internal/proxy/settings"
	"github.com/org/gocache-action/internal/proxy/upstream"
)

// deniedError says that a client may not read a private module. It does not say whether there is
// one.
type deniedError struct{ status int }

func (e *deniedError) Error() string {
	if e.status == http.StatusUnauthorized {
		return "this module is private: authenticate, for example with .netrc, which the go command reads for https only, by host and port"
	}
	return "this module is private, and not for this token"
}

// allow checks who asks, before anything is looked for.
func (s *Server) allow(r *http.Request, q request) error {
	if !s.Library.IsPrivate(q.path) {
		return nil
	}
	verdict, name := s.Access.Check(r, q.path)
	switch verdict {
	case access.Unknown:
		return &deniedError{http.StatusUnauthorized}
	case access.Denied:
		s.Log.Warn("denied", "token", name, "op", string(q.op))
		return &deniedError{http.StatusForbidden}
	}
	return nil
}

// mode is how a module is fetched that is not in the store.
func (s *Server) mode(path string) string {
	for _, m := range s.Modes {
		if module.MatchPrefixPatterns(m.Modules, path) {
			return m.Mode
		}
	}
	return settings.ModeSync
}

// serveLater serves what is in the store. For what is not, it sends the client elsewhere: to the
// upstream, or on its own way while the module is being fetched.
func (s *Server) serveLater(w http.ResponseWriter, r *http.Request, q request, mode string) error {
	err := s.serveFrom(w, r, q, s.Local)
	// More than one hash in the store is a question that an upstream can answer.
	if err == nil || !upstream.IsAbsent(err) && upstream.KindOf(err) != upstream.Refused {
		return err
	}
	if mode == settings.ModeAsync {
		s.Library.fetchLater(q)
		return offline(q.path + "@" + q.version)
	}
	if s.Redirect == nil || s.Library.IsPrivate(q.path) {
		return s.serveFrom(w, r, q, s.Library)
	}
	http.Redirect(w, r, s.Redirect.JoinPath(r.URL.EscapedPath()).String(), http.StatusFound)
	return nil
}

// fetchLater fetches a whole version, once however often it is asked for meanwhile. If too many are
// waiting, it is for the next who asks.
func (l *Library) fetchLater(q request) {
	v := module.Version{Path: q.path, Version: q.version}
	key := "later " + v.String()
	if _, waits := l.o.Memo.Get(key); waits {
		return
	}
	l.o.Memo.Put("later", key, memo.Entry{}, l.o.FlightTime)
	added := l.fetches.Try(l.task("fetch "+v.String(), func(ctx context.Context) error {
		defer l.o.Memo.Drop(key)
		_, err := l.Fetch(ctx, v)
		return err
	}))
	if !added {
		l.o.Memo.Drop(key)
	}
}
