package main

import (
	"cmp"
	"encoding/json"
	"os"
	"strings"
)

// An identity says whose snapshot a command works on.
type identity struct {
	Name         string `json:"name"`
	Repo         string `json:"repo"`
	Scope        string `json:"scope"`
	BaseScope    string `json:"baseScope,omitempty"`
	DefaultScope string `json:"defaultScope,omitempty"`
	Commit       string `json:"commit,omitempty"`
	Run          string `json:"run,omitempty"`
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

// fromCI reads what CI systems say in the environment; it is empty elsewhere.
func fromCI(env lookupEnv) identity {
	switch {
	case env.get("GITHUB_ACTIONS") == "true":
		return fromGitHub(env)
	case env.get("GITLAB_CI") == "true":
		return fromGitLab(env)
	}
	return identity{}
}

// fromGitHub also serves Gitea and Forgejo, which set the same variables.
// https://docs.github.com/en/actions/reference/workflows-and-actions/variables
func fromGitHub(env lookupEnv) identity {
	id := identity{
		Name:         join("/", env.get("GITHUB_WORKFLOW"), env.get("GITHUB_JOB")),
		Scope:        env.get("GITHUB_REF"),
		BaseScope:    branch(env.get("GITHUB_BASE_REF")),
		DefaultScope: branch(githubDefaultBranch(env.get("GITHUB_EVENT_PATH"))),
		Commit:       env.get("GITHUB_SHA"),
		Run:          env.get("GITHUB_RUN_ID"),
	}
	if repo := env.get("GITHUB_REPOSITORY"); repo != "" {
		server := env.get("GITHUB_SERVER_URL")
		if server == "" {
			server = "https://github.com"
		}
		id.Repo = repoName(strings.TrimRight(server, "/") + "/" + repo)
	}
	return id
}

// githubDefaultBranch reads the default branch from the event that started the run;
// there is no variable for it.
func githubDefaultBranch(eventFile string) string {
	data, err := os.ReadFile(eventFile)
	if err != nil {
		return ""
	}
	var event struct {
		Repository struct {
			DefaultBranch string `json:"default_branch"`
		} `json:"repository"`
	}
	if json.Unmarshal(data, &event) != nil {
		return ""
	}
	return event.Repository.DefaultBranch
}

// readOnlyReason says why a job must not write to the store although nobody said so; "" for jobs that may.
func readOnlyReason(env lookupEnv) string { return gitlabReadOnlyReason(env) }

// Job statuses, as GitHub spells them in ${{ job.status }}.
const (
	jobSuccess   = "success"
	jobFailure   = "failure"
	jobCancelled = "cancelled"
)

var jobStatuses = []string{jobSuccess, jobFailure, jobCancelled}

// gitlabStatuses translates what GitLab has in CI_JOB_STATUS.
var gitlabStatuses = map[string]string{"failed": jobFailure, "canceled": jobCancelled, "canceling": jobCancelled}

// jobStatus is how the job ended, as far as the CI system says so in the environment: GitLab does, in after_script.
// GitHub has it only as an expression, which a workflow has to pass on.
func jobStatus(env lookupEnv) string {
	if env.get("GITLAB_CI") != "true" {
		return jobSuccess
	}
	return cmp.Or(gitlabStatuses[env.get("CI_JOB_STATUS")], jobSuccess) // "running", in the script of the job itself
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
