package azblob

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/rest"
	"github.com/org/gocache-action/internal/store/wire"
	"github.com/org/gocache-action/internal/usage"
)

// Audience is for whom the token of a job must be made that is exchanged for one of Entra ID.
const Audience = "api://AzureADTokenExchange"

// Credentials say who asks. The first that is set counts: SAS, Key, Token with ClientID and
// TenantID, and then what azidentity.DefaultAzureCredential finds: the variables AZURE_...,
// workload identity of Kubernetes, the managed identity of the machine, and the login of the Azure
// CLI.
type Credentials struct {
	SAS string // a shared access signature, with or without "?" before it
	Key string // of the account, in base64

	ClientID, TenantID string // an application in Entra ID that trusts the tokens of jobs
	// Token returns a fresh token of the job, for Audience. It may be nil.
	Token func(context.Context) (string, error)
}

// authorizer adds to requests what authorizes them. It is safe for concurrent use.
type authorizer interface {
	authorize(*http.Request) error
	// ready reports whether there are credentials, without a request to the store.
	ready(context.Context) error
}

func (o *Options) authorizer(t http.RoundTripper) (authorizer, error) {
	c := o.Credentials
	switch {
	case c.SAS != "":
		q, err := url.ParseQuery(strings.TrimPrefix(strings.TrimSpace(c.SAS), "?"))
		if err != nil || q.Get("sig") == "" {
			return nil, usage.Errorf("AZURE_STORAGE_SAS_TOKEN: not a shared access signature such as sv=...&sig=...")
		}
		return signature{q.Encode()}, nil
	case c.Key != "":
		key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(c.Key))
		if err != nil || len(key) == 0 {
			return nil, usage.Errorf("AZURE_STORAGE_KEY: not the key of an account, which is in base64")
		}
		return sharedKey{o.Account, key}, nil
	}
	return &identity{
		make:      func() (azcore.TokenCredential, error) { return c.identity(t) },
		federated: c.federated(), secure: strings.HasPrefix(o.Endpoint, "https:"),
	}, nil
}

// signature is a shared access signature.
type signature struct{ query string }

func (s signature) authorize(req *http.Request) error {
	if req.URL.RawQuery != "" {
		req.URL.RawQuery += "&"
	}
	req.URL.RawQuery += s.query
	return nil
}

func (s signature) ready(context.Context) error { return nil }

// Format keeps the signature out of what is printed.
func (s signature) Format(f fmt.State, _ rune) { fmt.Fprint(f, "a shared access signature") }

// sharedKey signs requests with the key of the account.
// https://learn.microsoft.com/en-us/rest/api/storageservices/authorize-with-shared-key
type sharedKey struct {
	account string
	key     []byte
}

func (k sharedKey) ready(context.Context) error { return nil }

// Format keeps the key out of what is printed.
func (k sharedKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, "the key of account "+k.account) }

func (k sharedKey) authorize(req *http.Request) error {
	mac := hmac.New(sha256.New, k.key)
	mac.Write([]byte(stringToSign(req, k.account)))
	req.Header.Set("Authorization", "SharedKey "+k.account+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return nil
}

// stringToSign is what a signature is of. Date is empty, as X-Ms-Date counts.
func stringToSign(req *http.Request, account string) string {
	h := req.Header
	length := ""
	if req.ContentLength > 0 {
		length = fmt.Sprint(req.ContentLength)
	}
	lines := []string{
		req.Method, h.Get("Content-Encoding"), h.Get("Content-Language"), length, h.Get("Content-MD5"), h.Get("Content-Type"), "",
		h.Get("If-Modified-Since"), h.Get("If-Match"), h.Get("If-None-Match"), h.Get("If-Unmodified-Since"), h.Get("Range"),
	}
	var ms []string
	for name, values := range h {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-ms-") {
			ms = append(ms, lower+":"+strings.Join(values, ","))
		}
	}
	slices.Sort(ms)
	resource := []string{"/" + account + req.URL.EscapedPath()}
	q := req.URL.Query()
	var params []string
	for name, values := range q {
		slices.Sort(values)
		params = append(params, strings.ToLower(name)+":"+strings.Join(values, ","))
	}
	slices.Sort(params)
	return strings.Join(slices.Concat(lines, ms, resource, params), "\n")
}

