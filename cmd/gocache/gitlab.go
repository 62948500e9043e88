package main

import "strings"

// onGitLab reports whether this is a job of GitLab CI.
func onGitLab(env lookupEnv) bool { return env.get("GITLAB_CI") == "true" }

// fromGitLab: https://docs.gitlab.com/ci/variables/predefined_variables/
//
// Whether a ref is protected (CI_COMMIT_REF_PROTECTED) is not part of its scope: a job could not
// know whether the default branch, whose scope it reads, is protected. The role that writes a scope
// is where protection belongs; see docs/bucket-policy.md.
func fromGitLab(env lookupEnv) identity {
	id := identity{
		Name:         env.get("CI_JOB_NAME"),
		Scope:        branch(env.get("CI_COMMIT_REF_NAME")),
		DefaultScope: branch(env.get("CI_DEFAULT_BRANCH")),
		Commit:       env.get("CI_COMMIT_SHA"),
		Run:          env.get("CI_PIPELINE_ID"),
		// The second is for repositories on GitHub and Bitbucket, whose pull requests GitLab only
		// builds.
		BaseScope: branch(firstOf(env, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME")),
	}
	if tag := env.get("CI_COMMIT_TAG"); tag != "" {
		id.Scope = "refs/tags/" + tag
	}
	// The same for pipelines of the branch, of the merged result and of a merge train, so that each
	// starts with what the last one left.
	if ref := env.get("CI_MERGE_REQUEST_REF_PATH"); ref != "" {
		id.Scope = ref
	}
	if path := env.get("CI_PROJECT_PATH"); path != "" {
		id.Repo = join("/", strings.ToLower(env.get("CI_SERVER_HOST")), path)
	}
	return id
}

// gitlabReadOnlyReason says why a job of GitLab must not write. A merge request from a fork runs in
// the fork, with whatever the fork has of variables, and may write there; when a member starts it
// in the project itself, then code of the fork runs with the project's own.
func gitlabReadOnlyReason(env lookupEnv) string {
	source, target := env.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"), env.get("CI_MERGE_REQUEST_PROJECT_ID")
	if !onGitLab(env) || source == target || source != "" && source == env.get("CI_PROJECT_ID") {
		return ""
	}
	return "the merge request comes from a fork, " + firstOf(env, "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID")
}

// firstOf returns the first variable that is set to something.
func firstOf(env lookupEnv, names ...string) string {
	for _, name := range names {
		if v := env.get(name); v != "" {
			return v
		}
	}
	return ""
}
