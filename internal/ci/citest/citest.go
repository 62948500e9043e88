// Package citest has recorded events of GitHub and GitLab for tests: what a runner says about the
// jobs that they start, and which scopes such jobs read and write.
package citest

import (
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/org/gocache-action/internal/ci"
)

var (
	//go:embed github-events.txtar
	githubPayloads []byte
	//go:embed gitlab-events.txtar
	gitlabVariables []byte
)

// Refs of the events.
const MainRef, ReleaseRef, OwnPR = "refs/heads/main", "refs/heads/release", "refs/pull/7/merge"

// GitHub returns the environment of a job that an event with a recorded payload started.
func GitHub(t testing.TB, event, payload string, more ...string) ci.Env {
	t.Helper()
	env := map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "octo/project",
		"GITHUB_WORKFLOW": "ci", "GITHUB_JOB": "test", "GITHUB_EVENT_NAME": event, "GITHUB_WORKSPACE": filepath.FromSlash("/w/project"),
	}
	for _, f := range txtar.Parse(githubPayloads).Files {
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
	return with(env, more)
}

// GitLab returns the environment of a job of a recorded pipeline.
func GitLab(t testing.TB, name string, more ...string) ci.Env {
	t.Helper()
	env := map[string]string{
		"GITLAB_CI": "true", "CI_SERVER_HOST": "gitlab.example.com", "CI_PROJECT_PATH": "octo/project", "CI_PROJECT_ID": "1",
		"CI_JOB_NAME": "test", "CI_DEFAULT_BRANCH": "main",
	}
	found := false
	for _, f := range txtar.Parse(gitlabVariables).Files {
		if f.Name == name {
			more, found = append(strings.Split(string(f.Data), "\n"), more...), true
		}
	}
	if !found {
		t.Fatalf("no variables of %s", name)
	}
	return with(env, more)
}

// with adds variables, each as NAME=value.
func with(env map[string]string, more []string) ci.Env {
	for _, kv := range more {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	return func(name string) string { return env[name] }
}

// GitHubEvents are the events that start workflows, with what the runner says about each.
var GitHubEvents = []struct {
	Event, Payload, Ref, BaseRef string
	Base                         string // scope
	ReadOnly                     string // part of the reason; "" for those that write
}{
	{"push", "push", MainRef, "", "", ""},
	{"push", "push_tag", "refs/tags/v1.2.0", "", "", ""},
	{"release", "release", "refs/tags/v1.2.0", "", "", ""},
	{"schedule", "schedule", MainRef, "", "", ""},
	{"workflow_dispatch", "workflow_dispatch", "refs/heads/feature", "", "", ""},
	{"pull_request", "pull_request", OwnPR, "release", ReleaseRef, ""},
	{"pull_request", "pull_request_closed", MainRef, "main", MainRef, ""}, // merged
	{"pull_request", "pull_request_fork", "refs/pull/8/merge", "main", MainRef, "fork, mallory/project"},
	{"pull_request", "pull_request_deleted_fork", "refs/pull/8/merge", "main", MainRef, "deleted"},
	{"pull_request", "broken", "refs/pull/8/merge", "main", MainRef, "does not say"},
	{"pull_request", "", "refs/pull/8/merge", "main", MainRef, "does not say"},
	{"pull_request_review", "pull_request_fork", "refs/pull/8/merge", "", "", "fork, mallory/project"},
	{"pull_request_review", "pull_request", OwnPR, "", "", ""},
	{"pull_request_target", "pull_request_fork", MainRef, "main", MainRef, "pull_request_target"},
	{"pull_request_target", "pull_request", ReleaseRef, "release", ReleaseRef, "pull_request_target"},
	{"merge_group", "merge_group", "refs/heads/gh-readonly-queue/main/pr-7-f95f852", "", MainRef, "merge queue"},
	{"workflow_run", "workflow_run_main", MainRef, "", "", ""},
	{"workflow_run", "workflow_run_fork", MainRef, "", "", "fork, mallory/project"},
	{"workflow_run", "workflow_run_pull_request", MainRef, "", "", "pull request"},
	{"workflow_run", "workflow_run_branch", MainRef, "", "", "another branch, feature"},
	{"workflow_run", "push", MainRef, "", "", "does not say"},
	{"issue_comment", "issue_comment_pull_request", MainRef, "", "", "comment on a pull request"},
	{"issue_comment", "issue_comment", MainRef, "", "", ""},
	{"check_suite", "check_suite", MainRef, "", "", "commits of any branch"},
	// A runner that names a branch for a pull request that is not merged: nothing of it gets there.
	{"pull_request", "pull_request", ReleaseRef, "release", ReleaseRef, "does not write refs/heads/release"},
	{"pull_request_review", "pull_request", MainRef, "", "", "does not write refs/heads/main"},
}

// GitLabEvents are the ways to start a pipeline, and what becomes of its jobs.
var GitLabEvents = []struct {
	Name, Scope, Base string
	ReadOnly          string // part of the reason; "" for those that write
	More              []string
}{
	{"branch", "refs/heads/feature/x", "", "", nil},
	{"protected", MainRef, "", "", nil},
	{"tag", "refs/tags/v1.2.0", "", "", nil},
	{"protected_tag", "refs/tags/v1.2.0", "", "", nil},
	{"schedule", MainRef, "", "", nil},
	{"merge_request", "refs/merge-requests/3/head", ReleaseRef, "", nil},
	{"merge_request_from_main", "refs/merge-requests/4/head", ReleaseRef, "", nil},
	{"merge_request_fork", "refs/merge-requests/5/head", MainRef, "fork, mallory/project", nil},
	{"external_pull_request", "refs/heads/feature/x", ReleaseRef, "", nil},
	// One whose branch has the name of its base.
	{"external_pull_request", ReleaseRef, ReleaseRef, "does not write refs/heads/release", []string{"CI_COMMIT_REF_NAME=release"}},
	// GitLab before 11.6 and pipelines of branches have no path for merge requests.
	{"merge_request_from_main", MainRef, ReleaseRef, "does not write refs/heads/main", []string{"CI_MERGE_REQUEST_REF_PATH="}},
}
