package ci

import (
	"path"
	"strings"
)

// A system is recognised by a variable; where several systems set the same variable, by its value
// too.
type system struct {
	name, marker, value string
	read                func(Env) Job
}

// Woodpecker comes before Drone, because it used to set the variables of Drone too.
var systems = []system{
	{"Buildkite", "BUILDKITE", "true", buildkite},
	{"CircleCI", "CIRCLECI", "true", circle},
	{"Azure Pipelines", "TF_BUILD", "", azure},
	{"Bitbucket Pipelines", "BITBUCKET_BUILD_NUMBER", "", bitbucket},
	{"Woodpecker", "CI", "woodpecker", woodpecker},
	{"Drone", "DRONE", "true", drone},
	{"Travis CI", "TRAVIS", "true", travis},
	{"AppVeyor", "APPVEYOR", "", appveyor},
	{"Semaphore", "SEMAPHORE", "true", semaphore},
	{"Codefresh", "CF_BUILD_ID", "", codefresh},
	{"TeamCity", "TEAMCITY_VERSION", "", teamcity},
	{"Jenkins", "JENKINS_URL", "", jenkins},
}

func buildkite(e Env) Job {
	j := Job{Name: e("BUILDKITE_PIPELINE_SLUG"), Remote: e("BUILDKITE_REPO"), Branch: e("BUILDKITE_BRANCH"), Tag: e("BUILDKITE_TAG"),
		Pull: e("BUILDKITE_PULL_REQUEST"), Base: e("BUILDKITE_PULL_REQUEST_BASE_BRANCH"), Default: e("BUILDKITE_PIPELINE_DEFAULT_BRANCH"),
		Commit: e("BUILDKITE_COMMIT"), Run: e("BUILDKITE_BUILD_NUMBER")}
	from := e("BUILDKITE_PULL_REQUEST_REPO")
	j.Fork = given(j.Pull) != "" && from != "" && slug(from) != slug(j.Remote)
	return j
}

// circle: CIRCLE_PR_NUMBER is set for forks only, CIRCLE_PULL_REQUEST for all.
func circle(e Env) Job {
	j := Job{Name: e("CIRCLE_JOB"), Remote: e("CIRCLE_REPOSITORY_URL"), Branch: e("CIRCLE_BRANCH"), Tag: e("CIRCLE_TAG"),
		Commit: e("CIRCLE_SHA1"), Run: e("CIRCLE_BUILD_NUM"), Fork: e("CIRCLE_PR_NUMBER") != ""}
	if url := e("CIRCLE_PULL_REQUEST"); url != "" {
		j.Pull = path.Base(url)
	}
	return j
}

