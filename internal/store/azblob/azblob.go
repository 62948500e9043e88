// Package azblob keeps a store in a container of Azure Blob Storage. It is the only package that
// knows Microsoft's client library, of which it uses the part that gets tokens (azidentity): that
// for blobs adds a fifth to the size of the program, and a store needs eight requests.
//
// What it relies on: strong consistency, conditions (If-Match and If-None-Match on Put Blob and Put
// Block List), ranged reads, blocks that are not part of a blob until they are listed, and MD5
// checksums of what is sent. https://learn.microsoft.com/en-us/rest/api/storageservices
//
// Permissions: the role Storage Blob Data Contributor on the container for jobs that save and for
// garbage collection, Storage Blob Data Reader for jobs that only restore. A shared access
// signature needs read, create and write, and for garbage collection delete and list.
//
// Bodies larger than the part size are uploaded as blocks. Azure itself removes, after a week,
// blocks that no blob has.
package azblob

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
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
)

// Options say which container to use, and how.
type Options struct {
	Container string
	Prefix    string // of all names, without slashes at its ends; may be empty
	Account   string // name of the storage account
	Endpoint  string // base URL of the blob service; empty: that of the account in the public cloud

	PartSize     int64         // bytes of a block; 0: DefaultPartSize
	Concurrency  int           // uploads of blocks and small objects at once; 0: DefaultConcurrency
	StallTimeout time.Duration // without a byte moving on a connection; 0: DefaultStallTimeout
	MaxAttempts  int           // per request; 0: DefaultMaxAttempts

	Credentials Credentials
	Trace       wire.TraceFunc // may be nil
	// Transport sends all requests, also those for tokens; nil: package wire.
	Transport http.RoundTripper
}

