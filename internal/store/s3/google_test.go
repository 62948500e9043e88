package s3

import (
	"context"
	"net/http"
	"strings"
	"testing"
)

// captured is a transport that keeps the last request.
type captured struct{ last *http.Request }

func (c *captured) RoundTrip(r *http.Request) (*http.Response, error) {
	c.last = r
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// TestGoogleSignature: headers that Google's front end changes are not signed there, and nothing
// else changes for other servers.
func TestGoogleSignature(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	for endpoint, signed := range map[string]bool{
		"https://storage.googleapis.com": false, "https://europe-west3.storage.googleapis.com:443": false,
		"https://storage.googleapis.com.example.com": true, "https://s3.example.com": true, "": true,
	} {
		s, err := New(context.Background(), Options{Bucket: "b", Endpoint: endpoint, PathStyle: true, Region: "auto"})
		if err != nil {
			t.Fatal(err)
		}
		wire := new(captured)
		s.api.client.Options().HTTPClient.(*http.Client).Transport = wire
		if _, err := s.Stat(context.Background(), "x"); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(wire.last.Header.Get("Authorization"), "accept-encoding"); got != signed {
			t.Errorf("%s: Accept-Encoding is signed: %v", endpoint, got)
		}
	}
}
