package s3

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/org/gocache-action/internal/store"
)

// Reading without a signature. A job without any credentials, such as that of a pull request from a
// fork, which gets no secrets, can still read a bucket whose policy lets everybody read. So if
// there is no source of credentials at all, requests go out unsigned, and writes are refused before
// anything is sent.
//
// Credentials that exist but do not work remain errors: expired keys, a role that refuses the
// token, one of two variables. Somebody meant them to work, and going on without them would hide
// the mistake.

// ErrNoToken: a role is given, but the job has no token with which to assume it. This counts as
// having no credentials at all.
var ErrNoToken = errors.New("no OIDC token")

// errHalf: one of two variables is empty. The SDK would silently look elsewhere.
var errHalf = errors.New("only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set")

// unsigned stands for having no credentials. The SDK does not accept empty ones.
var unsigned = aws.Credentials{AccessKeyID: "none", SecretAccessKey: "none", Source: "NoCredentials"}

func isUnsigned(c aws.Credentials) bool { return c.Source == unsigned.Source }

// halfKeys reports whether one of the two variables of a key pair is missing.
func halfKeys() bool {
	first := func(a, b string) string {
		if v := os.Getenv(a); v != "" {
			return v
		}
		return os.Getenv(b)
	}
	id, secret := first("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"), first("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY")
	return (id == "") != (secret == "")
}

// failing is a provider that always fails.
type failing struct{ err error }

func (f failing) Retrieve(context.Context) (aws.Credentials, error) { return aws.Credentials{}, f.err }

// onlyInstance reports whether the chain came to its last member, the metadata service: then no
// setting names any credentials.
func onlyInstance(cfg aws.Config) bool {
	return aws.IsCredentialsProvider(cfg.Credentials, (*ec2rolecreds.Provider)(nil))
}

// foundNothing reports whether err means that there are no credentials, rather than credentials
// that do not work. If a setting names the instance as the source, such as a profile with role_arn
// and credential_source, an instance without a role is a failure.
func (c *credentialSource) foundNothing(err error) bool {
	return errors.Is(err, errNoInstanceRole) && c.unnamed || errors.Is(err, ErrNoToken)
}

// nothingError says why there are no credentials. It does not repeat the SDK's error, which is only
// about the last place where it looked.
type nothingError struct{ err error }

func (e *nothingError) Error() string {
	if errors.Is(e.err, errNoInstanceRole) {
		return "no credentials in the environment, in a profile or of this machine"
	}
	return "no credentials: " + e.err.Error()
}

func (e *nothingError) Is(target error) bool {
	return target == store.ErrDenied || target == store.ErrNoCredentials
}

func (e *nothingError) Unwrap() error { return e.err }

// giveUp decides that there are no credentials, unless there were some before. This is decided
// once: either all requests of a store are signed, or none.
func (c *credentialSource) giveUp(err error) bool {
	if !c.foundNothing(err) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != (aws.Credentials{}) {
		return false
	}
	c.none = &nothingError{err}
	return true
}

// nothing is why there are no credentials, or nil.
func (c *credentialSource) nothing() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.none == nil {
		return nil
	}
	return c.none
}

// errUnsignedWrite is why a request was not sent; classify adds why there are no credentials.
var errUnsignedWrite = &credentialError{store.ErrReadOnly}

// unsignedSigner does not sign requests for which there are no credentials.
type unsignedSigner struct{ awss3.HTTPSignerV4 }

func (s unsignedSigner) SignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, hash, service, region string, t time.Time, o ...func(*v4.SignerOptions)) error {
	switch {
	case !isUnsigned(c):
		return s.HTTPSignerV4.SignHTTP(ctx, c, r, hash, service, region, t, o...)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return errUnsignedWrite
	}
	return nil
}