var (
	// https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules
	accountName   = regexp.MustCompile(`^[a-z0-9]{3,24}$`)
	containerName = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9])*$`)
)

// complete checks the options and fills in the defaults.
func (o *Options) complete() error {
	o.Prefix = strings.Trim(o.Prefix, "/")
	o.PartSize = cmp.Or(o.PartSize, DefaultPartSize)
	o.Concurrency = cmp.Or(o.Concurrency, DefaultConcurrency)
	o.StallTimeout = cmp.Or(o.StallTimeout, DefaultStallTimeout)
	o.MaxAttempts = cmp.Or(o.MaxAttempts, DefaultMaxAttempts)
	switch {
	case len(o.Container) < 3 || len(o.Container) > 63 || !containerName.MatchString(o.Container):
		return fmt.Errorf("%q is not the name of a container: 3 to 63 lower-case letters, digits and single hyphens", o.Container)
	case o.Account == "":
		return errors.New("no storage account: azblob://container/prefix?account=NAME")
	case !accountName.MatchString(o.Account):
		return fmt.Errorf("%q is not the name of a storage account: 3 to 24 lower-case letters and digits", o.Account)
	case o.PartSize < 1 || o.Concurrency < 1 || o.MaxAttempts < 1 || o.StallTimeout < 0:
		return errors.New("part size, concurrency, attempts and stall timeout must be positive")
	}
	if o.Endpoint == "" {
		o.Endpoint = "https://" + o.Account + ".blob.core.windows.net"
	}
	o.Endpoint = strings.TrimRight(o.Endpoint, "/")
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" {
		return errors.New("the endpoint is not an http or https URL without credentials and parameters")
	}
	return nil
}

// url returns the store's address as package open understands it.
func (o *Options) url() string {
	q := url.Values{"account": {o.Account}}
	if o.Endpoint != "https://"+o.Account+".blob.core.windows.net" {
		q.Set("endpoint", o.Endpoint)
	}
	u := url.URL{Scheme: "azblob", Host: o.Container, Path: o.Prefix, RawQuery: q.Encode()}
	if u.Path != "" {
		u.Path = "/" + u.Path
	}
	return u.String()
}

// container is what all operations share: it sends requests, and knows what answers mean. Its
// fields do not change after New.
type container struct {
	opts   Options // complete
	client *rest.Client
	access authorizer
}

// Store is a store in a container. It implements store.Store and store.Collector.
type Store struct {
	*container
	parts *parts.Pool // guards itself
}

var (
	_ store.Store     = (*Store)(nil)
	_ store.Collector = (*Store)(nil)
	_ store.Guard     = (*Store)(nil)
)

// New returns the store that o describes. It sends no request: a missing container, wrong
// credentials, or an endpoint that does not answer show up with the first operation. Invalid
// options are wrong usage.
func New(o Options) (*Store, error) {
	if err := o.complete(); err != nil {
		return nil, usage.Wrap(err)
	}
	transport := o.Transport
	if transport == nil {
		transport = wire.New(wire.Options{Stall: o.StallTimeout, Idle: max(64, 4*o.Concurrency, 4*runtime.GOMAXPROCS(0))})
	}
	access, err := o.authorizer(transport)
	if err != nil {
		return nil, err
	}
	s := &Store{&container{opts: o, access: access}, parts.NewPool(o.PartSize, o.Concurrency)}
	s.client = &rest.Client{
		HTTP: wire.Traced(transport, o.Trace), Counter: new(store.Counter), Attempts: o.MaxAttempts, Server: o.Endpoint,
		Sign: s.sign, Refused: s.refused,
	}
	return s, nil
}

// apiVersion is that of the service, and of the string that is signed.
const apiVersion = "2021-12-02"

func (s *container) sign(req *http.Request) error {
	req.Header.Set("X-Ms-Version", apiVersion)
	req.Header.Set("X-Ms-Date", time.Now().UTC().Format(http.TimeFormat))
	return s.access.authorize(req)
}

// String returns the store's URL as package open understands it.
func (s *Store) String() string { return s.opts.url() }

// Requests counts the requests sent, with each attempt.
func (s *Store) Requests() map[string]int64 { return s.client.Counter.Requests() }

// Writable implements store.Guard. It sends no request to the store.
func (s *Store) Writable(ctx context.Context) error {
	err := s.access.ready(ctx)
	if errors.Is(err, errNoCredentials) {
		return fmt.Errorf("container %s: %w: %w", s.opts.Container, store.ErrReadOnly, err)
	}
	if err != nil {
		return fmt.Errorf("container %s: %w", s.opts.Container, err)
	}
	return nil
}

// key returns the name of a blob.
func (s *container) key(name string) string {
	if s.opts.Prefix != "" {
		name = s.opts.Prefix + "/" + name
	}
	return name
}

// blobURL returns the URL of an object. It escapes every character that has a meaning in some URL.
func (s *container) blobURL(name, query string) string {
	elems := strings.Split(s.key(name), "/")
	for i, e := range elems {
		elems[i] = strings.ReplaceAll(url.PathEscape(e), "+", "%2B")
	}
	return s.containerURL(query, elems...)
}

func (s *container) containerURL(query string, path ...string) string {
	u := s.opts.Endpoint + "/" + s.opts.Container
	if len(path) > 0 {
		u += "/" + strings.Join(path, "/")
	}
	if query != "" {
		u += "?" + query
	}
	return u
}

// fail names the operation, the object, the container and the account.
func (s *container) fail(op, name string, err error) error {
	return fmt.Errorf("%s %s in container %s of %s: %w", op, name, s.opts.Container, s.opts.Account, err)
}

// Open implements store.Store. It costs one request; a range that is empty, or begins at or beyond
// the end of the object, costs a second one.
func (s *Store) Open(ctx context.Context, name string, off, length int64) (io.ReadCloser, store.Info, error) {
	return rest.Open(ctx, rest.Object{
		Name: name, Attempts: s.opts.MaxAttempts, Info: infoOf,
		Get: func(ctx context.Context, rangeHeader string, version store.Version) (*http.Response, error) {
			h := http.Header{}
			if rangeHeader != "" {
				h.Set("Range", rangeHeader)
			}
			if version != "" { // two versions must not be joined
				h.Set("If-Match", string(version))
			}
			resp, _, err := s.client.Do(ctx, rest.Request{Kind: rest.Get, Method: http.MethodGet, URL: s.blobURL(name, ""), Header: h, Genuine: rest.Has("ETag")})
			return resp, err
		},
		Stat: func(ctx context.Context) (store.Info, error) { info, _, err := s.head(ctx, name); return info, err },
		Fail: func(err error) error { return s.fail("read", name, err) },
	}, off, length)
}

// Stat implements store.Store.
func (s *Store) Stat(ctx context.Context, name string) (store.Info, error) {
	err := store.CheckName(name)
	var info store.Info
	if err == nil {
		info, _, err = s.head(ctx, name)
	}
	if err != nil {
		return store.Info{}, s.fail("look up", name, err)
	}
	return info, nil
}

// head returns what is known of an object, and its metadata as headers.
func (s *container) head(ctx context.Context, name string) (store.Info, http.Header, error) {
	_, resp, _, err := s.client.Call(ctx, rest.Request{Kind: rest.Head, Method: http.MethodHead, URL: s.blobURL(name, ""), Genuine: rest.Has("ETag")})
	if err != nil {
		return store.Info{}, nil, err
	}
	info := infoOf(resp.Header, resp.ContentLength)
	if info.Version == "" || info.Size < 0 {
		return store.Info{}, nil, s.client.Foreign("it has no version and size of a blob")
	}
	return info, resp.Header, nil
}

func infoOf(h http.Header, size int64) store.Info {
	return store.Info{Size: size, Version: store.Version(h.Get("ETag")), ModTime: rest.Time(h)}
}
