package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
)

// TestWrongClock: the clock of the machine is ten minutes behind that of the server, which says so.
// The request is signed again with the server's time, and later requests use that time at once.
func TestWrongClock(t *testing.T) {
	for _, code := range []string{"RequestTimeTooSkewed", "SignatureDoesNotMatch"} {
		for _, signedTime := range []bool{true, false} {
			t.Run(fmt.Sprint(code, " ", signedTime), func(t *testing.T) {
				var refused atomic.Int64
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					now := time.Now().Add(10 * time.Minute).UTC()
					w.Header().Set("Date", now.Format(http.TimeFormat))
					signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
					if err != nil || !signedTime || now.Sub(signed).Abs() > 5*time.Minute {
						refused.Add(1)
						w.WriteHeader(http.StatusForbidden)
						fmt.Fprint(w, xmlError(code, "The difference between the request time and the current time is too large."))
						return
					}
					w.Header().Set("ETag", `"1"`)
					if r.Method == http.MethodGet {
						http.ServeContent(w, r, "", time.Time{}, bytes.NewReader([]byte("one")))
					}
				}))
				t.Cleanup(srv.Close)
				t.Setenv("AWS_ACCESS_KEY_ID", "key")
				t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
				s := openStore(t, s3.Options{Bucket: "bucket", Endpoint: srv.URL, Region: "us-east-1", PathStyle: true})
				got, _, err := store.Get(context.Background(), s, "a", 100)
				if !signedTime { // after all, the keys are the problem
					if n := refused.Load(); !errors.Is(err, store.ErrDenied) || n != 2 {
						t.Errorf("%d requests: %v", n, err)
					}
					return
				}
				if err != nil || string(got) != "one" {
					t.Errorf("read: %q, %v", got, err)
				}
				mustPut(t, s, "b", []byte("two"))
				if n := refused.Load(); n != 1 {
					t.Errorf("%d requests with the wrong time", n)
				}
			})
		}
	}
}
