package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIdentify(t *testing.T) {
	flag := source{fromFlag, identity{Scope: "refs/heads/mine"}}
	system := source{"Buildkite", identity{Repo: "h/o/r", Scope: "refs/heads/x", BaseScope: "refs/heads/main"}}
	git := gitInfo{Remote: "https://h/other/r.git", Branch: "refs/heads/y", DefaultBranch: "refs/heads/main", Commit: "c"}
	made := source{fromPlace, identity{Name: "n", Repo: "p-1", Scope: "local"}}
	for _, c := range []struct {
		sources []source
		want    identity
	}{
		{[]source{flag, system, git.source(), made}, identity{Name: "n", Repo: "h/o/r", Scope: "refs/heads/mine", BaseScope: "refs/heads/main",
			DefaultScope: "refs/heads/main", Commit: "c",
			From: origins{fromPlace, "Buildkite", fromFlag, "Buildkite", fromGit}}},
		{[]source{{}, {}, git.source(), made}, identity{Name: "n", Repo: "h/other/r", Scope: "refs/heads/y", DefaultScope: "refs/heads/main", Commit: "c",
			From: origins{fromPlace, fromGit, fromGit, "", fromGit}}},
		{[]source{{}, {}, gitInfo{}.source(), made}, identity{Name: "n", Repo: "p-1", Scope: "local",
			From: origins{Name: fromPlace, Repo: fromPlace, Scope: fromPlace}}},
	} {
		if diff := cmp.Diff(c.want, identify(c.sources...)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestCISource(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"GITHUB_ACTIONS": "true"}, "GitHub Actions"},
		{map[string]string{"GITHUB_ACTIONS": "true", "GITEA_ACTIONS": "true"}, "Gitea Actions"},
		{map[string]string{"GITHUB_ACTIONS": "true", "GITEA_ACTIONS": "true", "FORGEJO_ACTIONS": "true"}, "Forgejo Actions"},
		{map[string]string{"GITLAB_CI": "true"}, "GitLab CI"},
		{map[string]string{"CI": "true", "TRAVIS": "true"}, "Travis CI"},
		{map[string]string{"CI": "true"}, ""},
	} {
		if got := ciSource(func(name string) (string, bool) { v, ok := c.env[name]; return v, ok }, ".").name; got != c.want {
			t.Errorf("%v: %q, want %q", c.env, got, c.want)
		}
	}
}
