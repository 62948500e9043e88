package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/s3/s3test"
)

// quirky opens a store on a server with a quirk, with changes to the options.
func quirky(t *testing.T, q s3test.Quirk, with ...func(*s3.Options)) *s3.Store {
	t.Helper()
	return openStore(t, quirkyOptions(t, q, with...))
}

func quirkyOptions(t *testing.T, q s3test.Quirk, with ...func(*s3.Options)) s3.Options {
	t.Helper()
	g := gateway(t)
	f := s3test.NewFront(t, g)
	f.Quirk = q
	o := options(g, newBucket(t, g))
	o.Endpoint = f.URL
	for _, w := range with {
		w(&o)
	}
	return o
}

func put(s *s3.Store, name, text string, cond store.Condition) (store.Info, error) {
	return s.Put(context.Background(), name, bytes.NewReader([]byte(text)), int64(len(text)), cond)
}

// TestRightConditionRefused: if a server refuses a condition that holds, it does not support
// conditions, and that is remembered. A condition that does not hold is still a conflict.
func TestRightConditionRefused(t *testing.T) {
	s := quirky(t, s3test.RefusesRightConditions())
	info, err := put(s, "x", "one", store.Condition{IfAbsent: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := put(s, "x", "two", store.Condition{IfMatch: `"0123"`}); !errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNoConditions) {
		t.Errorf("a condition that does not hold: %v", err)
	}
	if _, err := put(s, "x", "two", store.Condition{IfMatch: info.Version}); !errors.Is(err, store.ErrNoConditions) {
		t.Errorf("a condition that holds: %v", err)
	}
	before := s.Requests()["PUT"]
	if _, err := put(s, "x", "two", store.Condition{IfMatch: info.Version}); !errors.Is(err, store.ErrNoConditions) || s.Requests()["PUT"] != before {
		t.Errorf("once it is known: %v, %d more requests", err, s.Requests()["PUT"]-before)
	}
	if err := s.DeleteVersion(context.Background(), "x", info.Version); err != nil {
		t.Errorf("removing the version that is there: %v", err)
	}
	if _, err := s.Stat(context.Background(), "x"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("it is still there: %v", err)
	}
}

// TestRefusedForNow: writes that a server refuses because of concurrent ones are repeated, up to a
// limit.
func TestRefusedForNow(t *testing.T) {
	t.Parallel()
	for name, quirk := range map[string]func(int64) s3test.Quirk{
		"ExistingObjectIsDirectory":  s3test.RacesOfDirectories,
		"ConditionalRequestConflict": s3test.ConflictingUploads,
	} {
		for _, cond := range []store.Condition{{}, {IfAbsent: true}} {
			if _, err := put(quirky(t, quirk(2)), "x", "one", cond); err != nil {
				t.Errorf("%s twice, %+v: %v", name, cond, err)
			}
		}
		s := quirky(t, quirk(1<<30))
		if _, err := put(s, "x", "one", store.Condition{}); err == nil || s.Requests()["PUT"] != s3.DefaultMaxAttempts {
			t.Errorf("%s forever: %v after %d requests", name, err, s.Requests()["PUT"])
		}
	}
}

// TestNotImplemented: 501 is an answer. The request is not repeated, the answer is not an outage,
// and it means missing conditions only if the request used nothing else unusual.
func TestNotImplemented(t *testing.T) {
	encrypt := func(o *s3.Options) { o.Encryption.Algorithm = s3.SSES3 }
	for _, c := range []struct {
		quirk s3test.Quirk
		with  func(*s3.Options)
		cond  store.Condition
		want  error
	}{
		{s3test.NoEncryption(), encrypt, store.Condition{}, store.ErrUnsupported},
		{s3test.NoEncryption(), encrypt, store.Condition{IfAbsent: true}, store.ErrUnsupported},
		{s3test.NoConditions(), func(*s3.Options) {}, store.Condition{IfAbsent: true}, store.ErrNoConditions},
	} {
		s := quirky(t, c.quirk, c.with)
		_, err := put(s, "x", "one", c.cond)
		if !errors.Is(err, c.want) || errors.Is(err, store.ErrUnreachable) || s.Requests()["PUT"] != 1 {
			t.Errorf("%s, %+v: %v after %d requests, want %v", c.quirk.Name, c.cond, err, s.Requests()["PUT"], c.want)
		}
	}
}

// TestUploadLists: unfinished uploads are found on servers that do not support prefixes, and a
// server that cannot list them says so.
func TestUploadLists(t *testing.T) {
	ctx := context.Background()
	for _, err := range quirky(t, s3test.NoUploadLists()).Uploads(ctx, "v1", time.Now()) {
		if !errors.Is(err, store.ErrUnsupported) || errors.Is(err, store.ErrUnreachable) {
			t.Errorf("not implemented: %v", err)
		}
	}
	o := quirkyOptions(t, s3test.UploadListsByWholeName())
	s, client := openStore(t, o), api(t, o)
	for _, key := range []string{"pre/fix/v1/a", "pre/fix/v2/b", "v1/c"} {
		if _, err := client.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: &o.Bucket, Key: aws.String(key)}); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for u, err := range s.Uploads(ctx, "v1", time.Now().Add(time.Hour)) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, u.Name)
	}
	if strings.Join(names, " ") != "v1/a" {
		t.Errorf("uploads to v1: %q", names)
	}
}

