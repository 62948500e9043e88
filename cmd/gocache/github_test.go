package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// githubEnv returns the environment of a job that an event of testdata started.
func githubEnv(t *testing.T, event, payload string, more ...string) lookupEnv {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/github-events.txtar")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "octo/project",
		"GITHUB_WORKFLOW": "ci", "GITHUB_JOB": "test", "GITHUB_EVENT_NAME": event, "GITHUB_WORKSPACE": filepath.FromSlash("/w/project"),
	}
	for _, f := range archive.Files {
		if f.Name == payload+".json" {
			env["GITHUB_EVENT_PATH"] = filepath.Join(t.TempDir(), f.Name)
			if err := os.WriteFile(env["GITHUB_EVENT_PATH"], f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if payload != "" && env["GITHUB_EVENT_PATH"] == "" {
		t.Fatalf("no payload %s", payload)
	}
	for _, kv := range more {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

// githubEvents are the events that start workflows, with what the runner says about each.
var githubEvents = []struct {
	event, payload, ref, baseRef string
	base                         string // scope
	readOnly                     string // part of the reason; "" for those that write
}{
	{"push", "push", mainRef, "", "", ""},
	{"push", "push_tag", "refs/tags/v1.2.0", "", "", ""},
	{"release", "release", "refs/tags/v1.2.0", "", "", ""},
	{"schedule", "schedule", mainRef, "", "", ""},
	{"workflow_dispatch", "workflow_dispatch", "refs/heads/feature", "", "", ""},
	{"pull_request", "pull_request", ownPR, "release", releaseRef, ""},
	{"pull_request", "pull_request_closed", mainRef, "main", mainRef, ""}, // merged
	{"pull_request", "pull_request_fork", "refs/pull/8/merge", "main", mainRef, "fork, mallory/project"},
	{"pull_request", "pull_request_deleted_fork", "refs/pull/8/merge", "main", mainRef, "deleted"},
	{"pull_request", "broken", "refs/pull/8/merge", "main", mainRef, "does not say"},
	{"pull_request", "", "refs/pull/8/merge", "main", mainRef, "does not say"},
	{"pull_request_review", "pull_request_fork", "refs/pull/8/merge", "", "", "fork, mallory/project"},
	{"pull_request_review", "pull_request", ownPR, "", "", ""},
	{"pull_request_target", "pull_request_fork", mainRef, "main", mainRef, "pull_request_target"},
	{"pull_request_target", "pull_request", releaseRef, "release", releaseRef, "pull_request_target"},
	{"merge_group", "merge_group", "refs/heads/gh-readonly-queue/main/pr-7-f95f852", "", mainRef, "merge queue"},
	{"workflow_run", "workflow_run_main", mainRef, "", "", ""},
	{"workflow_run", "workflow_run_fork", mainRef, "", "", "fork, mallory/project"},
	{"workflow_run", "workflow_run_pull_request", mainRef, "", "", "pull request"},
	{"workflow_run", "workflow_run_branch", mainRef, "", "", "another branch, feature"},
	{"workflow_run", "push", mainRef, "", "", "does not say"},
	{"issue_comment", "issue_comment_pull_request", mainRef, "", "", "comment on a pull request"},
	{"issue_comment", "issue_comment", mainRef, "", "", ""},
	{"check_suite", "check_suite", mainRef, "", "", "commits of any branch"},
	// A runner that names a branch for a pull request that is not merged: nothing of it gets there.
	{"pull_request", "pull_request", releaseRef, "release", releaseRef, "does not write refs/heads/release"},
	{"pull_request_review", "pull_request", mainRef, "", "", "does not write refs/heads/main"},
}

const mainRef, releaseRef, ownPR = "refs/heads/main", "refs/heads/release", "refs/pull/7/merge"

// TestGitHubEvents: which scopes each event reads and writes.
func TestGitHubEvents(t *testing.T) {
	for _, c := range githubEvents {
		t.Run(c.event+"/"+c.payload, func(t *testing.T) {
			env := githubEnv(t, c.event, c.payload, "GITHUB_REF="+c.ref, "GITHUB_BASE_REF="+c.baseRef)
			id := ciSource(env, env.get("GITHUB_WORKSPACE")).identity
			if id.Repo != "github.com/octo/project" || id.Name != "ci/test" || id.Scope != c.ref || id.BaseScope != c.base {
				t.Errorf("identity %+v, want scope %s and base %q", id, c.ref, c.base)
			}
			if known := c.payload != "" && c.payload != "broken"; (id.DefaultScope == mainRef) != known {
				t.Errorf("default scope %q", id.DefaultScope)
			}
			reason := readOnlyReason(env, id)
			if (reason == "") != (c.readOnly == "") || !strings.Contains(reason, c.readOnly) {
				t.Errorf("read-only because %q, want %q", reason, c.readOnly)
			}
		})
	}
	if reason := readOnlyReason(func(string) (string, bool) { return "", false }, identity{Scope: mainRef, DefaultScope: mainRef}); reason != "" {
		t.Errorf("outside of GitHub: %s", reason)
	}
}

// TestMatrixName: jobs of a matrix have names of their own, whatever the order of its keys; jobs
// without one have none.
func TestMatrixName(t *testing.T) {
	long := strings.Repeat("x", 200)
	for text, want := range map[string]string{
		"": "", "null": "", "{}": "", "[]": "", "nonsense": "",
		`{"go": "1.26", "os": "ubuntu-latest"}`:                    "go=1.26,os=ubuntu-latest",
		`{"os": "ubuntu-latest", "go": "1.26"}`:                    "go=1.26,os=ubuntu-latest",
		"{\n  \"go\": 1.10,\n  \"race\": true\n}":                  "go=1.10,race=true",
		`{"target": {"os": "linux", "tags": ["a", "b"]}, "n": 12}`: `n=12,target={"os":"linux","tags":["a","b"]}`,
	} {
		if got := matrixName(text); got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
	a, b := matrixName(`{"x": "`+long+`a"}`), matrixName(`{"x": "`+long+`b"}`)
	if a == b || len(a) > maxMatrixName {
		t.Errorf("long values are %q and %q", a, b)
	}
}

// TestNameOfWorkingDirectory: two projects of a job do not share a name.
func TestNameOfWorkingDirectory(t *testing.T) {
	env := githubEnv(t, "push", "push", `GOCACHE_ACTION_MATRIX={"go": 1}`)
	for dir, want := range map[string]string{"/w/project": "ci/test/go=1", "/w/project/sub/x": "ci/test/go=1/sub/x", "/w/other": "ci/test/go=1/../other"} {
		if got := ciSource(env, filepath.FromSlash(dir)).Name; got != want {
			t.Errorf("%s has the name %q, want %q", dir, got, want)
		}
	}
}
