package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/store/storetest"
)

// A ghRunner acts as GitHub's runner for the phases of a step: it passes inputs and state, and
// reads the files that the phases write.
type ghRunner struct {
	t    *testing.T
	root string
	env  map[string]string
}

func newGHRunner(t *testing.T) *ghRunner {
	r := &ghRunner{t: t, root: t.TempDir()}
	for name, text := range map[string]string{"w/go.mod": "module example.com/m\n\ngo 1.24\n", "w/m.go": "package m\n\nvar X = 1\n", "temp/x": "", "event.json": `{"repository": {"default_branch": "main"}}`} {
		file := r.path(name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{"GOCACHE": r.path("build"), "GOMODCACHE": r.path("mod"), "GOFLAGS": "", "GOWORK": "off", "GOENV": "off", "GOTOOLCHAIN": "local", "AWS_SESSION_TOKEN": "old"} {
		t.Setenv(name, value)
	}
	t.Chdir(r.path("w"))
	r.env = map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "octo/m", "GITHUB_REF": "refs/heads/main", "GITHUB_WORKFLOW": "ci", "GITHUB_JOB": "test",
		"GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": r.path("event.json"), "GITHUB_WORKSPACE": r.path("w"), "RUNNER_TEMP": r.path("temp"),
		"INPUT_STORE": "file://" + filepath.ToSlash(r.path("store")), "INPUT_JOB-STATUS": "success",
	}
	return r
}

func (r *ghRunner) path(name string) string { return filepath.Join(r.root, filepath.FromSlash(name)) }

// build compiles the project after a change.
func (r *ghRunner) build(word string) {
	r.t.Helper()
	if err := os.WriteFile(r.path("w/"+word+".go"), []byte("package m\n\nvar "+word+" = 1\n"), 0o644); err != nil {
		r.t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "./...").CombinedOutput(); err != nil {
		r.t.Fatalf("%v: %s", err, out)
	}
}

// phase runs a phase with additional variables, and demands success and these texts in the log. It
// returns the outputs and the state that the phase has set.
func (r *ghRunner) phase(name string, more map[string]string, texts ...string) map[string]string {
	r.t.Helper()
	env := maps.Clone(r.env)
	maps.Copy(env, more)
	files := map[string]string{"GITHUB_OUTPUT": r.path("output"), "GITHUB_STATE": r.path("statefile")}
	for name, file := range files {
		os.Remove(file)
		env[name] = file
	}
	var out bytes.Buffer
	code := execute(context.Background(), &console{stdout: &out, stderr: &out}, []string{"action", name}, func(name string) string { return env[name] })
	if code != config.ExitOK {
		r.t.Errorf("%s: exit code %d\n%s", name, code, out.String())
	}
	for _, text := range texts {
		if !strings.Contains(out.String(), text) {
			r.t.Errorf("%s does not say %q:\n%s", name, text, out.String())
		}
	}
	got := map[string]string{"log": out.String()}
	for name, file := range files {
		data, _ := os.ReadFile(file)
		lines := strings.Split(string(data), "\n")
		for i := 0; i+1 < len(lines); i++ {
			if key, _, ok := strings.Cut(lines[i], "<<"); ok {
				if name == "GITHUB_STATE" {
					key = "STATE_" + key
				}
				got[key] = strings.TrimSpace(lines[i+1])
			}
		}
	}
	return got
}

// stateOf returns the state that post gets from main.
func stateOf(got map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range got {
		if strings.HasPrefix(k, "STATE_") {
			out[k] = v
		}
	}
	return out
}

// withVar returns the map with an additional variable.
func withVar(m map[string]string, name, value string) map[string]string {
	m = maps.Clone(m)
	if m == nil {
		m = map[string]string{}
	}
	m[name] = value
	return m
}

// TestActionPhases runs main and post of several jobs, one after another.
func TestActionPhases(t *testing.T) {
	r := newGHRunner(t)
	r.phase("post", nil, "saved in refs/heads/main") // main never ran
	first := r.phase("main", nil, "::group::gocache restore", "::endgroup::", "snapshot of the same module files")
	if first["cache-hit"] != "true" || first["cache-matched-key"] != first["cache-primary-key"] || first["matched-scope"] != "refs/heads/main" {
		t.Errorf("outputs %v", first)
	}

	// The action runs twice in one job: each post gets the notes of its own main.
	second := r.phase("main", nil)
	if stateOf(first)["STATE_dir"] == "" || stateOf(first)["STATE_dir"] == stateOf(second)["STATE_dir"] {
		t.Errorf("states %v and %v", stateOf(first), stateOf(second))
	}
	for _, s := range []map[string]string{first, second} {
		for _, file := range []string{"state.json", "restored.json"} {
			if _, err := os.Stat(filepath.Join(s["STATE_dir"], file)); err != nil {
				t.Error(err)
			}
		}
	}
	r.build("A")
	r.phase("post", stateOf(second), "::group::gocache save", "saved in refs/heads/main")
	r.phase("post", stateOf(first), "nothing new to save")

	r.build("B")
	for status, say := range map[string]string{"cancelled": "the job was cancelled: nothing is saved", "failure": "the job failed: nothing is saved, as save-on-failure is false"} {
		began := r.phase("main", map[string]string{"INPUT_SAVE-ON-FAILURE": "false"})
		got := r.phase("post", withVar(stateOf(began), "INPUT_JOB-STATUS", status), say)
		if strings.Contains(got["log"], "::group::") {
			t.Errorf("%s: %s", status, got["log"])
		}
	}
	r.phase("post", withVar(stateOf(r.phase("main", nil)), "INPUT_JOB-STATUS", "failure"), "saved in", "nothing is trimmed: the job failed")
	r.build("C")
	r.phase("post", withVar(stateOf(r.phase("main", nil)), "INPUT_JOB-STATUS", ""), "saved in", "nothing is trimmed")

	// A branch whose first save has nothing new; sub-actions; and a restore that only looks up a
	// snapshot.
	branch := r.phase("restore", map[string]string{"GITHUB_REF": "refs/heads/x"})
	if branch["cache-hit"] != "true" || branch["matched-scope"] != "refs/heads/main" || branch["scope"] != "refs/heads/x" {
		t.Errorf("outputs %v", branch)
	}
	if saved := r.phase("save", map[string]string{"GITHUB_REF": "refs/heads/x"}); saved["saved"] != "false" || saved["saved-bytes"] != "0" {
		t.Errorf("outputs %v", saved)
	}
	if list, _ := filepath.Glob(r.path("temp/gocache-action/state/*.json")); len(list) != 1 {
		t.Errorf("notes of restore for save: %v", list)
	}
	if err := os.RemoveAll(r.path("build")); err != nil {
		t.Fatal(err)
	}
	look := r.phase("restore", map[string]string{"INPUT_LOOKUP-ONLY": "true"})
	if _, err := os.Stat(r.path("build")); look["cache-hit"] != "true" || look["restored-entries"] != "0" || err == nil {
		t.Errorf("lookup only: %v, %v", look, err)
	}
	if err := os.WriteFile(r.path("w/go.mod"), []byte("module example.com/other\n\ngo 1.24\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := r.phase("restore", nil); got["cache-hit"] != "false" || !strings.HasSuffix(got["cache-matched-key"], "/latest") {
		t.Errorf("other module files: %v", got)
	}
	if got := r.phase("restore", map[string]string{"INPUT_NAME": "never saved"}); got["cache-hit"] != "" || got["cache-matched-key"] != "" || got["cache-primary-key"] == "" {
		t.Errorf("a miss: %v", got)
	}
}

// TestActionWithoutStore: main gives one warning, and post prints nothing.
func TestActionWithoutStore(t *testing.T) {
	r := newGHRunner(t)
	r.env["INPUT_STORE"] = ""
	got := r.phase("main", nil, "::warning title=gocache::no store is given")
	if post := r.phase("post", stateOf(got)); post["log"] != "" {
		t.Errorf("post says %q", post["log"])
	}
}

// TestActionWarnsOnce: a problem that occurs in both main and post is annotated only once.
func TestActionWarnsOnce(t *testing.T) {
	r := newGHRunner(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "some")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "thing")
	r.env["INPUT_STORE"] = "s3://bucket?region=us-east-1&endpoint=http://127.0.0.1:1&path-style=true"
	got := r.phase("main", nil, "::warning title=gocache::")
	post := r.phase("post", stateOf(got), "gocache: warning: ")
	if strings.Contains(post["log"], "::warning") {
		t.Errorf("main:\n%s\npost:\n%s", got["log"], post["log"])
	}
}

// TestActionKeys: keys are masked before anything else is printed, and are passed to the SDK
// without the session token of other keys.
func TestActionKeys(t *testing.T) {
	r := newGHRunner(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	got := r.phase("main", map[string]string{"INPUT_ACCESS-KEY-ID": "AKID", "INPUT_SECRET-ACCESS-KEY": "S3CRET%"})
	if !strings.HasPrefix(got["log"], "::add-mask::AKID\n::add-mask::S3CRET%25\n") {
		t.Errorf("log:\n%s", got["log"])
	}
	if os.Getenv("AWS_ACCESS_KEY_ID") != "AKID" || os.Getenv("AWS_SECRET_ACCESS_KEY") != "S3CRET%" || os.Getenv("AWS_SESSION_TOKEN") != "" {
		t.Errorf("environment: %s", os.Environ())
	}
}

// TestActionRole: with a role, main gets a token from the runner and needs no keys, and post uses
// the same session.
func TestActionRole(t *testing.T) {
	r := newGHRunner(t)
	g := storetest.Gateway(t)
	g.Bucket(t, "bucket")
	sts := storetest.NewSTS(t, g)
	sts.Setenv(t)
	runner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("Authorization") != "Bearer of-this-job" || q.URL.Query().Get("audience") != "sts.amazonaws.com" || q.URL.Query().Get("v") != "1" {
			t.Errorf("the runner was asked for %s by %q", q.URL, q.Header.Get("Authorization"))
		}
		json.NewEncoder(w).Encode(map[string]string{"value": sts.Token})
	}))
	t.Cleanup(runner.Close)
	r.env["INPUT_STORE"] = g.URL("bucket", "")
	r.env["INPUT_ROLE-TO-ASSUME"] = sts.Role
	mayAsk := map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": runner.URL + "?v=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-this-job"}

	main := r.phase("main", mayAsk, "no snapshot found", "::add-mask::"+sts.Token)
	r.build("role")
	r.phase("post", withAll(stateOf(main), mayAsk), "saved in refs/heads/main")
	if n := len(sts.Requests()); n != 1 {
		t.Errorf("%d sessions, want one for both phases", n)
	}
	if strings.Count(main["log"], sts.Token) != 1 {
		t.Errorf("the token is in the log:\n%s", main["log"])
	}
	// Without the permission, the job goes on, and the warning names the missing permission.
	r.phase("main", nil, "::warning", "id-token: write")
}

// withAll returns the variables of both maps.
func withAll(a, b map[string]string) map[string]string {
	a = maps.Clone(a)
	maps.Copy(a, b)
	return a
}
