package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/config"
)

// hook is a webhook that remembers what it was told.
type hook struct {
	bodies []string
	status int
}

func newHook(t *testing.T) (*hook, string) {
	h := &hook{status: http.StatusOK}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.bodies = append(h.bodies, string(body))
		w.WriteHeader(h.status)
	}))
	t.Cleanup(server.Close)
	return h, server.URL + "/services/sesame-opens"
}

// health runs the command, and returns what it prints with --json.
func (j *testJob) health(want int, args ...string) (out healthOutput) {
	j.t.Helper()
	code, text := j.run(append([]string{"health", "--json", "--repo", "r", "--scope", "main"}, args...)...)
	begin := strings.Index(text, "{\n")
	if code != want || begin < 0 {
		j.t.Fatalf("exit code %d, want %d\n%s", code, want, text)
	}
	if strings.Contains(text, "sesame") {
		j.t.Errorf("the secret is printed:\n%s", text)
	}
	if err := json.NewDecoder(strings.NewReader(text[begin:])).Decode(&out); err != nil {
		j.t.Fatalf("%v\n%s", err, text)
	}
	return out
}

// TestHealthJob: without saves nothing is known, and that is no failure; then there is a score, of
// which a bound that is far too small takes a part.
func TestHealthJob(t *testing.T) {
	j := newTestJob(t)
	if out := j.health(config.ExitOK, "--fail-below", "100"); out.Grade != "unknown" || out.Key != "" || len(out.Parts) != 1 {
		t.Errorf("%+v", out)
	}
	j.compile()
	j.says("", "restore", "--repo", "r", "--scope", "main")
	j.says("", "save", "--repo", "r", "--scope", "main")
	out := j.health(config.ExitOK, "--fail-below", "90")
	if out.Grade != "healthy" || out.Saves != 1 || out.Found != "main" || !strings.HasPrefix(out.Key, "default/") {
		t.Errorf("%+v", out)
	}
	j.health(config.ExitFailed, "--max-size", "1", "--fail-below", "80")
	if code, text := j.run("health", "--repo", "r", "--scope", "main", "--max-size", "build=1"); code != config.ExitOK || !strings.Contains(text, "warning: 75 of 100") ||
		!strings.Contains(text, "size allows no better score\n") || !strings.Contains(text, "fail  size") || !strings.Contains(text, "-> raise --max-size") {
		t.Errorf("%d\n%s", code, text)
	}
	j.write("health.yaml", "parts:\n  size: {weight: 0}\n")
	if out := j.health(config.ExitOK, "--max-size", "1", "--config", j.path("health.yaml")); out.Grade != "healthy" {
		t.Errorf("%+v", out)
	}
	j.write("health.yaml", "private: corp.example.com\n")
	j.write("bad.tmpl", `{"text": {{.Nothing}}}`)
	for _, args := range [][]string{
		{"--config", j.path("health.yaml")}, {"--fail-below", "101"}, {"--webhook", "https://h/x"}, {"--webhook-template", "x"}, {}, {"--webhook-template", j.path("bad.tmpl")},
	} {
		switch {
		case len(args) == 0:
			j.env["GOCACHE_ACTION_WEBHOOK"] = "hooks.example.com/x"
		case args[len(args)-1] == j.path("bad.tmpl"):
			j.env["GOCACHE_ACTION_WEBHOOK"] = "https://h/x"
		}
		if code, text := j.run(append([]string{"health"}, args...)...); code != config.ExitUsage {
			t.Errorf("%q: %d\n%s", args, code, text)
		}
	}
}

