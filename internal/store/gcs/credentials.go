package gcs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/rest"
	"github.com/org/gocache-action/internal/store/wire"
)

// scope is what tokens are asked for. What an identity may do is decided by its roles.
const scope = "https://www.googleapis.com/auth/devstorage.read_write"

// access gets tokens: of the file that is given, or of the application default credentials
// (GOOGLE_APPLICATION_CREDENTIALS, the login of gcloud, the metadata service of the machine). A
// file can be that of workload identity federation. It is safe for concurrent use.
type access struct {
	file   string
	secure bool // tokens may be sent to the endpoint
	http   *http.Client

	mu     sync.Mutex
	source oauth2.TokenSource // keeps its token while it is valid; nil: not made yet
	none   error              // there are no credentials
}

func newAccess(o Options) *access {
	u, err := url.Parse(o.Endpoint)
	secure := err == nil && (u.Scheme == "https" || wire.Loopback(u.Hostname()))
	return &access{file: o.CredentialsFile, secure: secure, http: &http.Client{Transport: o.Transport}}
}

func (a *access) authorize(req *http.Request) error {
	token, err := a.token(req.Context())
	if err != nil {
		return err
	}
	token.SetAuthHeader(req)
	return nil
}

// token returns a valid token. One request at a time asks for a new one.
func (a *access) token(ctx context.Context) (*oauth2.Token, error) {
	if !a.secure {
		return nil, fmt.Errorf("%w: a token is not sent over http to another machine; give an https:// endpoint", store.ErrDenied)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.none != nil {
		return nil, a.none
	}
	if a.source == nil {
		if err := a.find(ctx); err != nil {
			return nil, err
		}
	}
	token, err := a.source.Token()
	if err != nil {
		return nil, explain(ctx, err)
	}
	return token, nil
}

// find makes the source of tokens. It outlives the request for which it is made.
func (a *access) find(ctx context.Context) error {
	ctx = context.WithValue(context.WithoutCancel(ctx), oauth2.HTTPClient, a.http)
	var found *google.Credentials
	var err error
	if a.file != "" {
		var data []byte
		if data, err = os.ReadFile(a.file); err == nil {
			found, err = google.CredentialsFromJSONWithType(ctx, data, google.ExternalAccount, scope)
		}
	} else {
		found, err = google.FindDefaultCredentials(ctx, scope)
	}
	switch {
	case err == nil:
		a.source = oauth2.ReuseTokenSource(nil, found.TokenSource)
		return nil
	case strings.Contains(err.Error(), "could not find default credentials"):
		a.none = &noCredentials{err}
		return a.none
	}
	return fmt.Errorf("%w: credentials: %s", store.ErrDenied, rest.Line(err.Error()))
}

// noCredentials says what to do, instead of what the library says.
type noCredentials struct{ err error }

func (n *noCredentials) Error() string {
	return fmt.Sprintf("%v: %v for Google Cloud: set GOOGLE_APPLICATION_CREDENTIALS, or log in with gcloud auth application-default login", store.ErrDenied, store.ErrNoCredentials)
}

func (n *noCredentials) Is(target error) bool {
	return target == store.ErrDenied || target == store.ErrNoCredentials
}
func (n *noCredentials) Unwrap() error { return n.err }

// explain says whether a token was refused, or nobody could be asked for one.
func explain(ctx context.Context, err error) error {
	var refused *oauth2.RetrieveError
	var ne *wire.Error
	switch {
	case ctx.Err() != nil:
		return store.Ended(ctx)
	case errors.As(err, &ne):
		return fmt.Errorf("%w: the server of tokens: %w", store.ErrUnreachable, ne)
	case errors.As(err, &refused):
		text := refused.ErrorDescription
		if text == "" {
			text = refused.ErrorCode
		}
		return fmt.Errorf("%w: no token: http %d %s", store.ErrDenied, refused.Response.StatusCode, rest.Line(text))
	}
	return fmt.Errorf("%w: no token: %s", store.ErrDenied, rest.Line(err.Error()))
}
