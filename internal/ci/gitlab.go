package ci

import "strings"

// onGitLab reports whether this is a job of GitLab CI.
func onGitLab(env Env) bool { return env("GITLAB_CI") == "true" }

// fromGitLab: https://docs.gitlab.com/ci/variables/predefined_variables/
//
// A scope does not say whether its ref is protected (CI_COMMIT_REF_PROTECTED): a job could not know
// that of the default branch, whose scope it reads. Protection belongs to the role that writes a
// scope; see docs/bucket-policy.md.
func fromGitLab(env Env) Identity {
	id := Identity{
		Name:         env("CI_JOB_NAME"),
		Scope:        branch(env("CI_COMMIT_REF_NAME")),
		DefaultScope: branch(env("CI_DEFAULT_BRANCH")),
		Commit:       env("CI_COMMIT_SHA"),
		Run:          env("CI_PIPELINE_ID"),
		// The second is for repositories on GitHub and Bitbucket, whose pull requests GitLab only
		// builds.
		BaseScope: branch(first(env, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME")),
	}
	if tag := env("CI_COMMIT_TAG"); tag != "" {
		id.Scope = "refs/tags/" + tag
	}
	// The same for pipelines of the branch, of the merged result and of a merge train, so that each
	// starts with what the last one left.
	if ref := env("CI_MERGE_REQUEST_REF_PATH"); ref != "" {
		id.Scope = ref
	}
	if path := env("CI_PROJECT_PATH"); path != "" {
		id.Repo = join("/", strings.ToLower(env("CI_SERVER_HOST")), path)
	}
	return id
}

// gitlabReadOnlyReason says why a job of GitLab must not write. A merge request from a fork runs in
// the fork, with the variables of the fork, and may write there. But when a member starts it in the
// project itself, code of the fork runs with the variables of the project.
func gitlabReadOnlyReason(env Env) string {
	Source, target := env("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"), env("CI_MERGE_REQUEST_PROJECT_ID")
	if !onGitLab(env) || Source == target || Source != "" && Source == env("CI_PROJECT_ID") {
		return ""
	}
	return "the merge request comes from a fork, " + first(env, "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID")
}