// TestHealthWebhook: it is told of a change of grade and of nothing else, whichever machine runs
// the command: the store keeps the grade.
func TestHealthWebhook(t *testing.T) {
	h, url := newHook(t)
	j := newTestJob(t)
	j.compile()
	store := "file://" + filepath.ToSlash(j.path("store"))
	j.env["GOCACHE_ACTION_STORE"] = store
	j.says("", "restore", "--repo", "r", "--scope", "main")
	j.says("", "save", "--repo", "r", "--scope", "main")
	j.env["GOCACHE_ACTION_WEBHOOK"] = url
	ask := func(told int, before, grade string, args ...string) {
		t.Helper()
		j.fresh()
		out := j.health(config.ExitOK, append(args, "--debug")...)
		if string(out.Before) != before || string(out.Grade) != grade || len(h.bodies) != told {
			t.Errorf("before %q, now %s, told %d times, want %q, %s, %d", out.Before, out.Grade, len(h.bodies), before, grade, told)
		}
	}
	ask(0, "", "healthy")
	ask(0, "healthy", "healthy")
	ask(1, "healthy", "warning", "--max-size", "1")
	ask(1, "warning", "warning", "--max-size", "1")
	ask(2, "warning", "healthy")
	if !strings.Contains(h.bodies[0], `"repository":"r"`) || !strings.Contains(h.bodies[0], `"grade":"warning"`) || !strings.Contains(h.bodies[1], `"before":"warning"`) {
		t.Errorf("%q", h.bodies)
	}
	// who cannot be told is told by the next run
	h.status = http.StatusForbidden
	j.health(config.ExitFailed, "--max-size", "1")
	h.status = http.StatusOK
	j.write("hook.tmpl", `{"text": {{json .Grade}}}`)
	ask(4, "healthy", "warning", "--max-size", "1", "--webhook-template", j.path("hook.tmpl"))
	if h.bodies[3] != `{"text": "warning"}` {
		t.Errorf("%q", h.bodies)
	}
	// a store that nobody may write, and a file of the user instead
	out := j.health(config.ExitOK, "--grade-file", j.path("grade.json"))
	if data, err := os.ReadFile(j.path("grade.json")); err != nil || !strings.Contains(string(data), `"healthy"`) || out.Before != "" || len(h.bodies) != 4 {
		t.Errorf("%v, %s, %+v", err, data, out)
	}
	// snapshots that are gone
	if err := os.RemoveAll(j.path("store/v2/repos/r/main/snapshots")); err != nil {
		t.Fatal(err)
	}
	ask(5, "warning", "unhealthy")
	ask(5, "unhealthy", "unhealthy")
	if !strings.Contains(h.bodies[4], "no snapshot any more") {
		t.Errorf("%q", h.bodies[4])
	}
}

// TestHealthOutage: a store that does not answer is the worst there is; the webhook is told of it
// before the command fails, then of the recovery, and of the next outage as well. People read once
// why, and what to do, however little they want to be told.
func TestHealthOutage(t *testing.T) {
	h, url := newHook(t)
	j := newTestJob(t)
	j.env["GOCACHE_ACTION_STORE"], j.env["GOCACHE_ACTION_WEBHOOK"] = j.path("store"), url
	j.write("store", "a file where a directory should be\n")
	out := j.health(config.ExitFailed)
	if out.Grade != "unhealthy" || out.Score != 0 || !out.Told || len(h.bodies) != 1 || out.Error != "" || len(out.Parts) != 1 || out.Parts[0].Check != "store" {
		t.Errorf("%+v, %q", out, h.bodies)
	}
	if remedy := out.Parts[0].Remedy.Advice; strings.Contains(remedy, "region of the runners") {
		t.Errorf("a file in the place of a store is no matter of the network: %q", remedy)
	}
	j.health(config.ExitFailed)
	if len(h.bodies) != 1 {
		t.Errorf("told again: %q", h.bodies)
	}
	why, hint := out.Parts[0].Evidence, out.Parts[0].Remedy.Advice
	j.write("unjudged.yaml", "parts:\n  store: {weight: 0}\n")
	for _, args := range [][]string{{}, {"--json"}, {"--quiet"}, {"--quiet", "--json"}, {"--config", j.path("unjudged.yaml")}} {
		code, text := j.run(append([]string{"health", "--repo", "r", "--scope", "main"}, args...)...)
		text = strings.ReplaceAll(text, `\\`, `\`) // of JSON on Windows
		if code != config.ExitFailed || hint == "" || strings.Count(text, why) != 1 || strings.Count(text, hint) != 1 {
			t.Errorf("%q: %d\n%s", args, code, text)
		}
	}
	if err := os.Remove(j.path("store")); err != nil {
		t.Fatal(err)
	}
	j.compile()
	j.says("", "save", "--repo", "r", "--scope", "main")
	if out := j.health(config.ExitOK); out.Before != "unhealthy" || out.Grade != "healthy" || len(h.bodies) != 2 {
		t.Errorf("recovery: %+v, %q", out, h.bodies)
	}
	if err := os.RemoveAll(j.path("store")); err != nil {
		t.Fatal(err)
	}
	j.write("store", "again\n")
	if out := j.health(config.ExitFailed); !out.Told || len(h.bodies) != 3 {
		t.Errorf("the next outage: %+v, %q", out, h.bodies)
	}
}