func azure(e Env) Job {
	j := Job{Name: e("BUILD_DEFINITIONNAME"), Remote: e("BUILD_REPOSITORY_URI"), Commit: e("BUILD_SOURCEVERSION"), Run: e("BUILD_BUILDID"),
		Pull: first(e, "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "SYSTEM_PULLREQUEST_PULLREQUESTID"),
		Base: strings.TrimPrefix(e("SYSTEM_PULLREQUEST_TARGETBRANCH"), "refs/heads/"), Fork: strings.EqualFold(e("SYSTEM_PULLREQUEST_ISFORK"), "true")}
	j.ref(e("BUILD_SOURCEBRANCH"))
	return j
}

func bitbucket(e Env) Job {
	return Job{Remote: e("BITBUCKET_GIT_HTTP_ORIGIN"), Branch: e("BITBUCKET_BRANCH"), Tag: e("BITBUCKET_TAG"), Pull: e("BITBUCKET_PR_ID"),
		Base: e("BITBUCKET_PR_DESTINATION_BRANCH"), Commit: e("BITBUCKET_COMMIT"), Run: e("BITBUCKET_BUILD_NUMBER")}
}

func woodpecker(e Env) Job {
	return Job{Name: e("CI_WORKFLOW_NAME"), Remote: e("CI_REPO_CLONE_URL"), Branch: e("CI_COMMIT_BRANCH"), Tag: e("CI_COMMIT_TAG"),
		Pull: e("CI_COMMIT_PULL_REQUEST"), Base: e("CI_COMMIT_TARGET_BRANCH"), Default: e("CI_REPO_DEFAULT_BRANCH"), Commit: e("CI_COMMIT_SHA"), Run: e("CI_PIPELINE_NUMBER")}
}

func drone(e Env) Job {
	j := Job{Name: e("DRONE_STAGE_NAME"), Remote: e("DRONE_GIT_HTTP_URL"), Branch: e("DRONE_BRANCH"), Tag: e("DRONE_TAG"), Pull: e("DRONE_PULL_REQUEST"),
		Default: e("DRONE_REPO_BRANCH"), Commit: e("DRONE_COMMIT_SHA"), Run: e("DRONE_BUILD_NUMBER")}
	if j.Pull != "" {
		j.Base = e("DRONE_TARGET_BRANCH")
	}
	return j
}

// travis: TRAVIS_BRANCH is the base in a pull request.
func travis(e Env) Job {
	j := Job{Name: e("TRAVIS_JOB_NAME"), Branch: e("TRAVIS_BRANCH"), Tag: e("TRAVIS_TAG"), Pull: e("TRAVIS_PULL_REQUEST"), Commit: e("TRAVIS_COMMIT"), Run: e("TRAVIS_BUILD_ID")}
	if given(j.Pull) != "" {
		j.Base = j.Branch
		j.Fork = e("TRAVIS_PULL_REQUEST_SLUG") != e("TRAVIS_REPO_SLUG")
	}
	return j
}

// appveyor: APPVEYOR_REPO_BRANCH is the base in a pull request.
func appveyor(e Env) Job {
	j := Job{Name: e("APPVEYOR_JOB_NAME"), Branch: e("APPVEYOR_REPO_BRANCH"), Tag: e("APPVEYOR_REPO_TAG_NAME"), Pull: e("APPVEYOR_PULL_REQUEST_NUMBER"), Commit: e("APPVEYOR_REPO_COMMIT"), Run: e("APPVEYOR_BUILD_ID")}
	if j.Pull != "" {
		j.Base = j.Branch
		j.Fork = e("APPVEYOR_PULL_REQUEST_HEAD_REPO_NAME") != e("APPVEYOR_REPO_NAME")
	}
	return j
}

func semaphore(e Env) Job {
	j := Job{Name: e("SEMAPHORE_JOB_NAME"), Remote: e("SEMAPHORE_GIT_URL"), Branch: e("SEMAPHORE_GIT_BRANCH"), Tag: e("SEMAPHORE_GIT_TAG_NAME"), Pull: e("SEMAPHORE_GIT_PR_NUMBER"), Commit: e("SEMAPHORE_GIT_SHA"), Run: e("SEMAPHORE_WORKFLOW_ID")}
	if j.Pull != "" {
		j.Base = j.Branch
		j.Fork = e("SEMAPHORE_GIT_PR_SLUG") != e("SEMAPHORE_GIT_REPO_SLUG")
	}
	return j
}

func codefresh(e Env) Job {
	return Job{Name: e("CF_PIPELINE_NAME"), Branch: e("CF_BRANCH"), Pull: e("CF_PULL_REQUEST_NUMBER"), Base: e("CF_PULL_REQUEST_TARGET"),
		Commit: e("CF_REVISION"), Run: e("CF_BUILD_ID"), Fork: e("CF_PULL_REQUEST_IS_FORK") == "true"}
}

// teamcity: the environment has no branch unless the project passes it on, so git decides. A
// detached HEAD is then not known.
func teamcity(e Env) Job {
	return Job{Name: e("TEAMCITY_BUILDCONF_NAME"), Commit: e("BUILD_VCS_NUMBER"), Run: e("BUILD_NUMBER")}
}

func jenkins(e Env) Job {
	j := Job{Remote: e("GIT_URL"), Tag: e("TAG_NAME"), Pull: e("CHANGE_ID"), Base: e("CHANGE_TARGET"), Commit: e("GIT_COMMIT"), Run: e("BUILD_NUMBER"), Fork: e("CHANGE_FORK") != ""}
	j.Branch = first(e, "BRANCH_NAME")
	if j.Branch == "" {
		j.Branch = strings.TrimPrefix(e("GIT_BRANCH"), "origin/")
	}
	if j.Branch == "detached" {
		j.Branch = ""
	}
	return j
}

// ref sets the branch or the tag from a full ref.
func (j *Job) ref(ref string) {
	if b, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		j.Branch = b
	} else if t, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
		j.Tag = t
	}
}

func first(e Env, names ...string) string {
	for _, n := range names {
		if v := e(n); v != "" {
			return v
		}
	}
	return ""
}

// slug is the last two elements of the URL of a repository, for comparing different spellings.
func slug(url string) string {
	list := strings.FieldsFunc(strings.TrimSuffix(url, ".git"), func(r rune) bool { return r == '/' || r == ':' })
	return strings.ToLower(strings.Join(list[max(0, len(list)-2):], "/"))
}
