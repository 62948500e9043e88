// Package s3 keeps a store in an S3 bucket, or in one of another server with the
// same interface. It is the only package that knows the AWS SDK.
//
// What it relies on: strong read-after-write consistency, conditional writes (If-Match and
// If-None-Match on PutObject and on CompleteMultipartUpload), ranged reads, and the x-amz-checksum
// headers with CRC32C. Amazon S3 has all of them since November 2024.
//
// Permissions: s3:GetObject, s3:PutObject, s3:AbortMultipartUpload, and s3:ListBucket, without
// which S3 answers 403 for an object that does not exist, so that each miss looks like a denial.
//
// Garbage collection needs more, see collect.go. Jobs do without.
//
// Uploads above the part size are sent in parts. A failed or cancelled upload is
// aborted; one whose process was killed is not, so a bucket needs the lifecycle
// rule AbortIncompleteMultipartUpload.
package s3

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/usage"
)

// Defaults of Options, measured; see docs/transfer.md.
const (
	DefaultPartSize     = 8 << 20
	DefaultConcurrency  = 8
	DefaultStallTimeout = 30 * time.Second
	DefaultMaxAttempts  = 5

	// MinPartSize is the least that S3 accepts for a part that is not the last.
	MinPartSize = 5 << 20
)

// Options say which bucket to use, and how. Unless they name a role, credentials come from the
// SDK's usual chain: environment, shared files, web identity, container, instance.
type Options struct {
	Bucket    string
	Prefix    string // of all keys, without slashes at its ends; may be empty
	Region    string // empty: from the SDK's chain, else us-east-1
	Endpoint  string // base URL of another server than Amazon's; empty: from the SDK's chain
	PathStyle bool   // http://host/bucket/key instead of http://bucket.host/key

	PartSize int64 // bytes; at least MinPartSize; 0: DefaultPartSize
	// NoConditions is for servers that take the headers of conditional writes and ignore them: such
	// a write is then refused with store.ErrNoConditions. Servers that refuse them themselves need
	// no setting.
	NoConditions bool
	// NoChecksums is for servers that refuse the x-amz-checksum headers, such as Backblaze B2.
	// Bodies are signed then, which costs a SHA-256 of what is uploaded.
	NoChecksums  bool
	Concurrency  int           // uploads of parts and small objects at once; 0: DefaultConcurrency
	StallTimeout time.Duration // without a byte moving on a connection; 0: DefaultStallTimeout
	MaxAttempts  int           // per request; 0: DefaultMaxAttempts

	// of what is written, and of what is read in the case of a customer key
	Encryption    Encryption
	StorageClass  string // of what is written; empty: as the server decides
	RequesterPays bool   // this account pays for requests to a bucket of another one

	Role *Role    // is assumed, instead of the chain; nil: none
	Kept *Session // comes before role and chain as long as it is valid; nil: none

	// Trace is told of each request when it is over. It is called by many goroutines at once. Nil:
	// nobody is told.
	Trace func(Exchange)
	// TraceCredentials is told where credentials come from when they are first used; expires is
	// zero for those that do not. May be nil.
	TraceCredentials func(source, keyID string, expires time.Time)
}

// Store is a store in a bucket. It implements store.Store.
type Store struct {
	opts        Options
	client      *awss3.Client
	http        *http.Client
	credentials *credentialSource
	counter     *store.Counter
	parts       *partPool
	seen        atomic.Bool // the bucket is known to exist
	public      atomic.Bool // an object was read without a signature
	note        store.Notepad
	lacks       lacks
}

var _ store.Store = (*Store)(nil)

