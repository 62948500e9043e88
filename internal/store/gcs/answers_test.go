package gcs_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/gcs"
	"github.com/org/gocache-action/internal/store/rest"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/internal/usage"
)

// each returns what each operation of a store fails with.
func each(s *gcs.Store) map[string]error {
	ctx := context.Background()
	_, _, open := s.Open(ctx, "x", 0, -1)
	_, stat := s.Stat(ctx, "x")
	_, put := s.Put(ctx, "x", bytes.NewReader([]byte("x")), 1, store.Condition{})
	all := map[string]error{"open": open, "stat": stat, "put": put}
	for _, err := range s.List(ctx, "") {
		all["list"] = err
	}
	return all
}

// answering is a store whose server answers everything alike.
func answering(t *testing.T, status int, body string) *gcs.Store {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return openStore(t, gcs.Options{Bucket: "bucket", Options: rest.Options{Endpoint: server.URL, MaxAttempts: 1}, CredentialsFile: storetest.Federation(t).File})
}

// TestAnswers: with texts of the service.
func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   error
		text   string
	}{
		"no bucket": {404, `{"error":{"code":404,"message":"The specified bucket does not exist.","errors":[{"reason":"notFound"}]}}`, store.ErrNoStore, "bucket"},
		"denied":    {403, `{"error":{"code":403,"message":"ci@x.iam.gserviceaccount.com does not have storage.objects.create access to the Google Cloud Storage object.","errors":[{"reason":"forbidden"}]}}`, store.ErrDenied, "storage.objects.create"},
		"expired":   {401, `{"error":{"code":401,"message":"Invalid Credentials","errors":[{"reason":"authError"}]}}`, store.ErrDenied, "Invalid Credentials"},
		"too many":  {429, `{"error":{"code":429,"message":"The object exceeded the rate limit.\nmore","errors":[{"reason":"rateLimitExceeded"}]}}`, store.ErrUnreachable, "rateLimitExceeded"},
		"by quota":  {403, `{"error":{"code":403,"message":"Quota","errors":[{"reason":"rateLimitExceeded"}]}}`, store.ErrUnreachable, ""},
		"outage":    {503, "", store.ErrUnreachable, "503"},
		"payer":     {400, `{"error":{"code":400,"message":"Bucket is a requester pays bucket but no user project provided.","errors":[{"reason":"required"}]}}`, store.ErrUnsupported, "requester pays"},
	} {
		for op, err := range each(answering(t, c.status, c.body)) {
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s, %s: %v", name, op, err)
			}
		}
	}
	s := answering(t, 403, `{"error":{"code":403,"message":"Permission 'storage.objects.get' denied on resource (or it may not exist).","errors":[{"reason":"forbidden"}]}}`)
	if err := each(s)["stat"]; !errors.Is(err, store.ErrHidden) || !errors.Is(err, store.ErrDenied) {
		t.Errorf("perhaps absent: %v", err)
	}
}

// TestMissingBucket: what the server says of a bucket that is not there.
func TestMissingBucket(t *testing.T) {
	t.Parallel()
	c := storetest.FakeGCS(t)
	o := options(t, c)
	if refuses, err := openStore(t, o).RefusesDamage(context.Background(), "damaged"); !refuses || err != nil {
		t.Errorf("damage: %t, %v", refuses, err)
	}
	if now, err := openStore(t, o).ServerTime(context.Background()); err != nil || now.IsZero() {
		t.Errorf("time: %v, %v", now, err)
	}
	o.Bucket = "no-such-bucket"
	if _, err := openStore(t, o).Put(context.Background(), "x", strings.NewReader("x"), 1, store.Condition{}); err == nil || !strings.Contains(err.Error(), "no-such-bucket") {
		t.Error(err)
	}
}

// TestFederation: a token that is got by exchange goes with each request; a refusal is a denial.
func TestFederation(t *testing.T) {
	f := storetest.Federation(t)
	var seen string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Get("Authorization")
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	o := gcs.Options{Bucket: "bucket", Options: rest.Options{Endpoint: server.URL}, CredentialsFile: f.File}
	s := openStore(t, o)
	if _, err := s.Stat(context.Background(), "x"); !errors.Is(err, store.ErrNotFound) || seen != "Bearer "+f.Token {
		t.Errorf("%v, with %q", err, seen)
	}
	if err := s.Writable(context.Background()); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(f.File), "token"), []byte("of.another.job"), 0o600); err != nil {
		t.Fatal(err)
	}
	seen = ""
	_, err := openStore(t, o).Stat(context.Background(), "x")
	if !errors.Is(err, store.ErrDenied) || !strings.Contains(err.Error(), "invalid_grant") && !strings.Contains(err.Error(), "subject_token is wrong") || strings.Contains(err.Error(), "of.another.job") || seen != "" {
		t.Errorf("%v, and sent was %q", err, seen)
	}
	o.Endpoint = "http://storage.example.com"
	if _, err := openStore(t, o).Stat(context.Background(), "x"); !errors.Is(err, store.ErrDenied) || !strings.Contains(err.Error(), "not sent over http") {
		t.Errorf("over http: %v", err)
	}
}

// TestElsewhere: the address of an upload is used on the same server only.
func TestElsewhere(t *testing.T) {
	var asked bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	t.Cleanup(other.Close)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", other.URL) }))
	t.Cleanup(server.Close)
	s := openStore(t, gcs.Options{Bucket: "bucket", Options: rest.Options{Endpoint: server.URL, PartSize: gcs.PartUnit}, CredentialsFile: storetest.Federation(t).File})
	data := make([]byte, gcs.PartUnit+1)
	if _, err := s.Put(context.Background(), "x", bytes.NewReader(data), int64(len(data)), store.Condition{}); !errors.Is(err, store.ErrMoved) || asked {
		t.Errorf("%v, asked %t", err, asked)
	}
}

func TestOptions(t *testing.T) {
	for text, o := range map[string]gcs.Options{
		"name of a bucket": {Bucket: "UPPER"},
		"not a multiple":   {Bucket: "bucket", Options: rest.Options{PartSize: 1 << 17}},
		"endpoint":         {Bucket: "bucket", Options: rest.Options{Endpoint: "https://host?token=hunter2"}},
	} {
		if _, err := gcs.New(o); !usage.Is(err) || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
