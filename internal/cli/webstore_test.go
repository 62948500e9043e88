package cli

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/config"
)

// TestWebStore: main saves to a directory, and a fork restores from a file server for that
// directory, without credentials.
func TestWebStore(t *testing.T) {
	j := newTestJob(t)
	root := j.path("store")
	who := []string{"--repo", "github.com/acme/shop", "--default-scope", "refs/heads/main"}
	main := append([]string{"--store", "file://" + root, "--scope", "refs/heads/main"}, who...)
	own := j.compile()
	j.says("saved in refs/heads/main", append([]string{"save", "--fail-on-error"}, main...)...)
	before := filesBelow(t, root)

	server := httptest.NewServer(http.StripPrefix("/cache", http.FileServer(http.Dir(root))))
	defer server.Close()
	fork := append([]string{"--store", server.URL + "/cache", "--scope", "refs/pull/7/merge", "--base-scope", "refs/heads/main"}, who...)
	j.fresh()
	if err := os.Rename(root, root+"-kept"); err != nil {
		t.Fatal(err)
	}
	j.says("no snapshot found", append([]string{"restore", "--fail-on-error"}, fork...)...)
	if err := os.Rename(root+"-kept", root); err != nil {
		t.Fatal(err)
	}
	out := j.says("snapshot of the same module files in refs/heads/main", append([]string{"restore", "--fail-on-error"}, fork...)...)
	if !j.has(own) || strings.Contains(out, "warning") {
		t.Errorf("nothing restored, or not silent:\n%s", out)
	}

	// In front of a bucket that nobody may list, 403 is also the answer for objects that do not
	// exist. It is a miss once any object could be read, and otherwise a denial.
	secretive := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w2 := httptest.NewRecorder()
		server.Config.Handler.ServeHTTP(w2, r)
		if w2.Code == http.StatusNotFound {
			w2 = httptest.NewRecorder()
			w2.WriteHeader(http.StatusForbidden)
		}
		for k, v := range w2.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(w2.Code)
		w.Write(w2.Body.Bytes())
	}))
	defer secretive.Close()
	j.fresh()
	args := append([]string{"restore"}, fork...)
	args[2] = secretive.URL + "/cache"
	out = j.says("snapshot of the same module files in refs/heads/main", append(args, "--fail-on-error")...)
	if !j.has(own) || strings.Count(out, "answers 403 for objects that do not exist") > 1 {
		t.Errorf("nothing restored, or the message is printed twice:\n%s", out)
	}
	args[2] = secretive.URL + "/elsewhere"
	j.says("(read v2/repos/", args...)
	if code, out := j.run(append(args, "--fail-on-miss")...); code == config.ExitMiss || !strings.Contains(out, "access denied: http 403") {
		t.Errorf("exit code %d for a denial:\n%s", code, out)
	}
	signed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, server.URL+r.URL.Path+"?X-Amz-Signature=sesame", http.StatusFound)
	}))
	defer signed.Close()
	j.fresh()
	args[2] = signed.URL + "/cache"
	out = j.says("debug: GET "+server.URL+"/cache/v2/", append(args, "--debug", "--fail-on-error")...)
	if !j.has(own) || strings.Contains(out, "sesame") {
		t.Errorf("nothing restored, or a signature in the log:\n%s", out)
	}
	j.compile()
	j.says("warning: "+server.URL+"/cache: store is read-only", append([]string{"save"}, fork...)...)
	if code, _ := j.run(append([]string{"save", "--fail-on-error"}, fork...)...); code != config.ExitFailed {
		t.Errorf("save with --fail-on-error: exit code %d", code)
	}
	j.says("a save would do nothing", append([]string{"plan"}, fork...)...)
	if list := changed(before, filesBelow(t, root)); len(list) > 0 {
		t.Errorf("changed: %q", list)
	}

	for args, want := range map[string]struct {
		code int
		text string
	}{
		"gc --store " + server.URL:                              {config.ExitFailed, "store is read-only"},
		"gc --store " + server.URL + " --dry-run":               {config.ExitFailed, "store is read-only"},
		"restore --store http://cache.example.com/x":            {config.ExitUsage, "?insecure=true"},
		"restore --store https://user:sesame@cache.example.com": {config.ExitUsage, "credentials do not belong in the URL"},
		"restore --store https://cache.example.com/?t=sesame":   {config.ExitUsage, "no parameter"},
		"restore --store https://cache.example.com/?sse=AES256": {config.ExitUsage, "no parameter"},
	} {
		var b bytes.Buffer
		code := execute(context.Background(), &console{stdout: &b, stderr: &b}, strings.Fields(args), j.lookup)
		if code != want.code || !strings.Contains(b.String(), want.text) || strings.Contains(b.String(), "sesame") {
			t.Errorf("%s: exit code %d in\n%s", args, code, &b)
		}
	}
}
