// Package web reads a store from a web server: a CDN or any other server in front of a bucket whose
// objects are public, or of a directory store. It cannot write.
//
// What it relies on: an object is at the URL of the store followed by its name. Answers have a
// size, and for objects that can be replaced an ETag or a Last-Modified. Ranges save time if the
// server supports them. Anything else that a server, or something in front of it, adds is an error:
// content encodings, web pages instead of objects, ranges that were not asked for.
package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/store/wire"
	"github.com/org/gocache-action/internal/usage"
)

// Defaults of Options.
const (
	DefaultStallTimeout = 30 * time.Second
	DefaultMaxAttempts  = 5
)

// maxRedirects is enough for a CDN that sends readers to a bucket by way of a login-free gateway.
const maxRedirects = 5

// idle is how many connections to the server are kept open: as many as a restore reads at once.
const idle = 64

// Options say where the store is.
type Options struct {
	URL          *url.URL       // http or https, without user, query and fragment
	StallTimeout time.Duration  // without a byte moving on a connection; 0: DefaultStallTimeout
	MaxAttempts  int            // per request; 0: DefaultMaxAttempts
	Insecure     bool           // follow redirects to http at any host, not only on this machine
	Trace        wire.TraceFunc // may be nil
	// Transport sends the requests; nil: package wire, with the proxy of the environment.
	Transport http.RoundTripper
}

// Store is a store behind a web server. It implements store.Store; Put always fails.
type Store struct {
	opts    Options
	base    string // ends in a slash
	http    *http.Client
	counter *store.Counter
	note    store.Notepad

	readable atomic.Bool // an object could be read
	asFiles  atomic.Bool // the server shows a directory store, which escapes some names
}

var _ store.Store = (*Store)(nil)

// New returns the store at o.URL. It sends no request.
func New(o Options) (*Store, error) {
	u := *o.URL
	if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usage.Errorf("not an http or https URL")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, usage.Errorf("the URL of a web server has no user, no parameters and no fragment")
	}
	o.StallTimeout = cmp.Or(o.StallTimeout, DefaultStallTimeout)
	o.MaxAttempts = cmp.Or(o.MaxAttempts, DefaultMaxAttempts)
	s := &Store{opts: o, base: strings.TrimRight(u.String(), "/") + "/", counter: new(store.Counter)}
	if o.Transport == nil {
		o.Transport = wire.New(wire.Options{Stall: o.StallTimeout, Counter: s.counter, Idle: idle})
	}
	// Each redirect is a request, too.
	s.http = &http.Client{Transport: wire.Traced(o.Transport, o.Trace), CheckRedirect: s.redirect}
	return s, nil
}

// errDowngrade: following the redirect would send a request for https over http.
var errDowngrade = errors.New("it redirects from https to http")

// errInsecure: http is only allowed on this machine, where nobody can change what is sent.
var errInsecure = errors.New("it redirects to http at another host, where anybody on the way can change what is built; ?insecure=true allows it")

// redirect follows redirects, as of CDNs, also to other hosts, but never to one that anybody on the
// way can impersonate.
func (s *Store) redirect(req *http.Request, via []*http.Request) error {
	from := via[len(via)-1].URL
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("it redirects more than %d times", maxRedirects)
	case from.Scheme == "https" && req.URL.Scheme != "https":
		return errDowngrade
	case req.URL.Scheme != "https" && !s.opts.Insecure && !wire.Loopback(req.URL.Hostname()):
		return errInsecure
	case req.URL.Path == from.Path+"/": // how file servers answer for a directory
		return store.ErrNotFound
	case req.URL.User != nil:
		return errors.New("it redirects to a URL with a user")
	}
	req.Header.Del("Referer") // it could be the signed URL of an earlier redirect
	return nil
}

// String implements store.Store.
func (s *Store) String() string { return strings.TrimSuffix(s.base, "/") }

// Requests implements store.Store.
func (s *Store) Requests() map[string]int64 { return s.counter.Requests() }

// Notes implements store.Noter.
func (s *Store) Notes() []string { return s.note.Notes() }

// Writable implements store.Guard.
func (s *Store) Writable(context.Context) error {
	return fmt.Errorf("%s: %w: it is read through a web server", s, store.ErrReadOnly)
}

// url returns the URL of an object. It escapes every character that some server could misread:
// Amazon's reads "+" as a space.
func (s *Store) url(name string, asFiles bool) string {
	if asFiles {
		name = dir.FilePath(name)
	}
	return s.base + escape(name)
}

func escape(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte("-_.~/", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// fail names the operation, the object and the server.
func (s *Store) fail(op, name string, err error) error {
	return store.Failed(op, name, "at", s.String(), err)
}
