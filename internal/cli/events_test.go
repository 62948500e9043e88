package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/ci/citest"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/snapshot"
)

// An eventJob runs jobs of different events on one store.
type eventJob struct {
	*testJob
	store string // directory
}

func newEventJob(t *testing.T) *eventJob {
	j := &eventJob{testJob: newTestJob(t)}
	j.store = j.path("store")
	return j
}

// as makes the next commands belong to a job that an event started.
func (j *eventJob) as(env ci.Env) {
	j.env = map[string]string{
		config.Variable("store"): "file://" + filepath.ToSlash(j.store), config.Variable("no-modules"): "true",
		"GITHUB_SHA": "abc", "CI_COMMIT_SHA": "abc", // or each job would run git
	}
	for _, name := range []string{
		"GITHUB_ACTIONS", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_WORKFLOW", "GITHUB_JOB", "GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH",
		"GITHUB_REF", "GITHUB_BASE_REF", "GITLAB_CI", "CI_SERVER_HOST", "CI_PROJECT_PATH", "CI_PROJECT_ID", "CI_JOB_NAME", "CI_DEFAULT_BRANCH",
		"CI_COMMIT_REF_NAME", "CI_COMMIT_TAG", "CI_MERGE_REQUEST_IID", "CI_MERGE_REQUEST_REF_PATH", "CI_MERGE_REQUEST_PROJECT_ID",
		"CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
		"CI_EXTERNAL_PULL_REQUEST_IID", "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME",
	} {
		j.env[name] = env(name)
	}
}

// job restores, compiles something new, and saves. It returns the new action.
func (j *eventJob) job(env ci.Env, flags ...string) (action string) {
	j.t.Helper()
	j.fresh()
	j.as(env)
	j.says("", append([]string{"restore"}, flags...)...)
	action = j.compile()
	j.says("", append([]string{"save"}, flags...)...)
	return action
}

// check runs a job, and demands that it changes only objects below the prefix of its own scope, or
// none at all if scope is "".
func (j *eventJob) check(env ci.Env, repo, scope string, flags ...string) (action string) {
	j.t.Helper()
	before := filesBelow(j.t, j.store)
	action = j.job(env, flags...)
	n := 0
	for _, name := range changed(before, filesBelow(j.t, j.store)) {
		if strings.HasPrefix(name, ".#store") { // locks
			continue
		}
		n++
		if scope == "" || !strings.HasPrefix(name, snapshot.ScopePrefix(repo, scope)+"/") {
			j.t.Errorf("%s was changed", name)
		}
	}
	if (n == 0) != (scope == "") {
		j.t.Errorf("%d objects were changed, with the scope %q to write", n, scope)
	}
	return action
}

// unread demands that a job of a branch finds its own snapshot, and that this has no entry of
// another job.
func (j *eventJob) unread(env ci.Env, own string, others ...string) {
	j.t.Helper()
	j.fresh()
	j.as(env)
	j.says("snapshot", "restore")
	if !j.has(own) {
		j.t.Error("the base no longer finds its own entry")
	}
	for _, action := range others {
		if j.has(action) {
			j.t.Error("the base reads what a pull request wrote")
		}
	}
}

// TestEventsWriteTheirOwnScopeOnly runs a restore and a save for each event with the identity that
// is derived from it. Whatever the event, only objects in the scope of its own code change, so a
// pull request cannot write what its base or the default branch will read.
func TestEventsWriteTheirOwnScopeOnly(t *testing.T) {
	const repo = "github.com/octo/project"
	j := newEventJob(t)
	push := func(ref string) ci.Env { return citest.GitHub(t, "push", "push", "GITHUB_REF="+ref) }
	base := map[string]string{}
	for _, ref := range []string{citest.MainRef, citest.ReleaseRef} {
		base[ref] = j.check(push(ref), repo, ref)
	}
	var foreign []string // entries that pull requests and others compiled
	for _, c := range citest.GitHubEvents {
		scope := c.Ref
		if c.ReadOnly != "" {
			scope = ""
		}
		env := citest.GitHub(t, c.Event, c.Payload, "GITHUB_REF="+c.Ref, "GITHUB_BASE_REF="+c.BaseRef)
		t.Logf("%s/%s at %s writes %q", c.Event, c.Payload, c.Ref, scope)
		if action := j.check(env, repo, scope); scope != citest.MainRef && scope != citest.ReleaseRef {
			foreign = append(foreign, action)
		}
	}
	// Flags in a workflow do not help: neither one scope for all jobs, nor that of the base.
	for _, flags := range [][]string{{"--scope", citest.MainRef}, {"--scope", citest.ReleaseRef}, {"--scope", citest.MainRef, "--base-scope", citest.MainRef}} {
		for _, payload := range []string{"pull_request", "pull_request_fork"} {
			env := citest.GitHub(t, "pull_request", payload, "GITHUB_REF="+citest.OwnPR, "GITHUB_BASE_REF=release")
			foreign = append(foreign, j.check(env, repo, "", flags...))
		}
	}
	for ref, own := range base {
		j.unread(push(ref), own, foreign...)
	}
}

// TestPipelinesWriteTheirOwnScopeOnly tests the same for GitLab.
func TestPipelinesWriteTheirOwnScopeOnly(t *testing.T) {
	const repo = "gitlab.example.com/octo/project"
	j := newEventJob(t)
	push := func(ref string) ci.Env { return citest.GitLab(t, "branch", "CI_COMMIT_REF_NAME="+ref) }
	base := map[string]string{}
	for _, branch := range []string{"main", "release"} {
		base[branch] = j.check(push(branch), repo, "refs/heads/"+branch)
	}
	var foreign []string
	for _, c := range citest.GitLabEvents {
		scope := c.Scope
		if c.ReadOnly != "" {
			scope = ""
		}
		t.Logf("%s writes %q", c.Name, scope)
		if action := j.check(citest.GitLab(t, c.Name, c.More...), repo, scope); scope != citest.MainRef {
			foreign = append(foreign, action)
		}
	}
	for _, scope := range []string{citest.MainRef, citest.ReleaseRef} {
		foreign = append(foreign, j.check(citest.GitLab(t, "merge_request"), repo, "", "--scope", scope))
	}
	for branch, own := range base {
		j.unread(push(branch), own, foreign...)
	}
}
