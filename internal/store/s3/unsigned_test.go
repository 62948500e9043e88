package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/s3/s3test"
	"github.com/org/gocache-action/internal/store/storetest"
)

// withoutCredentials removes all credentials for the rest of the test.
func withoutCredentials(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_PROFILE",
	} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// publicStore makes a bucket that everybody may read, with the object "a".
func publicStore(t *testing.T, g *storetest.Server, list bool) s3.Options {
	t.Helper()
	o := options(g, newBucket(t, g))
	mustPut(t, openStore(t, o), "a", []byte("one"))
	s3test.MakePublic(t, g, o.Bucket, list)
	return o
}

// secretive puts a proxy in front of the gateway that answers 403 for objects that do not exist, as
// Amazon does to those who may not list.
func secretive(t *testing.T, g *storetest.Server) string {
	t.Helper()
	target, err := url.Parse(g.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.ModifyResponse = func(r *http.Response) error {
		if r.StatusCode != http.StatusNotFound {
			return nil
		}
		r.Body.Close()
		body := "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
		r.StatusCode, r.Status, r.Body, r.ContentLength = http.StatusForbidden, "403 Forbidden", io.NopCloser(strings.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return nil
	}
	server := httptest.NewServer(forward)
	t.Cleanup(server.Close)
	return server.URL
}

// TestUnsigned reads a public bucket without credentials: objects that exist, and some that do not.
func TestUnsigned(t *testing.T) {
	g := storetest.Gateway(t)
	for _, list := range []bool{true, false} {
		t.Run(fmt.Sprintf("list=%t", list), func(t *testing.T) {
			o := publicStore(t, g, list)
			withoutCredentials(t)
			ctx := context.Background()
			if !list {
				o.Endpoint = secretive(t, g)
			}
			s := openStore(t, o)
			_, _, err := s.Open(ctx, "absent", 0, -1)
			switch {
			case list && !errors.Is(err, store.ErrNotFound):
				t.Errorf("absent object: %v", err)
			case !list && (!errors.Is(err, store.ErrHidden) || !errors.Is(err, store.ErrDenied) || errors.Is(err, store.ErrNotFound)):
				t.Errorf("absent object, when nothing is known: %v", err)
			}
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					if got, _, err := store.Get(ctx, s, "a", 100); err != nil || string(got) != "one" {
						t.Errorf("read: %q, %v", got, err)
					}
				})
			}
			wg.Wait()
			r, info, err := s.Open(ctx, "a", 1, 1)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || string(got) != "n" || info.Size != 3 {
				t.Errorf("range: %q of %d bytes, %v", got, info.Size, err)
			}
			if _, err := s.Stat(ctx, "a"); err != nil {
				t.Error(err)
			}
			if _, err := s.Stat(ctx, "absent"); !errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDenied) {
				t.Errorf("absent object: %v", err)
			}
			notes := store.Notes(s)
			if want := map[bool]int{true: 1, false: 2}[list]; len(notes) != want || !strings.Contains(notes[0], "without a signature") {
				t.Errorf("notes: %q", notes)
			}
		})
	}
}

// TestUnsignedWrites: no request is sent for a write that cannot succeed.
func TestUnsignedWrites(t *testing.T) {
	g := storetest.Gateway(t)
	o := publicStore(t, g, true)
	withoutCredentials(t)
	ctx := context.Background()
	s := openStore(t, o)
	err := store.Writable(ctx, s)
	if !errors.Is(err, store.ErrReadOnly) || !strings.Contains(err.Error(), o.Bucket) || !strings.Contains(err.Error(), "no credentials") {
		t.Errorf("writable: %v", err)
	}
	_, err = s.Put(ctx, "b", strings.NewReader("two"), 3, store.Condition{})
	if !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("put: %v", err)
	}
	large := storetest.Content(1, storetest.PartSize+1)
	if _, err = s.Put(ctx, "b", storetest.Stream(large), -1, store.Condition{IfAbsent: true}); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("put in parts: %v", err)
	}
	if err := s.Touch(ctx, "a"); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("touch: %v", err)
	}
	if failed := s.Delete(ctx, []string{"a"}); !errors.Is(failed["a"], store.ErrReadOnly) {
		t.Errorf("delete: %v", failed)
	}
	info, err := s.Stat(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteVersion(ctx, "a", info.Version); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("delete a version: %v", err)
	}
	for kind, n := range s.Requests() {
		if kind != "GET" && kind != "HEAD" {
			t.Errorf("%d requests %s", n, kind)
		}
	}
}

