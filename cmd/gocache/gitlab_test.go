package main

import (
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// gitlabEnv returns the environment of a job of testdata.
func gitlabEnv(t *testing.T, name string, more ...string) lookupEnv {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/gitlab-events.txtar")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"GITLAB_CI": "true", "CI_SERVER_HOST": "gitlab.example.com", "CI_PROJECT_PATH": "octo/project", "CI_PROJECT_ID": "1",
		"CI_JOB_NAME": "test", "CI_DEFAULT_BRANCH": "main",
	}
	found := false
	for _, f := range archive.Files {
		if f.Name == name {
			more, found = append(strings.Split(string(f.Data), "\n"), more...), true
		}
	}
	if !found {
		t.Fatalf("no variables of %s", name)
	}
	for _, kv := range more {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

// gitlabEvents are the ways to start a pipeline, and what becomes of its jobs.
var gitlabEvents = []struct {
	name, scope, base string
	readOnly          string // part of the reason; "" for those that write
	more              []string
}{
	{"branch", "refs/heads/feature/x", "", "", nil},
	{"protected", mainRef, "", "", nil},
	{"tag", "refs/tags/v1.2.0", "", "", nil},
	{"protected_tag", "refs/tags/v1.2.0", "", "", nil},
	{"schedule", mainRef, "", "", nil},
	{"merge_request", "refs/merge-requests/3/head", releaseRef, "", nil},
	{"merge_request_from_main", "refs/merge-requests/4/head", releaseRef, "", nil},
	{"merge_request_fork", "refs/merge-requests/5/head", mainRef, "fork, mallory/project", nil},
	{"external_pull_request", "refs/heads/feature/x", releaseRef, "", nil},
	// One whose branch has the name of its base.
	{"external_pull_request", releaseRef, releaseRef, "does not write refs/heads/release", []string{"CI_COMMIT_REF_NAME=release"}},
	// GitLab before 11.6 and pipelines of branches have no path for merge requests.
	{"merge_request_from_main", mainRef, releaseRef, "does not write refs/heads/main", []string{"CI_MERGE_REQUEST_REF_PATH="}},
}

// TestGitLabEvents: which scopes each pipeline reads and writes.
func TestGitLabEvents(t *testing.T) {
	for _, c := range gitlabEvents {
		t.Run(c.name, func(t *testing.T) {
			env := gitlabEnv(t, c.name, c.more...)
			id := ciSource(env, "").identity
			if id.Repo != "gitlab.example.com/octo/project" || id.Name != "test" || id.Scope != c.scope || id.BaseScope != c.base || id.DefaultScope != mainRef {
				t.Errorf("identity %+v, want scope %s and base %q", id, c.scope, c.base)
			}
			reason := readOnlyReason(env, id)
			if (reason == "") != (c.readOnly == "") || !strings.Contains(reason, c.readOnly) {
				t.Errorf("read-only because %q, want %q", reason, c.readOnly)
			}
		})
	}
	// In the fork itself the merge request is its own.
	env := gitlabEnv(t, "merge_request_fork", "CI_PROJECT_ID=99", "CI_PROJECT_PATH=mallory/project")
	if reason := readOnlyReason(env, ciSource(env, "").identity); reason != "" {
		t.Errorf("in the fork: read-only because %s", reason)
	}
}
