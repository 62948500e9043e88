package s3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/org/gocache-action/internal/osfile"
)

// A Session is a set of temporary credentials. Its file has the format that AWS tools read from a
// credential_process, plus the role.
type Session struct {
	Version         int       `json:"Version"` // of the format: 1
	AccessKeyID     string    `json:"AccessKeyId"`
	SecretAccessKey string    `json:"SecretAccessKey"`
	SessionToken    string    `json:"SessionToken"`
	Expires         time.Time `json:"Expiration"`
	// Role is empty if the credentials come from the SDK's chain.
	Role string `json:"RoleArn,omitempty"`
}

const sessionVersion = 1

// maxSession bounds the file, in bytes. Session tokens have a few thousand.
const maxSession = 64 << 10

// String and GoString keep the secrets out of what is printed.
func (s Session) String() string   { return "session of " + s.AccessKeyID }
func (s Session) GoString() string { return s.String() }

// valid reports whether the credentials have not expired at a time.
func (s Session) valid(now time.Time) bool { return now.Before(s.Expires) }

// newSession makes a session of credentials that expire, and of the role that they are for, if any.
func newSession(c aws.Credentials, role *Role) *Session {
	s := &Session{
		Version: sessionVersion, AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey,
		SessionToken: c.SessionToken, Expires: c.Expires.UTC().Truncate(time.Second),
	}
	if role != nil {
		s.Role = role.ARN
	}
	return s
}

// WriteSession writes a session by rename, readable by this user only. It creates the directory if
// necessary.
func WriteSession(path string, s Session) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("credentials file: %w", err)
	}
	if err := osfile.Replace(path, append(data, '\n'), 0o700); err != nil {
		return fmt.Errorf("credentials file: %w", err)
	}
	return nil
}

// ReadSession reads what WriteSession wrote. If there is no file, it returns (nil, nil). Errors
// name the file, but have nothing of its content.
func ReadSession(path string) (*Session, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("credentials file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSession))
	if err != nil {
		return nil, fmt.Errorf("credentials file: %w", err)
	}
	s := new(Session)
	if json.Unmarshal(data, s) != nil || s.Version != sessionVersion || s.AccessKeyID == "" || s.SecretAccessKey == "" || s.Expires.IsZero() {
		return nil, fmt.Errorf("credentials file %s: not one that a restore wrote", path)
	}
	return s, nil
}

// sessionProvider returns a kept session while it is valid, and then asks the next provider.
type sessionProvider struct {
	kept    Session
	next    aws.CredentialsProvider
	refused atomic.Bool // the server says that the session has expired
}

// Retrieve implements aws.CredentialsProvider.
func (p *sessionProvider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if p.refused.Load() || !p.kept.valid(time.Now()) {
		return p.next.Retrieve(ctx)
	}
	return aws.Credentials{
		AccessKeyID: p.kept.AccessKeyID, SecretAccessKey: p.kept.SecretAccessKey, SessionToken: p.kept.SessionToken,
		CanExpire: true, Expires: p.kept.Expires, Source: "KeptSession",
	}, nil
}

// Invalidate implements renewable.
func (p *sessionProvider) Invalidate() {
	if p.refused.Swap(true) {
		if r, ok := p.next.(renewable); ok {
			r.Invalidate()
		}
	}
}
