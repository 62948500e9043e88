package s3

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
)

const (
	// credentialTimeout bounds the whole chain; a web identity takes one request to STS.
	credentialTimeout = 15 * time.Second
	// credentialMemory is how long a failure of the chain answers for the next
	// requests, of which many run at once.
	credentialMemory = 10 * time.Second
)

// credentialError: the chain has no credentials to offer.
type credentialError struct{ err error }

func (e *credentialError) Error() string { return "no credentials: " + e.err.Error() }
func (e *credentialError) Unwrap() error { return e.err }

// credentials are those of the options, or of the chain that the SDK set up. Each request asks for them.
func (o *Options) credentials(cfg aws.Config) aws.CredentialsProvider {
	inner := cfg.Credentials
	if o.Role != nil {
		inner = newRoleProvider(cfg, o)
	}
	if o.Kept != nil {
		inner = sessionProvider(*o.Kept, inner)
	}
	return &credentialSource{inner: inner, trace: o.TraceCredentials}
}

// credentialSource bounds the chain in time, and marks its failures, which the
// SDK would report as a failure of the request.
type credentialSource struct {
	inner aws.CredentialsProvider
	trace func(source, keyID string, expires time.Time) // nil: none

	mu     sync.Mutex
	failed error
	at     time.Time
	traced string // the last key that was told
}

func (c *credentialSource) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if err := c.remembered(); err != nil {
		return aws.Credentials{}, err
	}
	bounded, cancel := context.WithTimeout(ctx, credentialTimeout)
	defer cancel()
	creds, err := c.inner.Retrieve(bounded)
	if err == nil {
		c.tell(creds)
		return creds, nil
	}
	err = &credentialError{err}
	if ctx.Err() == nil {
		c.remember(err)
	}
	return aws.Credentials{}, err
}

// tell names credentials when they are used first.
func (c *credentialSource) tell(creds aws.Credentials) {
	if c.trace == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.traced != creds.AccessKeyID {
		c.traced = creds.AccessKeyID
		c.trace(creds.Source, creds.AccessKeyID, creds.Expires)
	}
}

func (c *credentialSource) remembered() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil && time.Since(c.at) < credentialMemory {
		return c.failed
	}
	return nil
}

func (c *credentialSource) remember(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed, c.at = err, time.Now()
}

// boundedInstanceRole makes the last member of the chain, the EC2 metadata service, give
// up fast where there is none: on most machines its address leads nowhere.
func boundedInstanceRole(o *ec2rolecreds.Options) {
	dialer := &net.Dialer{Timeout: time.Second}
	o.Client = imds.New(imds.Options{
		Retryer: retry.NewStandard(func(so *retry.StandardOptions) { so.MaxAttempts = 2 }),
		HTTPClient: &http.Client{
			Timeout:   2 * time.Second,
			Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true},
		},
	})
}
