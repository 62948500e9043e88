package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
)

// answering returns a store whose server gives the same answer to every request.
func answering(t *testing.T, status int, contentType, body string) *s3.Store {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			fmt.Fprint(w, body)
		}
	}))
	t.Cleanup(srv.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	return openStore(t, s3.Options{Bucket: "bucket", Endpoint: srv.URL, Region: "us-east-1", PathStyle: true})
}

func xmlError(code, message string) string {
	return fmt.Sprintf("<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
}

// TestDenials: what servers answer to wrong keys, in whatever words, is a denial, and the request
// is not repeated.
func TestDenials(t *testing.T) {
	for _, c := range []struct {
		server, code, message string
		status                int
	}{
		{"Amazon", "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403},
		{"Amazon", "SignatureDoesNotMatch", "The request signature we calculated does not match", 403},
		{"Amazon", "AccessDenied", "Access Denied", 403},
		{"Amazon", "AllAccessDisabled", "All access to this object has been disabled", 403},
		{"Amazon", "InvalidToken", "The provided token is malformed or otherwise invalid.", 400},
		{"Amazon", "AuthorizationHeaderMalformed", "The authorization header is malformed; the Credential is mal-formed", 400},
		{"MinIO", "InvalidAccessKeyId", "The Access Key Id you provided does not exist in our records.", 403},
		{"MinIO", "XMinioInvalidIAMCredentials", "no", 403},
		{"MinIO", "AuthorizationHeaderMalformed", "The authorization header is malformed; the region is wrong", 400},
		{"Ceph", "InvalidAccessKeyId", "UnknownError", 403},
		{"Ceph", "SignatureDoesNotMatch", "UnknownError", 403},
		{"Ceph", "UserSuspended", "", 403},
		{"Ceph", "AccessDenied", "UnknownError", 403},
		{"rclone, gofakes3", "AccessDenied", "Access Denied.", 403},
		{"rclone, gofakes3", "InvalidAccessKeyID", "", 400},
		{"rclone, gofakes3", "SignatureDoesNotMatch", "", 400},
		{"versitygw", "XAdminUserNotFound", "User not found", 404},
		{"moto", "InvalidClientTokenId", "The security token included in the request is invalid.", 403},
		{"moto", "AuthFailure", "no", 401},
		{"s3rver", "InvalidAccessKeyId", "no", 403},
		{"Garage", "AccessDenied", "Forbidden: No such key: GK0", 403},
		{"R2", "InvalidArgument", "Credential access key has length 20, should be 32", 400},
		{"R2", "Unauthorized", "Unauthorized", 401},
		{"B2", "UnauthorizedAccess", "no", 401},
		{"Google", "InvalidSecurity", "The provided security credentials are not valid.", 403},
		{"Google", "MalformedSecurityHeader", "Your request has a malformed header.", 400},
		{"Alibaba", "SecurityTokenExpired", "The security token you provided has expired.", 403},
		{"Oracle", "NotAuthenticated", "The required information to complete authentication was not provided.", 401},
		{"a proxy that turns denials into failures", "InvalidAccessKeyId", "no", 500},
	} {
		t.Run(c.server+" "+c.code, func(t *testing.T) {
			s := answering(t, c.status, "application/xml", xmlError(c.code, c.message))
			denied(t, s, c.status < 404)
		})
	}
	for name, c := range map[string]struct{ contentType, body string }{
		"nothing": {"", ""}, "text": {"text/plain", "Forbidden"}, "a page": {"text/html", "<html><body>Forbidden<br></body></html>"}, "xml of others": {"application/xml", "<Fault/>"},
		"half a document": {"application/xml", "<Error><Code>Acc"},
	} {
		for _, status := range []int{401, 403} {
			t.Run(fmt.Sprint(status, " with ", name), func(t *testing.T) { denied(t, answering(t, status, c.contentType, c.body), true) })
		}
	}
}

// TestReasons: where the server says what is wrong with the credentials, the error is that, and a
// denial all the same.
func TestReasons(t *testing.T) {
	all := []error{s3.ErrUnknownKey, s3.ErrWrongSecret, s3.ErrExpired, s3.ErrClock}
	for code, want := range map[string]error{
		"InvalidAccessKeyId": s3.ErrUnknownKey, "InvalidAccessKeyID": s3.ErrUnknownKey, "SignatureDoesNotMatch": s3.ErrWrongSecret,
		"ExpiredToken": s3.ErrExpired, "RequestTimeTooSkewed": s3.ErrClock, "AccessDenied": nil,
	} {
		_, _, err := answering(t, 403, "application/xml", xmlError(code, "no")).Open(t.Context(), "v1/x", 0, -1)
		if !errors.Is(err, store.ErrDenied) {
			t.Errorf("%s is not a denial: %v", code, err)
		}
		for _, reason := range all {
			if errors.Is(err, reason) != (reason == want) {
				t.Errorf("%s: %v: %q is %t", code, err, reason, reason != want)
			}
		}
	}
}

// denied tries every operation that jobs use. The answer to a HEAD has no code, so only its status,
// if anything, tells what it means.
func denied(t *testing.T, s *s3.Store, head bool) {
	t.Helper()
	ctx := context.Background()
	check := func(what string, err error) {
		t.Helper()
		switch {
		case !errors.Is(err, store.ErrDenied):
			t.Errorf("%s is not a denial: %v", what, err)
		case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrUnreachable), errors.Is(err, store.ErrConflict):
			t.Errorf("%s is more than a denial: %v", what, err)
		case strings.Contains(err.Error(), "UnknownError"), strings.Count(err.Error(), "v1/x") > 1:
			t.Errorf("%s: %v", what, err)
		}
	}
	_, _, err := s.Open(ctx, "v1/x", 0, -1)
	check("open", err)
	_, _, err = s.Open(ctx, "v1/x", 5, 10)
	check("open range", err)
	for _, cond := range []store.Condition{{}, {IfAbsent: true}, {IfMatch: "v"}} {
		_, err = s.Put(ctx, "v1/x", bytes.NewReader([]byte("x")), 1, cond)
		check(fmt.Sprintf("put %+v", cond), err)
	}
	large := make([]byte, 9<<20)
	_, err = s.Put(ctx, "v1/x", bytes.NewReader(large), int64(len(large)), store.Condition{})
	check("put in parts", err)
	check("remove", s.Delete(ctx, []string{"v1/x"})["v1/x"])
	requests := int64(7)
	if head {
		_, err = s.Stat(ctx, "v1/x")
		check("stat", err)
		requests += 2
	}
	if n := total(s); n > requests {
		t.Errorf("%d requests: %v", n, s.Requests())
	}
}