// TestUnsignedPrivate: access to a bucket that is not public is denied, and the error says why
// requests are not signed.
func TestUnsignedPrivate(t *testing.T) {
	g := gateway(t)
	o := options(g, newBucket(t, g))
	mustPut(t, openStore(t, o), "a", []byte("one"))
	withoutCredentials(t)
	s := openStore(t, o)
	eachFails(t, s, store.ErrDenied, "no credentials")
	if notes := store.Notes(s); len(notes) != 0 {
		t.Errorf("notes: %q", notes)
	}
}

// TestBrokenCredentials: credentials that are found but do not work are never silently left out,
// not even if that would help.
func TestBrokenCredentials(t *testing.T) {
	g := storetest.Gateway(t)
	o := publicStore(t, g, true)
	for name, breakThem := range map[string]func(t *testing.T, o *s3.Options){
		"unknown key":  func(t *testing.T, _ *s3.Options) { t.Setenv("AWS_ACCESS_KEY_ID", "nobody") },
		"wrong secret": func(t *testing.T, _ *s3.Options) { t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong") },
		"no secret":    func(t *testing.T, _ *s3.Options) { t.Setenv("AWS_SECRET_ACCESS_KEY", "") },
		"only a secret": func(t *testing.T, _ *s3.Options) {
			withoutCredentials(t)
			t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
		},
		"token file that is not there": func(t *testing.T, _ *s3.Options) {
			withoutCredentials(t)
			t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token")
			t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/cache")
		},
		"credential process that fails": func(t *testing.T, _ *s3.Options) {
			withoutCredentials(t)
			config := t.TempDir() + "/config"
			if err := os.WriteFile(config, []byte("[default]\ncredential_process = false\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_CONFIG_FILE", config)
		},
		"role that refuses": func(t *testing.T, o *s3.Options) {
			sts := storetest.NewSTS(t, g)
			sts.Setenv(t)
			o.Role = &s3.Role{ARN: sts.Role, Token: func(context.Context) (string, error) { return "of another job", nil }}
		},
		"session that the server does not know": func(t *testing.T, o *s3.Options) {
			withoutCredentials(t)
			o.Kept = &s3.Session{Version: 1, AccessKeyID: "nobody", SecretAccessKey: "x", SessionToken: "x", Expires: time.Now().Add(time.Hour)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			g.Setenv(t)
			o := o
			breakThem(t, &o)
			s := openStore(t, o)
			if _, _, err := s.Open(context.Background(), "a", 0, -1); !errors.Is(err, store.ErrDenied) || errors.Is(err, store.ErrHidden) {
				t.Errorf("read: %v", err)
			}
			if err := store.Writable(context.Background(), s); errors.Is(err, store.ErrReadOnly) {
				t.Errorf("writable: %v", err)
			}
		})
	}
}

// TestNoToken: a role without a token, as in a pull request from a fork, counts as no credentials
// at all.
func TestNoToken(t *testing.T) {
	g := storetest.Gateway(t)
	o := publicStore(t, g, true)
	sts := storetest.NewSTS(t, g)
	withoutCredentials(t)
	sts.Setenv(t)
	o.Role = &s3.Role{ARN: sts.Role, Token: func(context.Context) (string, error) { return "", fmt.Errorf("%w in $X", s3.ErrNoToken) }}
	s := openStore(t, o)
	mustRead(t, s, "a", []byte("one"))
	err := store.Writable(context.Background(), s)
	if !errors.Is(err, store.ErrReadOnly) || !errors.Is(err, s3.ErrNoToken) {
		t.Errorf("writable: %v", err)
	}
	if n := len(sts.Requests()); n != 0 {
		t.Errorf("%d requests to STS", n)
	}
}
