package rest

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/wire"
)

// Defaults of Options, those that were measured for S3; see docs/transfer.md.
const (
	DefaultPartSize     = 8 << 20
	DefaultConcurrency  = 8
	DefaultStallTimeout = 30 * time.Second
	DefaultMaxAttempts  = 5
)

// Options are those that the stores of all services have.
type Options struct {
	Prefix   string // of all names, without slashes at its ends; may be empty
	Endpoint string // base URL of the service; empty: the public one

	PartSize     int64         // bytes of a part of an upload; 0: DefaultPartSize
	Concurrency  int           // uploads of parts and small objects at once; 0: DefaultConcurrency
	StallTimeout time.Duration // without a byte moving on a connection; 0: DefaultStallTimeout
	MaxAttempts  int           // per request; 0: DefaultMaxAttempts

	Trace wire.TraceFunc // may be nil
	// Transport sends all requests, also those for tokens; nil: package wire.
	Transport http.RoundTripper
}

// Complete checks the options and fills in the defaults. public is the endpoint of the service.
func (o *Options) Complete(public string) error {
	o.Prefix = strings.Trim(o.Prefix, "/")
	o.Endpoint = strings.TrimRight(cmp.Or(o.Endpoint, public), "/")
	o.PartSize = cmp.Or(o.PartSize, DefaultPartSize)
	o.Concurrency = cmp.Or(o.Concurrency, DefaultConcurrency)
	o.StallTimeout = cmp.Or(o.StallTimeout, DefaultStallTimeout)
	o.MaxAttempts = cmp.Or(o.MaxAttempts, DefaultMaxAttempts)
	u, err := url.Parse(o.Endpoint)
	switch {
	case o.PartSize < 1 || o.Concurrency < 1 || o.MaxAttempts < 1 || o.StallTimeout < 0:
		return errors.New("part size, concurrency, attempts and stall timeout must be positive")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "":
		return errors.New("the endpoint is not an http or https URL without credentials and parameters")
	}
	if o.Transport == nil {
		o.Transport = wire.New(wire.Options{Stall: o.StallTimeout, Idle: max(64, 4*o.Concurrency, 4*runtime.GOMAXPROCS(0))})
	}
	return nil
}

// URL returns the address of the store as package open understands it.
func (o *Options) URL(scheme, bucket string, q url.Values) string {
	u := url.URL{Scheme: scheme, Host: bucket, Path: o.Prefix, RawQuery: q.Encode()}
	if u.Path != "" {
		u.Path = "/" + u.Path
	}
	return u.String()
}

// Query returns the parameters with a value, of names and values that alternate.
func Query(pairs ...string) url.Values {
	q := url.Values{}
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			q.Set(pair[0], pair[1])
		}
	}
	return q
}

// Client returns what sends requests to the endpoint of complete options.
func (o *Options) Client(sign func(*http.Request) error, refused func(kind string, resp *http.Response) *Answer) *Client {
	return &Client{
		HTTP: wire.Traced(o.Transport, o.Trace), Counter: new(store.Counter), Attempts: o.MaxAttempts, Server: o.Endpoint,
		Sign: sign, Refused: refused,
	}
}

// Key returns the name that an object has in its bucket.
func (o *Options) Key(name string) string {
	if o.Prefix != "" {
		name = o.Prefix + "/" + name
	}
	return name
}

// Name is the inverse of Key; ok is false for keys that are not those of objects.
func (o *Options) Name(key string) (name string, ok bool) {
	name = key
	if o.Prefix != "" {
		if name, ok = strings.CutPrefix(key, o.Prefix+"/"); !ok {
			return "", false
		}
	}
	return name, store.CheckName(name) == nil
}
