// Package gcs keeps a store in a bucket of Google Cloud Storage. It is the only package that knows
// Google's library for credentials (golang.org/x/oauth2); that for storage makes the program three
// quarters larger, so requests are those of the JSON API.
//
// What it relies on: strong consistency, generations as conditions of writes and of removals,
// ranged reads, and CRC32C checksums of what is written.
// https://cloud.google.com/storage/docs/json_api/v1
//
// Permissions: storage.objects.get for jobs that only restore, and with it storage.objects.list, as
// without that Google answers 403 for an object that does not exist. Jobs that save need
// storage.objects.create, .delete (to replace a manifest) and .update (to touch an object), as
// garbage collection does. The role Storage Object User has all of them.
//
// A body of at most one part costs one request. A larger one is uploaded in one resumable session,
// part by part: several Puts run at once, but the parts of one do not. The JSON API knows no
// parallel parts, and those of the XML API know no conditions. Google forgets an unfinished session
// after a week.
package gcs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/parts"
	"github.com/org/gocache-action/internal/store/rest"
	"github.com/org/gocache-action/internal/store/wire"
	"github.com/org/gocache-action/internal/usage"
)

// Defaults of Options, those that were measured for S3; see docs/transfer.md.
const (
	DefaultPartSize     = 8 << 20
	DefaultConcurrency  = 8
	DefaultStallTimeout = 30 * time.Second
	DefaultMaxAttempts  = 5

	// PartUnit is what the size of a part must be a multiple of.
	PartUnit = 256 << 10

	// Public is the endpoint of the service.
	Public = "https://storage.googleapis.com"
)

// Options say which bucket to use, and how.
type Options struct {
	Bucket   string
	Prefix   string // of all names, without slashes at its ends; may be empty
	Endpoint string // base URL of the service; empty: Public

	PartSize     int64         // bytes, a multiple of PartUnit; 0: DefaultPartSize
	Concurrency  int           // uploads at once; 0: DefaultConcurrency
	StallTimeout time.Duration // without a byte moving on a connection; 0: DefaultStallTimeout
	MaxAttempts  int           // per request; 0: DefaultMaxAttempts

	// CredentialsFile is a file for workload identity federation, of type external_account; empty:
	// the application default credentials.
	CredentialsFile string
	Trace           wire.TraceFunc // may be nil
}

// bucketName is what https://cloud.google.com/storage/docs/buckets#naming allows, but for lengths.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$`)

// complete checks the options and fills in the defaults.
func (o *Options) complete() error {
	o.Prefix = strings.Trim(o.Prefix, "/")
	o.Endpoint = strings.TrimRight(cmp.Or(o.Endpoint, Public), "/")
	o.PartSize = cmp.Or(o.PartSize, DefaultPartSize)
	o.Concurrency = cmp.Or(o.Concurrency, DefaultConcurrency)
	o.StallTimeout = cmp.Or(o.StallTimeout, DefaultStallTimeout)
	o.MaxAttempts = cmp.Or(o.MaxAttempts, DefaultMaxAttempts)
	u, err := url.Parse(o.Endpoint)
	switch {
	case !bucketName.MatchString(o.Bucket):
		return fmt.Errorf("%q is not the name of a bucket", o.Bucket)
	case o.PartSize < PartUnit || o.PartSize%PartUnit != 0:
		return fmt.Errorf("part size %d is not a multiple of %d bytes, as Google asks for", o.PartSize, PartUnit)
	case o.Concurrency < 1 || o.MaxAttempts < 1 || o.StallTimeout < 0:
		return errors.New("concurrency, attempts and stall timeout must be positive")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "":
		return errors.New("the endpoint is not an http or https URL without credentials and parameters")
	}
	return nil
}

// url returns the store's address as package open understands it.
func (o *Options) url() string {
	u := url.URL{Scheme: "gs", Host: o.Bucket, Path: o.Prefix}
	if o.Endpoint != Public {
		u.RawQuery = url.Values{"endpoint": {o.Endpoint}}.Encode()
	}
	if u.Path != "" {
		u.Path = "/" + u.Path
	}
	return u.String()
}

// bucket is what all operations share: it sends requests, and knows what answers mean. Its fields
// do not change after New.
type bucket struct {
	opts   Options // complete
	client *rest.Client
	access *access // guards itself
}

// Store is a store in a bucket. It implements store.Store and store.Collector.
type Store struct {
	*bucket
	parts *parts.Pool // guards itself
}

var (
	_ store.Store     = (*Store)(nil)
	_ store.Collector = (*Store)(nil)
	_ store.Guard     = (*Store)(nil)
)

// New returns the store that o describes. It sends no request: a missing bucket, wrong credentials,
// or an endpoint that does not answer show up with the first operation. Invalid options are wrong
// usage.
func New(o Options) (*Store, error) {
	if err := o.complete(); err != nil {
		return nil, usage.Wrap(err)
	}
	transport := wire.New(wire.Options{Stall: o.StallTimeout, Idle: max(64, 4*o.Concurrency, 4*runtime.GOMAXPROCS(0))})
	s := &Store{&bucket{opts: o, access: newAccess(o, transport)}, parts.NewPool(o.PartSize, o.Concurrency)}
	s.client = &rest.Client{
		HTTP: wire.Traced(transport, o.Trace), Counter: new(store.Counter), Attempts: o.MaxAttempts, Server: o.Endpoint,
		Sign: s.access.authorize, Refused: s.refused,
	}
	return s, nil
}

