package storetest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// STS imitates Amazon's token service, since no real server of it can run here. It checks requests
// for AssumeRoleWithWebIdentity as the API reference describes them, and answers with the keys of a
// gateway.
type STS struct {
	Endpoint string
	Role     string // ARN that can be assumed
	Token    string // the one token that is accepted
	// how long the credentials last, counted from the start of the service; 0: as asked
	Valid time.Duration
	// SessionToken is part of the credentials that it returns. The gateway accepts only an empty
	// one.
	SessionToken string

	keys    *Server
	started time.Time
	mu      sync.Mutex
	seen    []url.Values
}

// NewSTS starts a token service for the test. Fields may be changed before the first request.
func NewSTS(t testing.TB, g *Server) *STS {
	t.Helper()
	s := &STS{Role: "arn:aws:iam::123456789012:role/cache", Token: "header.claims.signature", keys: g, started: time.Now()}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.Endpoint = server.URL
	return s
}

// Env returns the gateway's variables without its keys, so that only a role gives access.
func (s *STS) Env() []string {
	env := slices.DeleteFunc(s.keys.Env(), func(kv string) bool {
		return strings.HasPrefix(kv, "AWS_ACCESS_KEY_ID=") || strings.HasPrefix(kv, "AWS_SECRET_ACCESS_KEY=")
	})
	return append(env, "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_WEB_IDENTITY_TOKEN_FILE=", "AWS_ROLE_ARN=", "AWS_ENDPOINT_URL_STS="+s.Endpoint)
}

// Setenv sets the variables of Env for the rest of the test.
func (s *STS) Setenv(t testing.TB) {
	t.Helper()
	for _, kv := range s.Env() {
		k, v, _ := strings.Cut(kv, "=")
		t.Setenv(k, v)
	}
}

// Requests returns the forms of all requests so far.
func (s *STS) Requests() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

const stsAnswer = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult>
<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/cache/%[1]s</Arn><AssumedRoleId>AROAEXAMPLE:%[1]s</AssumedRoleId></AssumedRoleUser>
<Credentials><AccessKeyId>%[2]s</AccessKeyId><SecretAccessKey>%[3]s</SecretAccessKey><SessionToken>%[4]s</SessionToken><Expiration>%[5]s</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`

const stsError = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`

// ServeHTTP implements http.Handler.
func (s *STS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, code, message string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, stsError, code, message)
	}
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost || r.URL.Path != "/" {
		refuse(http.StatusBadRequest, "MalformedQueryString", "not a POST of a form")
		return
	}
	s.mu.Lock()
	count := len(s.seen) // no two answers give the same credentials: these differ in when they end
	s.seen = append(s.seen, r.PostForm)
	s.mu.Unlock()
	f := r.PostForm
	valid := time.Hour
	if d := f.Get("DurationSeconds"); d != "" {
		valid, _ = time.ParseDuration(d + "s")
	}
	if s.Valid != 0 {
		valid = s.Valid
	}
	switch {
	case r.Header.Get("Authorization") != "":
		refuse(http.StatusBadRequest, "InvalidAction", "this call is not signed")
	case f.Get("Action") != "AssumeRoleWithWebIdentity" || f.Get("Version") != "2011-06-15":
		refuse(http.StatusBadRequest, "InvalidAction", "unknown action")
	case f.Get("WebIdentityToken") != s.Token || f.Get("RoleArn") != s.Role:
		refuse(http.StatusForbidden, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	default:
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, stsAnswer, f.Get("RoleSessionName"), s.keys.AccessKey, s.keys.SecretKey, s.SessionToken,
			s.started.Add(valid-time.Duration(count)*time.Second).UTC().Format(time.RFC3339))
	}
}
