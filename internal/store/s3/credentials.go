package s3

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
)

const (
	// credentialTimeout bounds the whole chain. A web identity costs one request to STS.
	credentialTimeout = 15 * time.Second
	// credentialMemory is how long a failure of the chain is remembered, so that the many requests
	// that run at once do not each wait for it.
	credentialMemory = 10 * time.Second
)

// credentialError: the chain has no credentials to offer.
type credentialError struct{ err error }

func (e *credentialError) Error() string { return "no credentials: " + e.err.Error() }
func (e *credentialError) Unwrap() error { return e.err }

// credentials returns those of the options, or else those of the SDK's chain. Each request asks for
// them.
func (o *Options) credentials(cfg aws.Config) *credentialSource {
	inner, unnamed := cfg.Credentials, onlyInstance(cfg)
	switch {
	case o.Instance != nil:
		inner, unnamed = aws.NewCredentialsCache(ec2rolecreds.New(o.Instance.use)), true
	case unnamed && halfKeys():
		inner = failing{errHalf}
	}
	if o.Role != nil {
		inner = newRoleProvider(cfg, o)
	}
	if o.Kept != nil {
		inner = &sessionProvider{kept: *o.Kept, next: inner}
	}
	return &credentialSource{inner: inner, unnamed: unnamed, trace: o.TraceCredentials}
}

// ErrExpired: the server does not accept the credentials any more, and asking for new ones returned
// the same ones.
var ErrExpired = errors.New("the server says that they have expired, and there are no newer ones")

// A renewable provider caches credentials until it believes that they have expired. The server
// knows better: its clock counts, and it can revoke them at any time.
type renewable interface{ Invalidate() }

// credentialSource gets credentials from the options or the chain. It bounds how long that takes,
// and marks failures, which the SDK would report as failures of a request.
type credentialSource struct {
	inner aws.CredentialsProvider
	// unnamed: no setting names any credentials, so those of the instance are asked for
	unnamed bool
	trace   func(source, keyID string, expires time.Time) // nil: none

	mu       sync.Mutex      // guards what follows
	failed   error           // the last failure of the chain
	at       time.Time       // when that was
	last     aws.Credentials // returned last
	none     error           // why there are no credentials at all, or nil
	refused  bool            // the server says that last has expired
	refusals int             // how often the server said that of any credentials
	renewed  time.Time       // when it last did
	traced   string          // the last key that trace was called with
}

// expired is called when the server says that the credentials of a request have expired. The next
// request gets new ones, or an error. When many requests fail at once, only the first call has an
// effect.
func (c *credentialSource) expired() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.renewed) < credentialMemory {
		return
	}
	c.refused, c.renewed = true, time.Now()
	c.refusals++
	if r, ok := c.inner.(renewable); ok {
		r.Invalidate()
	}
}

func (c *credentialSource) refusedSoFar() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refusals
}

// check compares what the provider returned with what the server has refused. If the provider was
// asked before that (at refusal count before), it may have returned the old credentials; then again
// is true.
func (c *credentialSource) check(creds aws.Credentials, before int) (again bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.refused || creds != c.last:
		c.last, c.refused = creds, false
		return false, nil
	case before != c.refusals:
		return true, nil
	}
	return false, ErrExpired
}

func (c *credentialSource) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if c.nothing() != nil {
		return unsigned, nil
	}
	if err := c.remembered(); err != nil {
		return aws.Credentials{}, err
	}
	bounded, cancel := context.WithTimeout(unmarked(ctx), credentialTimeout)
	defer cancel()
	creds, err := c.retrieve(bounded)
	if err == nil {
		c.tell(creds)
		return creds, nil
	}
	if ctx.Err() == nil && c.giveUp(err) {
		return unsigned, nil
	}
	err = &credentialError{err}
	if ctx.Err() == nil {
		c.remember(err)
	}
	return aws.Credentials{}, err
}

// tell calls trace when credentials are first used.
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

func (c *credentialSource) retrieve(ctx context.Context) (aws.Credentials, error) {
	for {
		before := c.refusedSoFar()
		creds, err := c.inner.Retrieve(ctx)
		if err != nil {
			return creds, err
		}
		if again, err := c.check(creds, before); !again {
			return creds, err
		}
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