// New returns the store that o describes. It sends no request: a missing bucket, wrong
// credentials, or an endpoint that does not answer show with the first operation. Options that make
// no sense are wrong usage.
func New(ctx context.Context, o Options) (*Store, error) {
	if err := o.complete(); err != nil {
		return nil, usage.Wrap(err)
	}
	cfg, err := config.LoadDefaultConfig(ctx, o.load()...)
	if err != nil {
		return nil, fmt.Errorf("s3 configuration: %w", err)
	}
	// Other servers than Amazon's do not care, but the signature needs some region.
	cfg.Region = cmp.Or(cfg.Region, "us-east-1")
	creds := o.credentials(cfg)
	counter := new(store.Counter)
	client := &http.Client{
		Transport:     newTransport(o, counter, trusted(cfg)),
		CheckRedirect: followSameMethod,
	}
	api := awss3.NewFromConfig(cfg, func(so *awss3.Options) {
		so.HTTPClient = client
		so.UsePathStyle = o.PathStyle
		so.Retryer = newRetryer(o.MaxAttempts, creds.expired)
		so.Credentials = creds
		so.DisableLogOutputChecksumValidationSkipped = true
		so.APIOptions = append(so.APIOptions, passOn{&o}.add)
		if o.Endpoint != "" {
			so.BaseEndpoint = aws.String(o.Endpoint)
		}
		// One from the environment or a profile is like one that was given: it is named in errors,
		// and what is known of particular servers holds.
		o.Endpoint = strings.TrimRight(aws.ToString(so.BaseEndpoint), "/")
		so.HTTPSignerV4 = unsignedSigner{so.HTTPSignerV4}
		if onGoogle(o.Endpoint) {
			so.HTTPSignerV4 = googleSigner{so.HTTPSignerV4}
		}
	})
	if err := o.checkEndpoint(); err != nil {
		return nil, usage.Wrap(err)
	}
	s := &Store{opts: o, client: api, http: client, credentials: creds, counter: counter, parts: newPartPool(o.PartSize, o.Concurrency)}
	s.lacks.batchDelete.Store(o.NoChecksums) // that request must have one
	return s, nil
}

// complete checks the options and fills in the defaults.
func (o *Options) complete() error {
	o.Prefix = strings.Trim(o.Prefix, "/")
	o.PartSize = cmp.Or(o.PartSize, DefaultPartSize)
	o.Concurrency = cmp.Or(o.Concurrency, DefaultConcurrency)
	o.StallTimeout = cmp.Or(o.StallTimeout, DefaultStallTimeout)
	o.MaxAttempts = cmp.Or(o.MaxAttempts, DefaultMaxAttempts)
	switch {
	case o.Bucket == "":
		return errors.New("the bucket is empty")
	case o.PartSize < MinPartSize:
		return fmt.Errorf("part size %d is less than the %d bytes that S3 asks for", o.PartSize, MinPartSize)
	case o.Concurrency < 1 || o.MaxAttempts < 1 || o.StallTimeout < 0:
		return errors.New("concurrency, attempts and stall timeout must be positive")
	}
	if err := cmp.Or(o.Encryption.check(), checkClass(o.StorageClass)); err != nil {
		return err
	}
	if o.Role != nil {
		r := *o.Role // the caller's stays as it is
		if err := r.complete(); err != nil {
			return err
		}
		o.Role = &r
	}
	return o.checkEndpoint()
}

// checkEndpoint is done once for the endpoint of the URL and once for that of the SDK's chain.
func (o *Options) checkEndpoint() error {
	if o.Endpoint == "" {
		return nil
	}
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("endpoint %q is not an http or https URL", o.Endpoint)
	}
	if u.User != nil {
		return errors.New("the endpoint must not contain credentials")
	}
	if o.Encryption.CustomerKey != nil && plainPath(u) {
		return errPlainKey
	}
	return nil
}

func (o *Options) load() []func(*config.LoadOptions) error {
	load := []func(*config.LoadOptions) error{
		config.WithLogger(logging.Nop{}),
		// Checksums are set by hand, as CRC32C, where they are wanted.
		config.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenRequired),
		config.WithResponseChecksumValidation(aws.ResponseChecksumValidationWhenRequired),
		config.WithEC2RoleCredentialOptions(boundedInstanceRole),
	}
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	return load
}

