package cli

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"
)

// TestUnknownAuthority: for a server whose certificate comes from its own authority, the hint says
// where to name that authority, and following the hint helps.
func TestUnknownAuthority(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("macOS refuses the certificate of net/http/httptest because of its long validity, before it checks the authority")
	}
	j := newTestJob(t)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		w.Write([]byte("<Error><Code>NoSuchKey</Code></Error>"))
	}))
	defer server.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_CA_BUNDLE", "")
	for _, store := range []string{"s3://bucket?path-style=true&region=us-east-1&endpoint=" + url.QueryEscape(server.URL), server.URL + "/x"} {
		out := j.says("certificate", "restore", "--store", store)
		if !strings.Contains(out, "unknown authority") || !strings.Contains(out, "hint: ") || !strings.Contains(out, "AWS_CA_BUNDLE") {
			t.Errorf("no hint:\n%s", out)
		}
	}
	bundle := j.path("ca.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, cert, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	j.says("no snapshot found", "restore", "--fail-on-error", "--store", "s3://bucket?path-style=true&region=us-east-1&endpoint="+url.QueryEscape(server.URL))
}

// TestAuthorityHint: the hint does not name variables that programs on this operating system do not
// read.
func TestAuthorityHint(t *testing.T) {
	for goos, file := range map[string]bool{"linux": true, "freebsd": true, "darwin": false, "windows": false} {
		hint := authorityHint(goos)
		if strings.Contains(hint, "SSL_CERT_FILE") != file || strings.Contains(hint, "certificates of the system") == file || !strings.Contains(hint, "AWS_CA_BUNDLE") {
			t.Errorf("%s: %s", goos, hint)
		}
	}
}
