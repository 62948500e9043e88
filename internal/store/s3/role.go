package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/org/gocache-action/internal/store"
)

// ErrRole means that a role could not be assumed. Such errors are store.ErrDenied too.
var ErrRole = errors.New("role not assumed")

// Bounds of Role.Duration, as STS has them. A role also has a maximum of its own: one hour, unless
// it was raised.
const (
	MinRoleDuration = 15 * time.Minute
	MaxRoleDuration = 12 * time.Hour
)

// A Role is assumed with the token of an OIDC provider (AssumeRoleWithWebIdentity), so that a job
// needs no long-lived keys. The request goes to the STS of the region, or to AWS_ENDPOINT_URL_STS.
type Role struct {
	ARN string
	// Session names the session in the logs of the provider. It may be empty; characters that STS
	// does not allow are replaced.
	Session  string
	Duration time.Duration // how long its credentials are valid; 0: as STS decides
	// Token returns a fresh token. It is called when credentials are first needed, and again when
	// they have expired.
	Token func(context.Context) (string, error)
}

// complete checks what STS would reject, and fills in the name of the session.
func (r *Role) complete() error {
	switch {
	case r.ARN == "":
		return errors.New("the ARN of the role is empty")
	case r.Token == nil:
		return errors.New("there is no token for the role")
	case r.Duration != 0 && (r.Duration < MinRoleDuration || r.Duration > MaxRoleDuration):
		return fmt.Errorf("the duration %v of the role is not between %v and %v", r.Duration, MinRoleDuration, MaxRoleDuration)
	}
	r.Session = sessionName(r.Session)
	return nil
}

// sessionName replaces what STS does not allow in a name: [\w+=,.@-]{2,64}.
func sessionName(name string) string {
	b := []byte(name)
	for i, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '+', c == '=', c == ',', c == '.', c == '@':
		default:
			b[i] = '-'
		}
	}
	if len(b) < 2 {
		return "gocache"
	}
	return string(b[:min(len(b), 64)])
}

// roleProvider gets credentials for a role. aws.CredentialsCache, around it, keeps them while they
// are valid.
type roleProvider struct {
	role Role
	api  *sts.Client
}

// newRoleProvider sends requests to STS within the same bounds as the store's to S3, so that an STS
// that does not answer is noticed soon.
func newRoleProvider(cfg aws.Config, o *Options) aws.CredentialsProvider {
	client := &http.Client{Transport: newTransport(*o, new(store.Counter), trusted(cfg)), CheckRedirect: followSameMethod}
	p := &roleProvider{role: *o.Role, api: sts.NewFromConfig(cfg, func(so *sts.Options) {
		so.HTTPClient, so.Retryer = client, newRetryer(o.MaxAttempts, nil)
	})}
	// Credentials that end within a minute are not worth starting a transfer with.
	return aws.NewCredentialsCache(p, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = time.Minute })
}

// tokenFunc implements stscreds.IdentityTokenRetriever, whose method takes no context.
type tokenFunc func() ([]byte, error)

func (f tokenFunc) GetIdentityToken() ([]byte, error) { return f() }

// Retrieve implements aws.CredentialsProvider. Its errors have what STS says about the token, but
// never the token.
func (p *roleProvider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	token := tokenFunc(func() ([]byte, error) {
		s, err := p.role.Token(ctx)
		return []byte(s), err
	})
	web := stscreds.NewWebIdentityRoleProvider(p.api, p.role.ARN, token, func(o *stscreds.WebIdentityRoleOptions) {
		o.RoleSessionName, o.Duration = p.role.Session, p.role.Duration
	})
	creds, err := web.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("%w: %s: %w", ErrRole, p.role.ARN, shortened(err))
	}
	return creds, nil
}

// shortened removes the SDK's layers of wrapping around what the server said, or why it was not
// reached.
func shortened(err error) error {
	var api smithy.APIError
	var broken *netError
	switch {
	case errors.As(err, &api):
		return &answer{err: err}
	case errors.As(err, &broken):
		return fmt.Errorf("sts: %w", broken)
	}
	return err
}
