package main

import (
	"cmp"
	"strings"

	"github.com/org/gocache-action/internal/ci"
)

// An identity says whose snapshot a command works on.
type identity struct {
	Name         string  `json:"name"`
	Repo         string  `json:"repo"`
	Scope        string  `json:"scope"`
	BaseScope    string  `json:"baseScope,omitempty"`
	DefaultScope string  `json:"defaultScope,omitempty"`
	Commit       string  `json:"commit,omitempty"`
	Run          string  `json:"run,omitempty"`
	From         origins `json:"from"`
}

// or fills what is empty from another identity.
func (id identity) or(other identity) identity {
	for _, f := range []struct{ mine, theirs *string }{
		{&id.Name, &other.Name}, {&id.Repo, &other.Repo}, {&id.Scope, &other.Scope},
		{&id.BaseScope, &other.BaseScope}, {&id.DefaultScope, &other.DefaultScope},
		{&id.Commit, &other.Commit}, {&id.Run, &other.Run},
	} {
		if *f.mine == "" {
			*f.mine = *f.theirs
		}
	}
	return id
}

// whole reports whether git has nothing to add.
func (id identity) whole() bool {
	return id.Repo != "" && id.Scope != "" && id.DefaultScope != "" && id.Commit != ""
}

// readOnlyReason says why a save of this job writes nothing although nobody asked for that; "" if
// it may. id is as whom it would.
func (a *app) readOnlyReason(id identity) string {
	if a.flags.signing.mayNotSave() {
		return "with --trust-key, and without --sign-key, nobody could restore what it saved"
	}
	return readOnlyReason(a.lookup, id)
}

// readOnlyReason is the part that the CI system decides.
func readOnlyReason(env lookupEnv, id identity) string {
	return cmp.Or(githubReadOnlyReason(env), gitlabReadOnlyReason(env), otherReadOnlyReason(env), unknownScopeReason(env, id), baseReason(env, id))
}

// baseReason: what a pull request writes its base must not read, also when flags give all jobs the
// same scope. After the merge, the code is the base's own.
func baseReason(env lookupEnv, id identity) string {
	if !forPullRequest(env) || id.Scope != id.BaseScope && id.Scope != id.DefaultScope {
		return ""
	}
	return "a pull request does not write " + id.Scope + ", which others read as their own"
}

// forPullRequest reports whether a job runs the code of a pull request or merge request that is not
// merged yet.
func forPullRequest(env lookupEnv) bool {
	switch {
	case onGitHub(env):
		return githubPullRequest(env)
	case onGitLab(env):
		return env.get("CI_MERGE_REQUEST_IID") != "" || env.get("CI_MERGE_REQUEST_REF_PATH") != "" || env.get("CI_EXTERNAL_PULL_REQUEST_IID") != ""
	}
	job, _ := ci.Find(env.get)
	return job.Pull != ""
}

// Job statuses, as GitHub spells them in ${{ job.status }}.
const (
	jobSuccess   = "success"
	jobFailure   = "failure"
	jobCancelled = "cancelled"
)

var jobStatuses = []string{jobSuccess, jobFailure, jobCancelled}

// gitlabStatuses translates what GitLab has in CI_JOB_STATUS.
var gitlabStatuses = map[string]string{"failed": jobFailure, "canceled": jobCancelled, "canceling": jobCancelled}

// jobStatus is how the job ended, as far as the CI system says so in the environment: GitLab does,
// in after_script. GitHub has it only as an expression, which a workflow has to pass on; the action
// does.
func jobStatus(env lookupEnv) string {
	if !onGitLab(env) {
		return jobSuccess
	}
	// "running", in the script of the job itself
	return cmp.Or(gitlabStatuses[env.get("CI_JOB_STATUS")], jobSuccess)
}

// branch makes a ref of a branch name. "" stays.
func branch(name string) string {
	if name == "" {
		return ""
	}
	return "refs/heads/" + name
}

// join joins what is not empty.
func join(sep string, parts ...string) string {
	var list []string
	for _, p := range parts {
		if p != "" {
			list = append(list, p)
		}
	}
	return strings.Join(list, sep)
}
