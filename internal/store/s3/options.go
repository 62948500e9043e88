package s3

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
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
	Endpoint  string // base URL of a server other than Amazon's; empty: from the SDK's chain
	PathStyle bool   // http://host/bucket/key instead of http://bucket.host/key

	PartSize int64 // bytes; at least MinPartSize; 0: DefaultPartSize
	// NoConditions is for servers that accept the headers of conditional writes but ignore them:
	// conditional Puts then fail with store.ErrNoConditions. Servers that reject such headers need
	// no setting.
	NoConditions bool
	// NoChecksums is for servers that reject the x-amz-checksum headers, such as Backblaze B2.
	// Bodies are then signed, which costs a SHA-256 of everything that is uploaded.
	NoChecksums  bool
	Concurrency  int           // uploads of parts and small objects at once; 0: DefaultConcurrency
	StallTimeout time.Duration // without a byte moving on a connection; 0: DefaultStallTimeout
	MaxAttempts  int           // per request; 0: DefaultMaxAttempts

	Encryption    Encryption // of objects written; with a customer key, also of those read
	StorageClass  string     // of objects written; empty: as the server decides
	RequesterPays bool       // this account pays for requests to a bucket of another account

	Role *Role    // is assumed, instead of using the chain; nil: none
	Kept *Session // is used before role and chain as long as it is valid; nil: none
	// Instance is the one place where credentials are looked for, instead of the chain; nil: the
	// chain, which asks the metadata service that the variables of the SDK name.
	Instance *Instance

	// Trace is called after each request, by many goroutines at once. It may be nil.
	Trace func(Exchange)
	// TraceCredentials is called when credentials are first used, with where they come from;
	// expires is zero if they do not expire. It may be nil.
	TraceCredentials func(source, keyID string, expires time.Time)
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

// checkEndpoint is called twice: for an endpoint in the URL, and for one from the SDK's chain.
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
		// This package sets checksums itself, as CRC32C, where it wants them.
		config.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenRequired),
		config.WithResponseChecksumValidation(aws.ResponseChecksumValidationWhenRequired),
		config.WithEC2RoleCredentialOptions(instanceOfEnvironment().use),
	}
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	return load
}

// trusted returns the certificates of AWS_CA_BUNDLE. The SDK puts them into its own HTTP client,
// which this package replaces. Nil means the system's certificates.
func trusted(cfg aws.Config) *x509.CertPool {
	client, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok || client.GetTransport().TLSClientConfig == nil {
		return nil
	}
	return client.GetTransport().TLSClientConfig.RootCAs
}

// workers is how many connections are worth keeping open.
func (o *Options) workers() int { return max(64, 4*o.Concurrency, 4*runtime.GOMAXPROCS(0)) }

// url returns the store's address as package open understands it, without the settings that say how
// objects are stored.
func (o *Options) url() string {
	q := url.Values{}
	if o.Region != "" {
		q.Set("region", o.Region)
	}
	if o.Endpoint != "" {
		q.Set("endpoint", o.Endpoint)
	}
	if o.PathStyle {
		q.Set("path-style", strconv.FormatBool(true))
	}
	u := url.URL{Scheme: "s3", Host: o.Bucket, Path: o.Prefix, RawQuery: q.Encode()}
	if u.Path != "" {
		u.Path = "/" + u.Path
	}
	return u.String()
}
