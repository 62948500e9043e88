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

// Reading without a signature. A job that has no credentials at all, such as that of a pull request
// from a fork, which gets no secrets, can still read a bucket whose policy lets everybody. So where
// nothing is found that could have credentials, requests go out unsigned, and writes are refused
// before anything is sent.
//
// Credentials that are found and do not work are another matter: keys that expired, a role that
// refuses the token, one of two variables. Somebody meant them to work, and a job that goes on
// without them would hide that. They stay errors.

// ErrNoToken: a role is given, and the job has no token with which to assume it. That is no
// credentials at all.
var ErrNoToken = errors.New("no OIDC token")

// errHalf: one of two variables is empty. The SDK would look elsewhere without a word.
var errHalf = errors.New("only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set")

// unsigned are the credentials of those who have none. Packages of the SDK take no empty ones.
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

// failing is a provider of nothing but an error.
type failing struct{ err error }

func (f failing) Retrieve(context.Context) (aws.Credentials, error) { return aws.Credentials{}, f.err }

// onlyInstance reports whether the chain came to its last member: nothing names any credentials.
func onlyInstance(cfg aws.Config) bool {
	return aws.IsCredentialsProvider(cfg.Credentials, (*ec2rolecreds.Provider)(nil))
}

// foundNothing tells credentials that do not exist from those that do not work. That an instance
// has no role is a failure where something names it as the source, as a profile with role_arn and
// credential_source does.
func (c *credentialSource) foundNothing(err error) bool {
	return errors.Is(err, errNoInstanceRole) && c.unnamed || errors.Is(err, ErrNoToken)
}

// nothingError is why there are no credentials. What the SDK says of the last place where it looked
// is rather about that place.
type nothingError struct{ err error }

func (e *nothingError) Error() string {
	if errors.Is(e.err, errNoInstanceRole) {
		return "no credentials in the environment, in a profile or of this machine"
	}
	return "no credentials: " + e.err.Error()
}

func (e *nothingError) Is(target error) bool { return target == store.ErrDenied }
func (e *nothingError) Unwrap() error        { return e.err }

// giveUp decides that there are no credentials, unless there were some before. It is decided once:
// all requests of a store are signed, or none is.
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

// errUnsignedWrite is the reason why a request was not sent; classify says it with the reason why
// there are no credentials.
var errUnsignedWrite = &credentialError{store.ErrReadOnly}

// unsignedSigner leaves requests without credentials as they are.
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
