package s3_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store/s3"
)

// TestProbes: a server that looks at checksums, and others; the time is that of the server, also
// where it denies.
func TestProbes(t *testing.T) {
	t.Parallel()
	then := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		status  int
		refuses bool
		failed  bool
	}{
		"careless": {http.StatusOK, false, false},
		"careful":  {http.StatusBadRequest, true, false},
		"denies":   {http.StatusForbidden, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Date", then.Format(http.TimeFormat))
				w.Header().Set("ETag", `"0"`)
				if r.Method == http.MethodPut && r.Header.Get("x-amz-checksum-crc32c") == "" {
					t.Error("the object has no checksum")
				}
				w.WriteHeader(c.status)
			}))
			defer server.Close()
			o := s3.Options{Bucket: "b", Endpoint: server.URL, PathStyle: true, Region: "us-east-1", MaxAttempts: 1}
			st, err := s3.New(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if refuses, err := st.RefusesDamage(t.Context(), "x"); refuses != c.refuses || (err != nil) != c.failed {
				t.Errorf("refuses damage: %t, %v", refuses, err)
			}
			if now, err := st.ServerTime(t.Context()); err != nil || !now.Equal(then) {
				t.Errorf("the time is %v, %v", now, err)
			}
		})
	}
	st, err := s3.New(t.Context(), s3.Options{Bucket: "b", Endpoint: "http://127.0.0.1:9", PathStyle: true, Region: "us-east-1", NoChecksums: true, MaxAttempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.RefusesDamage(t.Context(), "x"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("without checksums: %v", err)
	}
	if _, err := st.ServerTime(t.Context()); err == nil {
		t.Error("nobody answers, and there is a time")
	}
}