// TestUnknownUser: wrong keys are a denial, whatever status a server gives them.
func TestUnknownUser(t *testing.T) {
	s := quirky(t, s3test.UnknownUser())
	if _, err := put(s, "x", "one", store.Condition{}); !errors.Is(err, store.ErrDenied) || errors.Is(err, store.ErrNotFound) {
		t.Errorf("write: %v", err)
	}
	_, _, err := s.Open(context.Background(), "x", 0, -1)
	if !errors.Is(err, store.ErrDenied) || errors.Is(err, store.ErrNotFound) {
		t.Errorf("read: %v", err)
	}
}

// TestEndpointOfEnvironment: an endpoint from the environment counts like one in the URL: in
// errors, in hints, and in the name of the store.
func TestEndpointOfEnvironment(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://s3.invalid:9000")
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	s := openStore(t, s3.Options{Bucket: "b", Region: "us-east-1", MaxAttempts: 1})
	_, err := s.Stat(context.Background(), "x")
	if err == nil || !strings.Contains(err.Error(), "http://s3.invalid:9000") || !strings.Contains(err.Error(), "path-style=true") {
		t.Errorf("error: %v", err)
	}
	if !strings.Contains(s.String(), "s3.invalid") {
		t.Errorf("store: %s", s)
	}
	t.Setenv("AWS_ENDPOINT_URL_S3", "ftp://x")
	if _, err := s3.New(context.Background(), s3.Options{Bucket: "b"}); err == nil || !strings.Contains(err.Error(), "ftp://x") {
		t.Errorf("no URL: %v", err)
	}
}

// TestRedirects: an answer that points elsewhere is not a missing bucket, and the error names the
// region in it, if it looks like one.
func TestRedirects(t *testing.T) {
	const permanent = "<Error><Code>PermanentRedirect</Code><Message>use the specified endpoint</Message></Error>"
	const malformed = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'us-east-1' is wrong; expecting 'eu-west-3'</Message></Error>"
	for name, c := range map[string]struct {
		status       int
		header, body string
		want         error
		says         string
	}{
		"301 with a header":       {301, "eu-west-3", permanent, store.ErrMoved, "the bucket is in eu-west-3, asked was us-east-1"},
		"301 without":             {301, "", permanent, store.ErrMoved, "use the specified endpoint"},
		"301 without a body":      {301, "eu-west-3", "", store.ErrMoved, "http 301 MovedPermanently: the bucket is in eu-west-3"},
		"302 of a gateway":        {302, "", "", store.ErrMoved, "http 302 Found"},
		"region in the text":      {400, "", malformed, store.ErrMoved, "the bucket is in eu-west-3"},
		"in double quotes":        {400, "", strings.ReplaceAll(malformed, "'", `"`), store.ErrMoved, "the bucket is in eu-west-3"},
		"a header to be wary of":  {301, "<b>Region", permanent, store.ErrMoved, "use the specified endpoint, asked"},
		"a malformed one without": {400, "", strings.Replace(malformed, "expecting", "not", 1), store.ErrDenied, "AuthorizationHeaderMalformed"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c.header != "" {
				w.Header().Set("x-amz-bucket-region", c.header)
			}
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		}))
		t.Cleanup(server.Close)
		t.Setenv("AWS_ACCESS_KEY_ID", "a")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
		s := openStore(t, s3.Options{Bucket: "b", Region: "us-east-1", Endpoint: server.URL, PathStyle: true, MaxAttempts: 1})
		_, _, err := s.Open(context.Background(), "x", 0, -1)
		if !errors.Is(err, c.want) || errors.Is(err, store.ErrNoStore) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "UnknownError") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
