package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
)

// roleOptions returns the options of a bucket to which only a role gives access, and a counter of
// the tokens requested.
func roleOptions(t *testing.T, g *storetest.Server, sts *storetest.STS) (o s3.Options, tokens *int) {
	t.Helper()
	g.Setenv(t)
	sts.Setenv(t)
	tokens = new(int)
	o = options(g, newBucket(t, g))
	o.Role = &s3.Role{
		ARN: sts.Role, Session: "gocache 42/ü", Duration: 30 * time.Minute,
		Token: func(context.Context) (string, error) { *tokens++; return sts.Token, nil },
	}
	return o, tokens
}

func mustRead(t *testing.T, s store.Store, name string, want []byte) {
	t.Helper()
	if got, _, err := store.Get(context.Background(), s, name, 1<<20); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%s: %d bytes, %v", name, len(got), err)
	}
}

// TestRole uses a bucket with only a token, and then with the session that was kept, when the token
// is no longer valid.
func TestRole(t *testing.T) {
	g := storetest.Gateway(t)
	sts := storetest.NewSTS(t, g)
	o, tokens := roleOptions(t, g, sts)
	s := openStore(t, o)
	mustPut(t, s, "a", []byte("one"))
	mustRead(t, s, "a", []byte("one"))
	seen := sts.Requests()
	if len(seen) != 1 || *tokens != 1 {
		t.Fatalf("%d requests to STS with %d tokens, want one for all objects", len(seen), *tokens)
	}
	if f := seen[0]; f.Get("DurationSeconds") != "1800" || f.Get("RoleSessionName") != "gocache-42---" {
		t.Errorf("asked for %v", f)
	}

	session, err := s.Session(context.Background())
	if err != nil || session == nil {
		t.Fatalf("session %v, %v", session, err)
	}
	if left := time.Until(session.Expires); left < 28*time.Minute || left > 30*time.Minute || session.Role != sts.Role {
		t.Errorf("session of %s for %v", session.Role, left)
	}
	for _, text := range []string{fmt.Sprint(session), fmt.Sprintf("%+v %#v", *session, *session)} {
		if strings.Contains(text, g.SecretKey) {
			t.Errorf("prints %s", text)
		}
	}
	file := filepath.Join(t.TempDir(), "new", "credentials")
	for range 2 { // the second time, the file exists already
		if err := s3.WriteSession(file, *session); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}

	kept, err := s3.ReadSession(file)
	if err != nil || *kept != *session {
		t.Fatalf("read back %v, %v", kept, err)
	}
	errGone := errors.New("the token is gone")
	o.Role.Token = func(context.Context) (string, error) { return "", errGone }
	o.Kept = kept
	mustRead(t, openStore(t, o), "a", []byte("one"))
	expired := *kept
	expired.Expires = time.Now().Add(-time.Second)
	o.Kept = &expired
	if _, err := openStore(t, o).Stat(context.Background(), "a"); !errors.Is(err, store.ErrDenied) || !errors.Is(err, s3.ErrRole) || !errors.Is(err, errGone) {
		t.Errorf("an expired session and no token: %v", err)
	}
}

// TestSessionToken: the session token is sent with every request, whether the session is new or was
// kept, and is never printed.
func TestSessionToken(t *testing.T) {
	g := storetest.Gateway(t)
	sts := storetest.NewSTS(t, g)
	sts.SessionToken = "the session token"
	o, _ := roleOptions(t, g, sts)
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("X-Amz-Security-Token"))
		w.Header().Set("ETag", `"0123456789abcdef0123456789abcdef"`)
	}))
	defer server.Close()
	o.Endpoint = server.URL
	s := openStore(t, o)
	session, err := s.Session(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v %#v", session, *session, *session); strings.Contains(text, sts.SessionToken) {
		t.Errorf("prints %s", text)
	}
	o.Kept = session
	for _, s := range []store.Store{s, openStore(t, o)} {
		if _, err := s.Stat(context.Background(), "a"); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(got, []string{sts.SessionToken, sts.SessionToken}) || len(sts.Requests()) != 1 {
		t.Errorf("sent %q, %d requests to STS", got, len(sts.Requests()))
	}
}

// TestRoleIsRenewed uses sessions that expire as soon as they begin, so each request needs a new
// one.
func TestRoleIsRenewed(t *testing.T) {
	g := storetest.Gateway(t)
	sts := storetest.NewSTS(t, g)
	sts.Valid = 30 * time.Second // the last minute does not count
	o, tokens := roleOptions(t, g, sts)
	s := openStore(t, o)
	mustPut(t, s, "a", []byte("one"))
	mustRead(t, s, "a", []byte("one"))
	if *tokens < 2 {
		t.Errorf("%d tokens", *tokens)
	}
}

// TestRoleRefused: errors say why, fit the contract, and have no secrets.
func TestRoleRefused(t *testing.T) {
	g := storetest.Gateway(t)
	sts := storetest.NewSTS(t, g)
	o, _ := roleOptions(t, g, sts)
	const secret = "another.token.altogether"
	o.Role.Token = func(context.Context) (string, error) { return secret, nil }
	check := func(want string) {
		t.Helper()
		_, err := openStore(t, o).Stat(context.Background(), "a")
		if !errors.Is(err, store.ErrDenied) || !errors.Is(err, s3.ErrRole) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("want %q, got: %v", want, err)
		}
	}
	check(sts.Role + ": http 403 AccessDenied: Not authorized")
	t.Setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
	check("refused")
}

// TestLongLivedKeysAreNotKept: long-lived keys are not written to a file, which would outlive the
// job.
func TestLongLivedKeysAreNotKept(t *testing.T) {
	g := storetest.Gateway(t)
	g.Setenv(t)
	if session, err := openStore(t, options(g, newBucket(t, g))).Session(context.Background()); session != nil || err != nil {
		t.Errorf("%v, %v", session, err)
	}
}

func TestSessionFiles(t *testing.T) {
	dir := t.TempDir()
	if s, err := s3.ReadSession(filepath.Join(dir, "none")); s != nil || err != nil {
		t.Errorf("no file: %v, %v", s, err)
	}
	for _, text := range []string{"", "{", `{"Version":2,"AccessKeyId":"sesame","SecretAccessKey":"x","Expiration":"2026-01-01T00:00:00Z"}`, `{"Version":1,"SecretAccessKey":"sesame"}`} {
		file := filepath.Join(dir, "file")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := s3.ReadSession(file); s != nil || err == nil || strings.Contains(err.Error(), "sesame") || !strings.Contains(err.Error(), file) {
			t.Errorf("%q: %v, %v", text, s, err)
		}
	}
	for _, r := range []s3.Role{{}, {ARN: "arn:x"}, {ARN: "arn:x", Token: func(context.Context) (string, error) { return "", nil }, Duration: time.Minute}} {
		if _, err := s3.New(context.Background(), s3.Options{Bucket: "b", Role: &r}); err == nil {
			t.Errorf("role %+v was taken", r)
		}
	}
}
