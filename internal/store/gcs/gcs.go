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
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/rest"
	"github.com/org/gocache-action/internal/usage"
)

const (
	// PartUnit is what the size of a part must be a multiple of.
	PartUnit = 256 << 10

	// Public is the endpoint of the service.
	Public = "https://storage.googleapis.com"
)

// Options say which bucket to use, and how.
type Options struct {
	Bucket       string
	rest.Options // the part size is a multiple of PartUnit

	// CredentialsFile is a file for workload identity federation, of type external_account; empty:
	// the application default credentials.
	CredentialsFile string
}

// bucketName is what https://cloud.google.com/storage/docs/buckets#naming allows, but for lengths.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$`)

// complete checks the options and fills in the defaults.
func (o *Options) complete() error {
	err := o.Complete(Public)
	switch {
	case !bucketName.MatchString(o.Bucket):
		return fmt.Errorf("%q is not the name of a bucket", o.Bucket)
	case o.PartSize < PartUnit || o.PartSize%PartUnit != 0:
		return fmt.Errorf("part size %d is not a multiple of %d bytes, as Google asks for", o.PartSize, PartUnit)
	}
	return err
}

// url returns the store's address as package open understands it.
func (o *Options) url() string {
	q := url.Values{}
	if o.Endpoint != Public {
		q.Set("endpoint", o.Endpoint)
	}
	return o.URL("gs", o.Bucket, q)
}

// bucket sends the requests of a store, and knows what answers mean. It implements rest.API. Its
// fields do not change after New.
type bucket struct {
	opts   Options // complete
	client *rest.Client
	access *access // guards itself
}

var _ rest.API = (*bucket)(nil)

// Store is a store in a bucket.
type Store struct{ *rest.Store }

// New returns the store that o describes. It sends no request: a missing bucket, wrong credentials,
// or an endpoint that does not answer show up with the first operation. Invalid options are wrong
// usage.
func New(o Options) (*Store, error) {
	if err := o.complete(); err != nil {
		return nil, usage.Wrap(err)
	}
	b := &bucket{opts: o, access: newAccess(o)}
	b.client = o.Client(b.access.authorize, b.refused)
	return &Store{rest.NewStore(rest.About{
		URL: o.url(), Bucket: "bucket " + o.Bucket, TimeURL: o.Endpoint + "/storage/v1/b/" + o.Bucket,
		Sum: newCRC, MaxParts: math.MaxInt32,
	}, b, o.Options, b.client)}, nil
}

// Ready implements rest.API.
func (s *bucket) Ready(ctx context.Context) error {
	_, err := s.access.token(ctx)
	return err
}

// objectURL returns the URL of an object. Slashes are escaped, too, as the API wants it.
func (s *bucket) objectURL(name string, q url.Values) string {
	key := strings.ReplaceAll(url.PathEscape(s.opts.Key(name)), "+", "%2B")
	return s.bucketURL("/storage/v1", "/"+key, q)
}

func (s *bucket) bucketURL(api, object string, q url.Values) string {
	u := s.opts.Endpoint + api + "/b/" + s.opts.Bucket + "/o" + object
	if len(q) > 0 {
		u += "?" + q.Encode()
	}
	return u
}

// Get implements rest.API. The version of an object is its generation.
func (s *bucket) Get(ctx context.Context, name, rangeHeader string, version store.Version) (*http.Response, error) {
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

// Info implements rest.API.
func (s *bucket) Info(h http.Header, size int64) store.Info {
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

// Stat implements rest.API.
func (s *bucket) Stat(ctx context.Context, name string) (info store.Info, writer string, err error) {
	r, _, err := s.resource(ctx, rest.Request{Kind: rest.Head, Method: http.MethodGet, URL: s.objectURL(name, url.Values{"fields": {resourceFields}})})
	return r.info(), r.Metadata[writerKey], err
}

// resource sends a request that is answered with one, and returns how often it was sent.
func (s *bucket) resource(ctx context.Context, req rest.Request) (r resource, sent int, err error) {
	sent, err = s.client.Document(ctx, req, "description of an object", func(data []byte) (ok bool) {
		r, ok = parseResource(data)
		return ok
	})
	return r, sent, err
}
