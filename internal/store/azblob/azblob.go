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
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/rest"
	"github.com/org/gocache-action/internal/usage"
)

// Options say which container to use, and how.
type Options struct {
	Container string
	Account   string // name of the storage account
	rest.Options

	Credentials Credentials
}

var (
	// https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules
	accountName   = regexp.MustCompile(`^[a-z0-9]{3,24}$`)
	containerName = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9])*$`)
)

// complete checks the options and fills in the defaults.
func (o *Options) complete() error {
	switch {
	case len(o.Container) < 3 || len(o.Container) > 63 || !containerName.MatchString(o.Container):
		return fmt.Errorf("%q is not the name of a container: 3 to 63 lower-case letters, digits and single hyphens", o.Container)
	case o.Account == "":
		return errors.New("no storage account: azblob://container/prefix?account=NAME")
	case !accountName.MatchString(o.Account):
		return fmt.Errorf("%q is not the name of a storage account: 3 to 24 lower-case letters and digits", o.Account)
	}
	return o.Complete(public(o.Account))
}

// public is the endpoint of an account in the public cloud.
func public(account string) string { return "https://" + account + ".blob.core.windows.net" }

// url returns the store's address as package open understands it.
func (o *Options) url() string {
	q := url.Values{"account": {o.Account}}
	if o.Endpoint != public(o.Account) {
		q.Set("endpoint", o.Endpoint)
	}
	return o.URL("azblob", o.Container, q)
}

// container sends the requests of a store, and knows what answers mean. It implements rest.API. Its
// fields do not change after New.
type container struct {
	opts   Options // complete
	client *rest.Client
	access authorizer
}

var _ rest.API = (*container)(nil)

// Store is a store in a container.
type Store struct{ *rest.Store }

// New returns the store that o describes. It sends no request: a missing container, wrong
// credentials, or an endpoint that does not answer show up with the first operation. Invalid
// options are wrong usage.
func New(o Options) (*Store, error) {
	if err := o.complete(); err != nil {
		return nil, usage.Wrap(err)
	}
	access, err := o.authorizer(o.Transport)
	if err != nil {
		return nil, err
	}
	c := &container{opts: o, access: access}
	c.client = o.Client(c.sign, c.refused)
	return &Store{rest.NewStore(rest.About{
		URL: o.url(), Bucket: fmt.Sprintf("container %s of %s", o.Container, o.Account), TimeURL: c.containerURL("restype=container"),
		Sum: md5.New, MaxParts: maxBlocks,
	}, c, o.Options, c.client)}, nil
}

// apiVersion is that of the service, and of the string that is signed.
const apiVersion = "2021-12-02"

func (s *container) sign(req *http.Request) error {
	req.Header.Set("X-Ms-Version", apiVersion)
	req.Header.Set("X-Ms-Date", time.Now().UTC().Format(http.TimeFormat))
	return s.access.authorize(req)
}

// Ready implements rest.API.
func (s *container) Ready(ctx context.Context) error { return s.access.ready(ctx) }

// blobURL returns the URL of an object. It escapes every character that has a meaning in some URL.
func (s *container) blobURL(name, query string) string {
	elems := strings.Split(s.opts.Key(name), "/")
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

// Get implements rest.API.
func (s *container) Get(ctx context.Context, name, rangeHeader string, version store.Version) (*http.Response, error) {
	h := http.Header{}
	if rangeHeader != "" {
		h.Set("Range", rangeHeader)
	}
	if version != "" { // two versions must not be joined
		h.Set("If-Match", string(version))
	}
	resp, _, err := s.client.Do(ctx, rest.Request{Kind: rest.Get, Method: http.MethodGet, URL: s.blobURL(name, ""), Header: h, Genuine: rest.Has("ETag")})
	return resp, err
}

// Stat implements rest.API.
func (s *container) Stat(ctx context.Context, name string) (info store.Info, writer string, err error) {
	info, h, err := s.head(ctx, name)
	return info, h.Get(writerHeader), err
}

// head returns what is known of an object, and its metadata as headers.
func (s *container) head(ctx context.Context, name string) (store.Info, http.Header, error) {
	_, resp, _, err := s.client.Call(ctx, rest.Request{Kind: rest.Head, Method: http.MethodHead, URL: s.blobURL(name, ""), Genuine: rest.Has("ETag")})
	if err != nil {
		return store.Info{}, nil, err
	}
	info := s.Info(resp.Header, resp.ContentLength)
	if info.Version == "" || info.Size < 0 {
		return store.Info{}, nil, s.client.Foreign("it has no version and size of a blob")
	}
	return info, resp.Header, nil
}

// Info implements rest.API.
func (s *container) Info(h http.Header, size int64) store.Info {
	return store.Info{Size: size, Version: store.Version(h.Get("ETag")), ModTime: rest.Time(h)}
}