// identity authorizes with tokens of Entra ID.
type identity struct {
	make              func() (azcore.TokenCredential, error)
	federated, secure bool

	mu         sync.Mutex
	credential azcore.TokenCredential // nil: not made yet
	kept       azcore.AccessToken     // the library does not keep those of the Azure CLI
}

// early is how long before its end a token is replaced.
const early = 5 * time.Minute

const scope = "https://storage.azure.com/.default"

func (i *identity) authorize(req *http.Request) error {
	token, err := i.token(req.Context())
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return nil
}

func (i *identity) ready(ctx context.Context) error {
	_, err := i.token(ctx)
	return err
}

func (i *identity) token(ctx context.Context) (string, error) {
	if !i.secure {
		return "", fmt.Errorf("%w: a token is not sent over http; use a key or a signature, or an https:// endpoint", store.ErrDenied)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.kept.Token != "" && time.Until(i.kept.ExpiresOn) > early {
		return i.kept.Token, nil
	}
	if i.credential == nil {
		made, err := i.make()
		if err != nil {
			return "", i.explain(ctx, err)
		}
		i.credential = made
	}
	token, err := i.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
	if err != nil {
		return "", i.explain(ctx, err)
	}
	i.kept = token
	return token.Token, nil
}

// explain says whether there are no credentials, they are refused, or nobody could be asked.
func (i *identity) explain(ctx context.Context, err error) error {
	var refused *azidentity.AuthenticationFailedError
	var ne *wire.Error
	switch {
	case ctx.Err() != nil:
		return store.Ended(ctx)
	case errors.As(err, &refused) && refused.RawResponse != nil:
		return fmt.Errorf("%w: %s", store.ErrDenied, entraText(refused))
	case errors.As(err, &ne):
		return fmt.Errorf("%w: login.microsoftonline.com: %w", store.ErrUnreachable, ne)
	}
	if i.federated {
		return fmt.Errorf("%w: no token of Entra ID: %s", store.ErrDenied, rest.Line(err.Error()))
	}
	return &noCredentials{err}
}

// noCredentials keeps the long text of the library, which lists what it tried, behind one line.
type noCredentials struct{ err error }

func (n *noCredentials) Error() string {
	return fmt.Sprintf("%v: %v for Azure: set AZURE_CLIENT_ID and AZURE_TENANT_ID in a job with an OIDC token, or AZURE_STORAGE_SAS_TOKEN, or log in with the Azure CLI", store.ErrDenied, store.ErrNoCredentials)
}

func (n *noCredentials) Is(target error) bool {
	return target == store.ErrDenied || target == store.ErrNoCredentials
}
func (n *noCredentials) Unwrap() error { return n.err }

// entraText is what Entra ID says, as in AADSTS70021: No matching federated identity record found.
func entraText(err *azidentity.AuthenticationFailedError) string {
	text := err.Error()
	if i := strings.Index(text, "AADSTS"); i >= 0 {
		text = text[i:]
		if j := strings.IndexAny(text, "\"\n\r"); j >= 0 {
			text = text[:j]
		}
		text, _, _ = strings.Cut(text, " Trace ID")
		text, _, _ = strings.Cut(text, `\r\n`)
		return "Entra ID answers " + text
	}
	return fmt.Sprintf("Entra ID answers http %d", err.RawResponse.StatusCode)
}

// transporter is a transport as the library wants it.
type transporter struct{ http.RoundTripper }

func (t transporter) Do(req *http.Request) (*http.Response, error) { return t.RoundTrip(req) }

// identity makes what gets tokens.
func (c Credentials) identity(t http.RoundTripper) (azcore.TokenCredential, error) {
	options := azcore.ClientOptions{Transport: transporter{t}, Retry: policy.RetryOptions{MaxRetries: 2}}
	if c.federated() {
		return azidentity.NewClientAssertionCredential(c.TenantID, c.ClientID, c.Token, &azidentity.ClientAssertionCredentialOptions{ClientOptions: options})
	}
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options})
}

// federated reports whether tokens of the job are exchanged.
func (c Credentials) federated() bool { return c.Token != nil && c.ClientID != "" && c.TenantID != "" }

// TokenFile returns a function for Credentials.Token that reads a file, which others renew.
func TokenFile(path string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		data, err := os.ReadFile(path)
		return strings.TrimSpace(string(data)), err
	}
}
