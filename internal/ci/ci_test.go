package ci

import "testing"

func TestFind(t *testing.T) {
	for _, c := range []struct {
		name       string
		env        map[string]string
		scope      string
		base, deft string
		fork       bool
	}{
		{"buildkite", map[string]string{"BUILDKITE": "true", "BUILDKITE_BRANCH": "x", "BUILDKITE_PULL_REQUEST": "false", "BUILDKITE_PIPELINE_DEFAULT_BRANCH": "main"}, "refs/heads/x", "", "main", false},
		{"buildkite fork", map[string]string{"BUILDKITE": "true", "BUILDKITE_BRANCH": "main", "BUILDKITE_PULL_REQUEST": "7", "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main", "BUILDKITE_REPO": "git@github.com:o/r.git", "BUILDKITE_PULL_REQUEST_REPO": "https://github.com/else/r.git"}, "refs/pull/7/merge", "main", "", true},
		{"buildkite own", map[string]string{"BUILDKITE": "true", "BUILDKITE_PULL_REQUEST": "7", "BUILDKITE_REPO": "git@github.com:o/r.git", "BUILDKITE_PULL_REQUEST_REPO": "https://github.com/o/r.git"}, "refs/pull/7/merge", "", "", false},
		{"circle", map[string]string{"CIRCLECI": "true", "CIRCLE_BRANCH": "pull/8", "CIRCLE_PULL_REQUEST": "https://github.com/o/r/pull/8", "CIRCLE_PR_NUMBER": "8"}, "refs/pull/8/merge", "", "", true},
		{"circle tag", map[string]string{"CIRCLECI": "true", "CIRCLE_TAG": "v1"}, "refs/tags/v1", "", "", false},
		{"azure", map[string]string{"TF_BUILD": "True", "BUILD_SOURCEBRANCH": "refs/pull/9/merge", "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER": "9", "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main", "SYSTEM_PULLREQUEST_ISFORK": "True"}, "refs/pull/9/merge", "main", "", true},
		{"azure branch", map[string]string{"TF_BUILD": "True", "BUILD_SOURCEBRANCH": "refs/heads/a/b"}, "refs/heads/a/b", "", "", false},
		{"bitbucket", map[string]string{"BITBUCKET_BUILD_NUMBER": "1", "BITBUCKET_BRANCH": "x", "BITBUCKET_PR_ID": "2", "BITBUCKET_PR_DESTINATION_BRANCH": "main"}, "refs/pull/2/merge", "main", "", false},
		{"woodpecker", map[string]string{"CI": "woodpecker", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_PULL_REQUEST": "3", "CI_COMMIT_TARGET_BRANCH": "main", "CI_REPO_DEFAULT_BRANCH": "main"}, "refs/pull/3/merge", "main", "main", false},
		{"drone", map[string]string{"DRONE": "true", "DRONE_BRANCH": "main", "DRONE_REPO_BRANCH": "main", "DRONE_TARGET_BRANCH": "main"}, "refs/heads/main", "", "main", false},
		{"travis fork", map[string]string{"TRAVIS": "true", "TRAVIS_BRANCH": "main", "TRAVIS_PULL_REQUEST": "4", "TRAVIS_PULL_REQUEST_SLUG": "e/r", "TRAVIS_REPO_SLUG": "o/r"}, "refs/pull/4/merge", "main", "", true},
		{"travis push", map[string]string{"TRAVIS": "true", "TRAVIS_BRANCH": "main", "TRAVIS_PULL_REQUEST": "false"}, "refs/heads/main", "", "", false},
		{"appveyor", map[string]string{"APPVEYOR": "True", "APPVEYOR_REPO_BRANCH": "main", "APPVEYOR_PULL_REQUEST_NUMBER": "5", "APPVEYOR_PULL_REQUEST_HEAD_REPO_NAME": "o/r", "APPVEYOR_REPO_NAME": "o/r"}, "refs/pull/5/merge", "main", "", false},
		{"semaphore", map[string]string{"SEMAPHORE": "true", "SEMAPHORE_GIT_BRANCH": "main", "SEMAPHORE_GIT_PR_NUMBER": "6", "SEMAPHORE_GIT_PR_SLUG": "e/r", "SEMAPHORE_GIT_REPO_SLUG": "o/r"}, "refs/pull/6/merge", "main", "", true},
		{"codefresh", map[string]string{"CF_BUILD_ID": "1", "CF_BRANCH": "x"}, "refs/heads/x", "", "", false},
		{"teamcity", map[string]string{"TEAMCITY_VERSION": "2025"}, "", "", "", false},
		{"jenkins", map[string]string{"JENKINS_URL": "u", "BRANCH_NAME": "PR-7", "CHANGE_ID": "7", "CHANGE_TARGET": "main", "CHANGE_FORK": "e"}, "refs/pull/7/merge", "main", "", true},
		{"jenkins one branch", map[string]string{"JENKINS_URL": "u", "GIT_BRANCH": "origin/main"}, "refs/heads/main", "", "", false},
	} {
		j, ok := Find(func(n string) string { return c.env[n] })
		if !ok || j.Scope() != c.scope || j.Base != c.base || j.Default != c.deft || (j.ReadOnlyReason() != "") != c.fork {
			t.Errorf("%s: %v %+v", c.name, ok, j)
		}
	}
	if j, ok := Find(func(string) string { return "" }); ok {
		t.Errorf("found %+v", j)
	}
}
