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

// credentials are those of the options, or of the chain that the SDK set up. Each request asks for
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

// ErrExpired: the server does not accept the credentials any more, and asking for others gave the
// same.
var ErrExpired = errors.New("the server says that they have expired, and there are no newer ones")

// A renewable provider keeps credentials until it believes that they have ended. The server knows
// better: its clock counts, and it can end them at any time.
type renewable interface{ Invalidate() }

// credentialSource bounds the chain in time, and marks its failures, which the
// SDK would report as a failure of the request.
type credentialSource struct {
	inner aws.CredentialsProvider
	// nothing names any credentials, so that those of the instance are asked for
	unnamed bool
	trace   func(source, keyID string, expires time.Time) // nil: none

	mu       sync.Mutex
	failed   error
	at       time.Time
	last     aws.Credentials // given out last
	none     error           // why there are none at all, or nil
	refused  bool            // the server says that last has expired
	refusals int             // how often it said that of some
	renewed  time.Time       // when it said so
	traced   string          // the last key that was told
}

// expired is called when the server says that the credentials of a request have expired. The next
// request gets new ones, or an error. Of many requests at once the first tells, and the others are
// just repeated.
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

// check compares what the provider gave with what the server has refused. Credentials that were
// asked for before that may still be the old ones; then again is true.
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
