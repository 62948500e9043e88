package cli

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/org/gocache-action/internal/store/s3/s3test"
	"github.com/org/gocache-action/internal/store/storetest"
)

// TestActionPostKeepsWhatMainHad: post works like main even if a composite action gives it other
// inputs or none, and if steps in between change variables.
func TestActionPostKeepsWhatMainHad(t *testing.T) {
	for name, post := range map[string]map[string]string{
		"no inputs":     {"INPUT_STORE": "", "INPUT_NAME": "", "INPUT_READ-ONLY": ""},
		"others":        {"INPUT_STORE": "file:///nowhere", "INPUT_NAME": "other", "GITHUB_REF": "refs/heads/other", "GOCACHE_ACTION_READ_ONLY": "true"},
		"no job status": {"INPUT_JOB-STATUS": "", "INPUT_NAME": ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newGHRunner(t)
			main := r.phase("main", map[string]string{"INPUT_NAME": "lint", "INPUT_SECRET-ACCESS-KEY": "hidden", "INPUT_ACCESS-KEY-ID": "id"})
			file := filepath.Join(main["STATE_dir"], "main.json")
			if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info, err)
			}
			for k, v := range main {
				if k != "log" && strings.Contains(v, "hidden") {
					t.Errorf("%s has the secret", k)
				}
			}
			r.build("A")
			for _, k := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "GOCACHE"} {
				t.Setenv(k, "of another step")
			}
			t.Chdir(r.root)
			texts := []string{"lint/", "saved in refs/heads/main", "changed since the restore", "the input name", "$AWS_ACCESS_KEY_ID"}
			if name == "no job status" {
				texts = append(texts, "nothing is trimmed")
			}
			r.phase("post", withAll(stateOf(main), post), texts...)
			if _, err := os.Stat(file); err == nil {
				t.Error("post has not removed the file with the keys")
			}
			if got := os.Getenv("AWS_SECRET_ACCESS_KEY"); got != "hidden" {
				t.Errorf("post used the key %q", got)
			}
		})
	}
}

// TestActionPostStaysReadOnly: an input of main still holds in post, even if post gets its store
// from elsewhere.
func TestActionPostStaysReadOnly(t *testing.T) {
	r := newGHRunner(t)
	r.env["GOCACHE_ACTION_STORE"] = r.env["INPUT_STORE"]
	main := r.phase("main", map[string]string{"INPUT_READ-ONLY": "true"})
	r.build("A")
	r.phase("post", withAll(stateOf(main), map[string]string{"INPUT_READ-ONLY": "", "INPUT_STORE": ""}), "read-only, nothing is saved")
}

// TestActionPostDamagedNotes: without the notes of main, post does not know whether it may save,
// and under which name. So it saves nothing, and says so.
func TestActionPostDamagedNotes(t *testing.T) {
	write := func(text string) func(*testing.T, *ghRunner, string) error {
		return func(_ *testing.T, _ *ghRunner, file string) error { return os.WriteFile(file, []byte(text), 0o600) }
	}
	for name, c := range map[string]struct {
		damage func(t *testing.T, r *ghRunner, file string) error
		text   string
	}{
		"cut off":    {write(`{"dir": 1`), "is not what main wrote"},
		"empty":      {write(""), "is not what main wrote"},
		"other JSON": {write("{}"), "is not what main wrote"},
		"missing":    {func(_ *testing.T, _ *ghRunner, file string) error { return os.Remove(file) }, "main.json"},
		"unreadable": {func(_ *testing.T, _ *ghRunner, file string) error {
			return errors.Join(os.Remove(file), os.Mkdir(file, 0o755))
		}, "main.json"},
		"without its directory": {func(_ *testing.T, _ *ghRunner, file string) error { return os.RemoveAll(filepath.Dir(file)) }, "main.json"},
		"project gone": {func(t *testing.T, r *ghRunner, _ string) error {
			t.Chdir(r.root)
			return os.Rename(r.path("w"), r.path("moved"))
		}, "what main had"},
	} {
		for _, readOnly := range []string{"", "true"} {
			t.Run(name+" "+readOnly, func(t *testing.T) {
				r := newGHRunner(t)
				main := r.phase("main", map[string]string{"INPUT_READ-ONLY": readOnly})
				r.build("A")
				if err := c.damage(t, r, filepath.Join(main["STATE_dir"], "main.json")); err != nil {
					t.Fatal(err)
				}
				r.phase("post", stateOf(main), "::warning", "nothing is saved", c.text)
				if files := filesBelow(t, r.path("store")); len(files) != 0 {
					t.Errorf("%d files in the store", len(files))
				}
			})
		}
	}
}

// TestActionPostWithoutDirectory: if main could not make a directory for its notes, post does not
// treat that as if main had never run.
func TestActionPostWithoutDirectory(t *testing.T) {
	r := newGHRunner(t)
	main := r.phase("main", map[string]string{"INPUT_READ-ONLY": "true", "RUNNER_TEMP": r.path("event.json")}, "the job will save nothing")
	r.build("A")
	r.phase("post", stateOf(main), "::warning", "nothing is saved")
	if files := filesBelow(t, r.path("store")); len(files) != 0 {
		t.Errorf("%d files in the store", len(files))
	}
}

// TestActionPostExpired: the credentials of main have expired when post runs, and the job has new
// ones by then.
func TestActionPostExpired(t *testing.T) {
	r := newGHRunner(t)
	g := storetest.Gateway(t)
	g.Bucket(t, "bucket")
	g.Setenv(t)
	front := s3test.NewFront(t, g) // accepts any signature
	target, err := url.Parse(front.URL)
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{Rewrite: func(q *httputil.ProxyRequest) { q.SetURL(target) }}
	var over atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if over.Load() && strings.Contains(q.Header.Get("Authorization"), "Credential=first/") {
			io.Copy(io.Discard, q.Body)
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>")
			return
		}
		pass.ServeHTTP(w, q)
	}))
	t.Cleanup(server.Close)
	r.env["INPUT_STORE"] = "s3://bucket?path-style=true&region=us-east-1&endpoint=" + server.URL

	t.Setenv("AWS_ACCESS_KEY_ID", "first")
	main := r.phase("main", nil, "no snapshot found")
	r.build("A")
	over.Store(true)
	r.phase("post", stateOf(main), "have expired", "not saved")

	over.Store(false)
	main = r.phase("main", nil, "no snapshot found")
	over.Store(true)
	t.Setenv("AWS_ACCESS_KEY_ID", "second")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "of the second")
	r.phase("post", stateOf(main), "those that the job has now are used", "saved in refs/heads/main", "::add-mask::of the second")
}

// TestActionPostWithoutGo: a step in between has removed the go command that main used, and has
// installed another one.
func TestActionPostWithoutGo(t *testing.T) {
	r := newGHRunner(t)
	program, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	if program, err = filepath.EvalSymlinks(program); err != nil {
		t.Fatal(err)
	}
	path := os.Getenv("PATH")
	old := r.path("old")
	if err := os.Mkdir(old, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(old, filepath.Base(program))); err != nil {
		t.Skip("cannot make symbolic links:", err)
	}
	t.Setenv("PATH", old)
	main := r.phase("main", nil, "no snapshot found")
	t.Setenv("PATH", path)
	r.build("A")
	if err := os.RemoveAll(old); err != nil {
		t.Fatal(err)
	}
	r.phase("post", stateOf(main), "the go of the restore is gone", "saved in refs/heads/main")
}