// trusted returns the certificates of AWS_CA_BUNDLE, which the SDK puts into the client that this
// package replaces; nil means the system's.
func trusted(cfg aws.Config) *x509.CertPool {
	client, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok || client.GetTransport().TLSClientConfig == nil {
		return nil
	}
	return client.GetTransport().TLSClientConfig.RootCAs
}

// String returns the store's URL as package open understands it: its address, without settings of
// how objects are kept.
func (s *Store) String() string {
	q := url.Values{}
	if s.opts.Region != "" {
		q.Set("region", s.opts.Region)
	}
	if s.opts.Endpoint != "" {
		q.Set("endpoint", s.opts.Endpoint)
	}
	if s.opts.PathStyle {
		q.Set("path-style", strconv.FormatBool(true))
	}
	u := url.URL{Scheme: "s3", Host: s.opts.Bucket, Path: s.opts.Prefix, RawQuery: q.Encode()}
	if u.Path != "" {
		u.Path = "/" + u.Path
	}
	return u.String()
}

// Requests counts the requests sent, with each attempt, by HTTP method.
func (s *Store) Requests() map[string]int64 { return s.counter.Requests() }

// key is the object's key in the bucket, or with a prefix of names that of keys.
func (s *Store) key(name string) *string {
	if s.opts.Prefix != "" {
		name = s.opts.Prefix + "/" + name
	}
	return aws.String(name)
}

// Stat implements store.Store.
func (s *Store) Stat(ctx context.Context, name string) (store.Info, error) {
	if err := store.CheckName(name); err != nil {
		return store.Info{}, s.fail("look up", name, err)
	}
	out, err := s.head(ctx, name)
	if err != nil {
		return store.Info{}, s.fail("look up", name, err)
	}
	return infoOf(out), nil
}

func (s *Store) head(ctx context.Context, name string) (*awss3.HeadObjectOutput, error) {
	in := &awss3.HeadObjectInput{Bucket: &s.opts.Bucket, Key: s.key(name)}
	out, err := s.client.HeadObject(forObject(ctx), in)
	if status(err) == http.StatusBadRequest {
		if err = s.askReason(ctx, name); err == nil {
			out, err = s.client.HeadObject(forObject(ctx), in)
		}
	}
	if err != nil {
		return nil, s.explainHead(ctx, s.classify(ctx, err))
	}
	s.sawObject()
	return out, nil
}

// askReason repeats a HEAD that was answered with 400 as a GET of one byte, whose answer has a body
// that says why: mostly that the credentials have expired. If they could be renewed, there is no
// error.
func (s *Store) askReason(ctx context.Context, name string) error {
	out, err := s.client.GetObject(ctx, &awss3.GetObjectInput{Bucket: &s.opts.Bucket, Key: s.key(name), Range: aws.String("bytes=0-0")})
	if err == nil {
		return out.Body.Close()
	}
	if status(err) == http.StatusRequestedRangeNotSatisfiable { // an empty object
		return nil
	}
	return err
}

// explainHead tells a missing bucket from a missing object: the 404 of a HEAD has
// no body that would say so. One more request, and only until the bucket has been seen.
func (s *Store) explainHead(ctx context.Context, err error) error {
	if !errors.Is(err, store.ErrNotFound) || s.seen.Load() {
		return err
	}
	_, berr := s.client.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: &s.opts.Bucket})
	if berr == nil {
		s.seen.Store(true)
		return err
	}
	if berr = s.classify(ctx, berr); errors.Is(berr, store.ErrNotFound) || errors.Is(berr, store.ErrNoStore) {
		return fmt.Errorf("%w: no such bucket", store.ErrNoStore)
	}
	return err
}

func infoOf(out *awss3.HeadObjectOutput) store.Info {
	return store.Info{
		Size: aws.ToInt64(out.ContentLength), Version: store.Version(aws.ToString(out.ETag)), ModTime: aws.ToTime(out.LastModified),
	}
}

// workers is how many connections are worth keeping open.
func (o *Options) workers() int { return max(64, 4*o.Concurrency, 4*runtime.GOMAXPROCS(0)) }