// String returns the store's URL as package open understands it.
func (s *Store) String() string { return s.opts.url() }

// Requests counts the requests sent, with each attempt.
func (s *Store) Requests() map[string]int64 { return s.client.Counter.Requests() }

// Writable implements store.Guard. It sends no request to the store.
func (s *Store) Writable(ctx context.Context) error {
	_, err := s.access.token(ctx)
	if errors.Is(err, errNoCredentials) {
		return fmt.Errorf("bucket %s: %w: %w", s.opts.Bucket, store.ErrReadOnly, err)
	}
	if err != nil {
		return fmt.Errorf("bucket %s: %w", s.opts.Bucket, err)
	}
	return nil
}

// key returns the name of an object in the bucket.
func (s *bucket) key(name string) string {
	if s.opts.Prefix != "" {
		name = s.opts.Prefix + "/" + name
	}
	return name
}

// objectURL returns the URL of an object. Slashes are escaped, too, as the API wants it.
func (s *bucket) objectURL(name string, q url.Values) string {
	key := strings.ReplaceAll(url.PathEscape(s.key(name)), "+", "%2B")
	return s.bucketURL("/storage/v1", "/"+key, q)
}

func (s *bucket) bucketURL(api, object string, q url.Values) string {
	u := s.opts.Endpoint + api + "/b/" + s.opts.Bucket + "/o" + object
	if len(q) > 0 {
		u += "?" + q.Encode()
	}
	return u
}

// fail names the operation, the object and the bucket.
func (s *bucket) fail(op, name string, err error) error {
	return fmt.Errorf("%s %s in bucket %s: %w", op, name, s.opts.Bucket, err)
}

// Open implements store.Store. It costs one request; a range that is empty, or begins at or beyond
// the end of the object, costs a second one.
func (s *Store) Open(ctx context.Context, name string, off, length int64) (io.ReadCloser, store.Info, error) {
	return rest.Open(ctx, rest.Object{
		Name: name, Attempts: s.opts.MaxAttempts, Info: infoOf,
		Get: func(ctx context.Context, rangeHeader string, version store.Version) (*http.Response, error) {
			return s.media(ctx, name, rangeHeader, version)
		},
		Stat: func(ctx context.Context) (store.Info, error) {
			r, err := s.stat(ctx, name)
			return r.info(), err
		},
		Fail: func(err error) error { return s.fail("read", name, err) },
	}, off, length)
}

// media asks for the bytes of an object, of one generation if the version is not empty.
func (s *bucket) media(ctx context.Context, name, rangeHeader string, version store.Version) (*http.Response, error) {
	q, h := url.Values{"alt": {"media"}}, http.Header{}
	if rangeHeader != "" {
		h.Set("Range", rangeHeader)
	}
	if version != "" { // two versions must not be joined
		q.Set("generation", string(version))
	}
	resp, _, err := s.client.Do(ctx, rest.Request{Kind: rest.Get, Method: http.MethodGet, URL: s.objectURL(name, q), Header: h, Genuine: rest.Has("X-Goog-Generation")})
	if version != "" && errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("%w: %w", store.ErrConflict, err)
	}
	return resp, err
}

// infoOf reads the headers of an answer with the bytes of an object.
func infoOf(h http.Header, size int64) store.Info {
	return store.Info{Size: size, Version: store.Version(h.Get("X-Goog-Generation")), ModTime: rest.Time(h)}
}

// resource is what the API says of an object.
type resource struct {
	Name       string            `json:"name"`
	Size       string            `json:"size"`
	Generation string            `json:"generation"`
	Updated    time.Time         `json:"updated"`
	CRC32C     string            `json:"crc32c"`
	Metadata   map[string]string `json:"metadata"`
}

// resourceFields is what is asked for.
const resourceFields = "name,size,generation,updated,crc32c,metadata"

func (r resource) info() store.Info {
	size, _ := strconv.ParseInt(r.Size, 10, 64)
	return store.Info{Size: size, Version: store.Version(r.Generation), ModTime: r.Updated.Truncate(time.Second)}
}

// parseResource reads a resource. ok is false if it is none.
func parseResource(data []byte) (r resource, ok bool) {
	if json.Unmarshal(data, &r) != nil {
		return resource{}, false
	}
	size, err := strconv.ParseInt(r.Size, 10, 64)
	return r, err == nil && size >= 0 && r.Generation != "" && r.Name != ""
}

// Stat implements store.Store.
func (s *Store) Stat(ctx context.Context, name string) (store.Info, error) {
	err := store.CheckName(name)
	var r resource
	if err == nil {
		r, err = s.stat(ctx, name)
	}
	if err != nil {
		return store.Info{}, s.fail("look up", name, err)
	}
	return r.info(), nil
}

func (s *bucket) stat(ctx context.Context, name string) (resource, error) {
	return s.resource(ctx, rest.Request{Kind: rest.Head, Method: http.MethodGet, URL: s.objectURL(name, url.Values{"fields": {resourceFields}})}, nil)
}

// resource sends a request that is answered with one, and adds to sent how often it was sent.
func (s *bucket) resource(ctx context.Context, req rest.Request, sent *int) (r resource, err error) {
	err = s.client.Again(ctx, func() error {
		data, _, n, err := s.client.Call(ctx, req)
		if sent != nil {
			*sent += n
		}
		if err != nil {
			return err
		}
		var ok bool
		if r, ok = parseResource(data); !ok {
			return s.client.Foreign("it is not the description of an object")
		}
		return nil
	})
	return r, err
}
