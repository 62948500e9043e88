// Package s3 keeps a store in an S3 bucket, or in one of another server with the
// same interface. It is the only package that knows the AWS SDK.
//
// What it relies on: strong read-after-write consistency, conditional writes (If-Match and
// If-None-Match on PutObject and on CompleteMultipartUpload), ranged reads, and the x-amz-checksum
// headers with CRC32C. Amazon S3 has all of them since November 2024.
//
// Permissions: s3:GetObject, s3:PutObject, s3:AbortMultipartUpload, and s3:ListBucket. Without the
// last, S3 answers 403 for an object that does not exist, so every miss looks like a denial.
// Garbage collection needs more permissions (see list.go), jobs do not.
//
// Bodies larger than the part size are uploaded in parts. A failed or cancelled upload is
// aborted; one whose process was killed is not, so a bucket needs the lifecycle
// rule AbortIncompleteMultipartUpload.
package s3

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/usage"
)

// Store is a store in a bucket. It implements store.Store and store.Collector, and only leads to
// what does the work: uploader writes, download reads, remover and the functions in list.go
// and touch.go serve garbage collection.
// They do not know each other. What they share is api, which sends requests and knows what answers
// mean.
type Store struct {
	api     *api
	upload  *uploader
	remove  *remover
	counter *store.Counter // also the transport's, which counts
}

var (
	_ store.Store     = (*Store)(nil)
	_ store.Collector = (*Store)(nil)
	_ store.Guard     = (*Store)(nil)
	_ store.Noter     = (*Store)(nil)
)

// New returns the store that o describes. It sends no request: a missing bucket, wrong credentials,
// or an endpoint that does not answer show up with the first operation. Invalid options are wrong
// usage.
func New(ctx context.Context, o Options) (*Store, error) {
	if err := o.complete(); err != nil {
		return nil, usage.Wrap(err)
	}
	cfg, err := config.LoadDefaultConfig(ctx, o.load()...)
	if err != nil {
		return nil, fmt.Errorf("s3 configuration: %w", err)
	}
	// Servers other than Amazon's ignore the region, but the signature needs one.
	cfg.Region = cmp.Or(cfg.Region, "us-east-1")
	creds := o.credentials(cfg)
	counter := new(store.Counter)
	client := newClient(cfg, &o, creds, counter)
	if err := o.checkEndpoint(); err != nil {
		return nil, usage.Wrap(err)
	}
	a := &api{
		opts: o, bucket: bucket{name: o.Bucket, prefix: o.Prefix}, client: client,
		access: &access{bucket: o.Bucket, credentials: creds},
	}
	return &Store{api: a, upload: newUploader(a), remove: newRemover(a), counter: counter}, nil
}

// newClient returns the SDK's client. It completes o: an endpoint from the environment or a profile
// is then treated like one that was given, so it is named in errors, and what is known of
// particular servers applies.
func newClient(cfg aws.Config, o *Options, creds *credentialSource, counter *store.Counter) *awss3.Client {
	return awss3.NewFromConfig(cfg, func(so *awss3.Options) {
		so.HTTPClient = &http.Client{
			Transport:     newTransport(*o, counter, trusted(cfg)),
			CheckRedirect: followSameMethod,
		}
		so.UsePathStyle = o.PathStyle
		so.Retryer = newRetryer(o.MaxAttempts, creds.expired)
		so.Credentials = creds
		so.DisableLogOutputChecksumValidationSkipped = true
		so.APIOptions = append(so.APIOptions, passOn{o}.add)
		if o.Endpoint != "" {
			so.BaseEndpoint = aws.String(o.Endpoint)
		}
		o.Endpoint = strings.TrimRight(aws.ToString(so.BaseEndpoint), "/")
		so.HTTPSignerV4 = unsignedSigner{so.HTTPSignerV4}
		if onGoogle(o.Endpoint) {
			so.HTTPSignerV4 = googleSigner{so.HTTPSignerV4}
		}
	})
}

// String returns the store's URL as package open understands it: its address, without settings of
// how objects are kept.
func (s *Store) String() string { return s.api.opts.url() }

// Requests counts the requests sent, with each attempt, by HTTP method.
func (s *Store) Requests() map[string]int64 { return s.counter.Requests() }

// Notes implements store.Noter.
func (s *Store) Notes() []string { return s.api.access.notes.Notes() }

// Writable implements store.Guard. It sends no request to the store.
func (s *Store) Writable(ctx context.Context) error {
	creds := s.api.access.credentials
	if _, err := creds.Retrieve(ctx); err != nil {
		return fmt.Errorf("bucket %s: %w", s.api.bucket.name, s.api.classify(ctx, err))
	}
	if err := creds.nothing(); err != nil {
		return fmt.Errorf("bucket %s: %w: %w", s.api.bucket.name, store.ErrReadOnly, err)
	}
	return nil
}

// Session returns the temporary credentials in use, or nil when they do not end: long-lived keys
// must not be kept anywhere. If there are no credentials yet, it gets some, which for a role sends
// a request.
func (s *Store) Session(ctx context.Context) (*Session, error) {
	c, err := s.api.access.credentials.Retrieve(ctx)
	if err != nil {
		return nil, s.api.classify(ctx, err)
	}
	if !c.CanExpire {
		return nil, nil
	}
	return newSession(c, s.api.opts.Role), nil
}

// Open implements store.Store. It costs one request; a range that is empty, or begins at or beyond
// the end of the object, costs a second one.
func (s *Store) Open(ctx context.Context, name string, off, length int64) (io.ReadCloser, store.Info, error) {
	d, err := openRange(ctx, s.api, name, off, length)
	if err != nil {
		return nil, store.Info{}, s.api.fail("read", name, err)
	}
	return d, d.info, nil
}

// Stat implements store.Store.
func (s *Store) Stat(ctx context.Context, name string) (store.Info, error) {
	return s.api.stat(ctx, name)
}

// Put implements store.Store. A body of at most one part costs one request.
func (s *Store) Put(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	info, err := s.upload.put(ctx, name, body, size, cond)
	if err != nil {
		return store.Info{}, s.api.fail("write", name, err)
	}
	return info, nil
}

// Touch implements store.Toucher.
func (s *Store) Touch(ctx context.Context, name string) error {
	if err := touch(ctx, s.api, name); err != nil {
		return s.api.fail("touch", name, err)
	}
	return nil
}

// List implements store.Collector: one request for 1000 objects, while the loop goes on.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return list(ctx, s.api, prefix)
}

// Delete implements store.Collector.
func (s *Store) Delete(ctx context.Context, names []string) map[string]error {
	return s.remove.all(ctx, names)
}

// DeleteVersion implements store.Collector.
func (s *Store) DeleteVersion(ctx context.Context, name string, v store.Version) error {
	return s.remove.version(ctx, name, v)
}

// Uploads implements store.Collector. The size of each upload costs one more request.
func (s *Store) Uploads(ctx context.Context, prefix string, before time.Time) iter.Seq2[store.Upload, error] {
	return listUploads(ctx, s.api, prefix, before)
}

// AbortUpload implements store.Collector.
func (s *Store) AbortUpload(ctx context.Context, u store.Upload) error {
	if err := abortUpload(ctx, s.api, u.Name, u.ID); err != nil {
		return s.api.fail("abort upload to", u.Name, err)
	}
	return nil
}
