package access

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"net/http"
	"testing"
)

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// TestCheck: who may read what.
func TestCheck(t *testing.T) {
	rules, err := New([]Reader{
		{Name: "ci", SHA256: hash("ci-token"), Patterns: "corp.example.com/*"},
		{Name: "team", SHA256: hash("team-token"), Patterns: "corp.example.com/team,other.example.com"},
		{Name: "laptop", Certificate: "laptop.example.com", Patterns: "corp.example.com/laptop"},
	})
	if err != nil {
		t.Fatal(err)
	}
	bearer := func(token string) *http.Request {
		r, _ := http.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "bearer "+token)
		return r
	}
	basic, _ := http.NewRequest("GET", "/", nil)
	basic.SetBasicAuth("anybody", "team-token")
	certificate, _ := http.NewRequest("GET", "/", nil)
	cert := &x509.Certificate{Subject: pkix.Name{CommonName: "x"}, DNSNames: []string{"laptop.example.com"}}
	certificate.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}, VerifiedChains: [][]*x509.Certificate{{cert}}}
	unverified, _ := http.NewRequest("GET", "/", nil)
	unverified.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}}
	nobody, _ := http.NewRequest("GET", "/", nil)
	for _, c := range []struct {
		name string
		req  *http.Request
		path string
		want Verdict
	}{
		{"bearer", bearer("ci-token"), "corp.example.com/a/b", Allowed},
		{"bearer, elsewhere", bearer("ci-token"), "other.example.com/a", Denied},
		{"basic", basic, "corp.example.com/team/x", Allowed},
		{"basic, elsewhere", basic, "corp.example.com/secret", Denied},
		{"certificate", certificate, "corp.example.com/laptop", Allowed},
		{"certificate, elsewhere", certificate, "corp.example.com/team", Denied},
		{"certificate that was not verified", unverified, "corp.example.com/laptop", Unknown},
		{"wrong token", bearer("x"), "corp.example.com/a", Unknown},
		{"empty token", bearer(""), "corp.example.com/a", Unknown},
		{"the hash itself", bearer(hash("ci-token")), "corp.example.com/a", Unknown},
		{"nobody", nobody, "corp.example.com/a", Unknown},
	} {
		if got, _ := rules.Check(c.req, c.path); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	open, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := open.Check(nobody, "x"); got != Allowed {
		t.Errorf("without readers: %v", got)
	}
}

// TestNew: readers that make no sense.
func TestNew(t *testing.T) {
	for name, list := range map[string][]Reader{
		"no name":       {{SHA256: hash("a"), Patterns: "*"}},
		"no secret":     {{Name: "a", Patterns: "*"}},
		"two secrets":   {{Name: "a", SHA256: hash("a"), Certificate: "x", Patterns: "*"}},
		"no patterns":   {{Name: "a", SHA256: hash("a")}},
		"not a hash":    {{Name: "a", SHA256: "secret", Patterns: "*"}},
		"a token twice": {{Name: "a", SHA256: hash("a"), Patterns: "*"}, {Name: "b", SHA256: hash("a"), Patterns: "*"}},
	} {
		if _, err := New(list); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
