package s3_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
)

// TestForeignRefusals: if the answer to a batch names an object that was not in it, the outcome of
// the whole batch is unknown, and nothing else is removed because of it.
func TestForeignRefusals(t *testing.T) {
	for _, prefix := range []string{"", "prefix"} {
		for what, key := range map[string]string{
			"no key": "", "an empty key": "<Key></Key>", "another prefix": "<Key>other/a</Key>", "the prefix": "<Key>prefix/</Key>", "another object": "<Key>prefix/c</Key>",
			"a bad name": "<Key>prefix/../a</Key>",
		} {
			for _, code := range []string{"InternalError", "SlowDown", "AccessDenied", "NoSuchKey"} {
				t.Run(fmt.Sprint(prefix, " ", what, " ", code), func(t *testing.T) {
					var mu sync.Mutex
					var others []string
					srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if r.Method == http.MethodPost && r.URL.Query().Has("delete") {
							fmt.Fprintf(w, "<DeleteResult><Error>%s<Code>%s</Code><Message>no</Message></Error></DeleteResult>", key, code)
							return
						}
						mu.Lock()
						others = append(others, r.Method+" "+r.URL.Path)
						mu.Unlock()
					}))
					t.Cleanup(srv.Close)
					t.Setenv("AWS_ACCESS_KEY_ID", "key")
					t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
					s := openStore(t, s3.Options{Bucket: "bucket", Prefix: prefix, Endpoint: srv.URL, Region: "us-east-1", PathStyle: true})
					failed := s.Delete(context.Background(), []string{"a", "b"})
					for _, name := range []string{"a", "b"} {
						if err := failed[name]; err == nil || !strings.Contains(err.Error(), code) || errors.Is(err, store.ErrDenied) != (code == "AccessDenied") || errors.Is(err, store.ErrNotFound) {
							t.Errorf("%s: %v", name, err)
						}
					}
					if len(failed) != 2 || len(others) != 0 {
						t.Errorf("%v, and further requests %q", failed, others)
					}
				})
			}
		}
	}
}
