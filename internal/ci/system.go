package ci

import (
	"cmp"
	"strings"
)

// System reads what the CI system says in the environment about a job in a directory; it is empty
// elsewhere. matrix is the JSON of GitHub's ${{ toJSON(matrix) }}, "" if it is not known.
func System(env Env, dir, matrix string) Source {
	switch {
	case OnGitHub(env):
		return Source{githubName(env), fromGitHub(env, dir, matrix)}
	case onGitLab(env):
		return Source{"GitLab CI", fromGitLab(env)}
	}
	job, ok := Find(env)
	if !ok {
		return Source{}
	}
	return Source{job.System, Identity{
		Name: job.Name, Repo: repoName(job.Remote), Scope: job.Scope(), BaseScope: branch(job.Base),
		DefaultScope: branch(job.Default), Commit: job.Commit, Run: job.Run,
	}}
}

// githubName: Gitea and Forgejo set the variables of GitHub beside one of their own.
func githubName(env Env) string {
	for _, other := range [][2]string{{"FORGEJO_ACTIONS", "Forgejo Actions"}, {"GITEA_ACTIONS", "Gitea Actions"}} {
		if env(other[0]) == "true" {
			return other[1]
		}
	}
	return "GitHub Actions"
}

// JobFailed reports whether the CI system says in the environment that the job did not succeed.
// GitLab does, in after_script. GitHub has it only as an expression, which a workflow has to pass
// on; the action does.
func JobFailed(env Env) bool {
	if !onGitLab(env) {
		return false
	}
	switch env("CI_JOB_STATUS") {
	case "failed", "canceled", "canceling":
		return true
	}
	return false // "running", in the script of the job itself
}

// JobID names the run of the job, for sessions of roles; "" elsewhere.
func JobID(env Env) string { return first(env, "GITHUB_RUN_ID", "CI_JOB_ID") }

// ReadOnlyReason says why a save of this job writes nothing although nobody asked for that; "" if
// it may. id is as whom it would. The principle: a scope is written only by code that is in it.
func ReadOnlyReason(env Env, id Identity) string {
	return cmp.Or(githubReadOnlyReason(env), gitlabReadOnlyReason(env), otherReadOnlyReason(env), unknownScopeReason(env, id), baseReason(env, id))
}

// NoSecretsReason says why this job gets no secrets of the project; "" if that is not known of it.
// Then missing credentials are no mistake.
func NoSecretsReason(env Env) string {
	switch {
	case OnGitHub(env):
		return githubNoSecretsReason(env)
	case onGitLab(env):
		return "" // a merge request from a fork has the variables of the fork
	}
	job, _ := Find(env)
	return job.ReadOnlyReason()
}

// otherReadOnlyReason is ReadOnlyReason on the other systems.
func otherReadOnlyReason(env Env) string {
	if OnGitHub(env) || onGitLab(env) {
		return ""
	}
	job, _ := Find(env)
	return job.ReadOnlyReason()
}

// baseReason: what a pull request writes its base must not read, also when flags give all jobs the
// same scope. After the merge, the code is the base's own.
func baseReason(env Env, id Identity) string {
	if !forPullRequest(env) || id.Scope != id.BaseScope && id.Scope != id.DefaultScope {
		return ""
	}
	return "a pull request does not write " + id.Scope + ", which others read as their own"
}

// forPullRequest reports whether a job runs the code of a pull request or merge request that is not
// merged yet.
func forPullRequest(env Env) bool {
	switch {
	case OnGitHub(env):
		return githubPullRequest(env)
	case onGitLab(env):
		return first(env, "CI_MERGE_REQUEST_IID", "CI_MERGE_REQUEST_REF_PATH", "CI_EXTERNAL_PULL_REQUEST_IID") != ""
	}
	job, _ := Find(env)
	return job.Pull != ""
}

// unknownScopeReason: a job that does not know whose code it runs writes nothing that others read.
// A directory without a repository is that of a person, unless a CI system says otherwise.
func unknownScopeReason(env Env, id Identity) string {
	onCI := env("CI") != "" && env("CI") != "false"
	if id.From.Scope == fromDetached || id.From.Scope == fromUnknown && onCI {
		return "the scope is " + id.From.Scope + "; --scope says whose it is"
	}
	return ""
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
