package cli

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/store/storetest"
)

// TestSavedWithoutLatest: the store accepts the manifest under the exact key, and refuses the one
// under the latest key. The snapshot is stored, and no message may deny that.
func TestSavedWithoutLatest(t *testing.T) {
	j := newTestJob(t)
	g := storetest.Gateway(t)
	g.Setenv(t)
	g.Bucket(t, "bucket")
	target, err := url.Parse(g.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{Rewrite: func(q *httputil.ProxyRequest) {
		q.SetURL(target)
		q.Out.Host = q.In.Host // the Host header is signed
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodPut && path.Base(q.URL.Path) == "latest" {
			http.Error(w, "<Error><Code>AccessDenied</Code></Error>", http.StatusForbidden)
			return
		}
		pass.ServeHTTP(w, q)
	}))
	t.Cleanup(server.Close)
	front := *g
	front.Endpoint = server.URL
	j.env = map[string]string{"GOCACHE_ACTION_STORE": front.URL("bucket", ""), "GOCACHE_ACTION_SUMMARY": j.path("summary.md")}

	j.compile()
	out := j.says("saved in local, but not under every key", "save")
	if !strings.Contains(out, "gocache: warning: ") || !strings.Contains(out, "hint: check the credentials") {
		t.Errorf("save:\n%s", out)
	}
	page, err := os.ReadFile(j.path("summary.md"))
	if err != nil || !strings.Contains(string(page), "to `local`, **but not under every key**") {
		t.Errorf("summary: %v\n%s", err, page)
	}
	j.fresh()
	j.says("snapshot of the same module files", "restore")
}
