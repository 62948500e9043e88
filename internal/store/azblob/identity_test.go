package azblob_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/azblob"
	"github.com/org/gocache-action/internal/store/rest"
)

// entra is Entra ID and a storage account behind one transport: the addresses of both are fixed, so
// no server of a test could be in their place. It checks the exchange of tokens as described there:
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow
type entra struct {
	token  string // of the job, that is accepted
	asked  atomic.Int32
	stored atomic.Int32
}

const bearer = "eyJ.access-token-of-entra.x"

func (e *entra) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	switch {
	case strings.HasSuffix(r.URL.Host, ".blob.core.windows.net"):
		e.blob(rec, r)
	case strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token"):
		e.exchange(rec, r)
	case strings.Contains(r.URL.Path, "openid-configuration"):
		base := "https://login.microsoftonline.com/tenant-1"
		fmt.Fprintf(rec, `{"issuer":"%[1]s/v2.0","authorization_endpoint":"%[1]s/oauth2/v2.0/authorize","token_endpoint":"%[1]s/oauth2/v2.0/token"}`, base)
	default: // the discovery of clouds
		fmt.Fprint(rec, `{"tenant_discovery_endpoint":"https://login.microsoftonline.com/tenant-1/v2.0/.well-known/openid-configuration","api-version":"1.1","metadata":[{"preferred_network":"login.microsoftonline.com","preferred_cache":"login.windows.net","aliases":["login.microsoftonline.com","login.windows.net"]}]}`)
	}
	if r.Body != nil {
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	resp := rec.Result()
	resp.Request = r
	return resp, nil
}

func (e *entra) exchange(w http.ResponseWriter, r *http.Request) {
	e.asked.Add(1)
	w.Header().Set("Content-Type", "application/json")
	if r.FormValue("client_assertion") != e.token || r.FormValue("client_id") != "client-1" || !strings.Contains(r.URL.Path, "/tenant-1/") ||
		r.FormValue("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || !strings.Contains(r.FormValue("scope"), "https://storage.azure.com/.default") {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"invalid_client","error_description":"AADSTS700213: No matching federated identity record found for presented assertion subject 'repo:org/name'. Trace ID: 1 Correlation ID: 2"}`)
		return
	}
	fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3600,"access_token":%q}`, bearer)
}

func (e *entra) blob(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+bearer || r.Header.Get("X-Ms-Version") == "" {
		w.Header().Set("X-Ms-Error-Code", "InvalidAuthenticationInfo")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	e.stored.Add(1)
	w.Header().Set("ETag", `"0x1"`)
	w.WriteHeader(http.StatusCreated)
}

func federated(t *testing.T, e *entra, token string) *azblob.Store {
	t.Helper()
	return openStore(t, azblob.Options{
		Container: "con", Account: "acc", Options: rest.Options{Transport: e, MaxAttempts: 2},
		Credentials: azblob.Credentials{ClientID: "client-1", TenantID: "tenant-1", Token: func(context.Context) (string, error) { return token, nil }},
	})
}

// TestFederation: the token of the job is exchanged once, for the tokens of all requests.
func TestFederation(t *testing.T) {
	e := &entra{token: "header.of-the-job.signature"}
	s := federated(t, e, e.token)
	if err := s.Writable(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := s.Put(context.Background(), "x", strings.NewReader("x"), 1, store.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	if e.asked.Load() != 1 || e.stored.Load() != 3 {
		t.Errorf("%d tokens, %d objects", e.asked.Load(), e.stored.Load())
	}
}

// TestFederationRefused: the error is what Entra ID says, without the token, and nothing is sent to
// the account.
func TestFederationRefused(t *testing.T) {
	e := &entra{token: "header.of-the-job.signature"}
	s := federated(t, e, "header.of-another-job.signature")
	_, err := s.Stat(context.Background(), "x")
	if !errors.Is(err, store.ErrDenied) || !strings.Contains(err.Error(), "AADSTS700213: No matching federated identity record") || strings.Contains(err.Error(), "Trace ID") || strings.Contains(err.Error(), "another-job") {
		t.Error(err)
	}
	if err := s.Writable(context.Background()); !errors.Is(err, store.ErrDenied) || errors.Is(err, store.ErrReadOnly) {
		t.Error(err)
	}
	if e.stored.Load() != 0 {
		t.Error("a request was sent")
	}
}

// TestTokenNotOverHTTP: a token is never sent where others can read it.
func TestTokenNotOverHTTP(t *testing.T) {
	s := openStore(t, azblob.Options{
		Container: "con", Account: "acc", Options: rest.Options{Endpoint: "http://storage.example.com", Transport: &entra{token: "t"}},
		Credentials: azblob.Credentials{ClientID: "client-1", TenantID: "tenant-1", Token: func(context.Context) (string, error) { return "t", nil }},
	})
	if _, err := s.Stat(context.Background(), "x"); !errors.Is(err, store.ErrDenied) || !strings.Contains(err.Error(), "not sent over http") {
		t.Error(err)
	}
}

// TestNoTokenOfTheJob: why the job has none is said.
func TestNoTokenOfTheJob(t *testing.T) {
	s := openStore(t, azblob.Options{
		Container: "con", Account: "acc", Options: rest.Options{Transport: &entra{}},
		Credentials: azblob.Credentials{ClientID: "client-1", TenantID: "tenant-1", Token: func(context.Context) (string, error) {
			return "", errors.New("the job may not ask")
		}},
	})
	if _, err := s.Stat(context.Background(), "x"); !errors.Is(err, store.ErrDenied) || !strings.Contains(err.Error(), "the job may not ask") {
		t.Error(err)
	}
}
