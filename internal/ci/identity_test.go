package ci

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/usage"
)

func TestIdentify(t *testing.T) {
	flag := Source{FromFlag, Identity{Scope: "refs/heads/mine"}}
	system := Source{"Buildkite", Identity{Repo: "h/o/r", Scope: "refs/heads/x", BaseScope: "refs/heads/main"}}
	git := Git{Remote: "https://h/other/r.git", Branch: "refs/heads/y", DefaultBranch: "refs/heads/main", Commit: "c"}
	made := Source{fromPlace, Identity{Name: "n", Repo: "p-1", Scope: "local"}}
	for _, c := range []struct {
		sources []Source
		want    Identity
	}{
		{[]Source{flag, system, git.Source(), made}, Identity{Name: "n", Repo: "h/o/r", Scope: "refs/heads/mine", BaseScope: "refs/heads/main",
			DefaultScope: "refs/heads/main", Commit: "c",
			From: Origins{fromPlace, "Buildkite", FromFlag, "Buildkite", fromGit}}},
		{[]Source{{}, {}, git.Source(), made}, Identity{Name: "n", Repo: "h/other/r", Scope: "refs/heads/y", DefaultScope: "refs/heads/main", Commit: "c",
			From: Origins{fromPlace, fromGit, fromGit, "", fromGit}}},
		{[]Source{{}, {}, Git{}.Source(), made}, Identity{Name: "n", Repo: "p-1", Scope: "local",
			From: Origins{Name: fromPlace, Repo: fromPlace, Scope: fromPlace}}},
	} {
		if diff := cmp.Diff(c.want, Identify(c.sources...)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestSystem(t *testing.T) {
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
		if got := System(func(name string) string { return c.env[name] }, ".", "").Place; got != c.want {
			t.Errorf("%v: %q, want %q", c.env, got, c.want)
		}
	}
}

// TestMatrixName: jobs of a matrix have different names, whatever the order of its keys; jobs
// without a matrix have none.
func TestMatrixName(t *testing.T) {
	long := strings.Repeat("x", 200)
	for text, want := range map[string]string{
		"": "", "null": "", "{}": "", "[]": "", "nonsense": "",
		`{"go": "1.26", "os": "ubuntu-latest"}`:                    "go=1.26,os=ubuntu-latest",
		`{"os": "ubuntu-latest", "go": "1.26"}`:                    "go=1.26,os=ubuntu-latest",
		"{\n  \"go\": 1.10,\n  \"race\": true\n}":                  "go=1.10,race=true",
		`{"target": {"os": "linux", "tags": ["a", "b"]}, "n": 12}`: `n=12,target={"os":"linux","tags":["a","b"]}`,
	} {
		if got := matrixName(text); got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
	a, b := matrixName(`{"x": "`+long+`a"}`), matrixName(`{"x": "`+long+`b"}`)
	if a == b || len(a) > maxMatrixName {
		t.Errorf("long values are %q and %q", a, b)
	}
}

func TestRepoName(t *testing.T) {
	tests := map[string]string{
		"https://github.com/Org/name.git":              "github.com/Org/name",
		"https://github.com/org/name/":                 "github.com/org/name",
		"https://user:sesame@GitHub.com:8443/org/name": "github.com/org/name",
		"ssh://git@github.com:22/org/name.git":         "github.com/org/name",
		"git@github.com:org/name.git":                  "github.com/org/name",
		"github.com:org/name":                          "github.com/org/name",
		"git@[::1]:org/name":                           "::1/org/name",
		"https://[::1]:8443/org/name":                  "::1/org/name",
		"https://token@dev.azure.com/org/p/_git/name":  "dev.azure.com/org/p/_git/name",
		"https://host/org/name.git?token=sesame#x":     "host/org/name",
		"file:///srv/git/name.git":                     "srv/git/name",
		"/srv/git/name.git":                            "srv/git/name",
		"../name":                                      "../name",
		`C:/git/name`:                                  "C:/git/name",
		"":                                             "",
		"https://%zz":                                  "",
	}
	for in, want := range tests {
		if got := repoName(in); got != want {
			t.Errorf("repoName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	for name, ok := range map[string]bool{"": true, "a b/ü": true, "a\xff": false, "a\nb": false, " ": false} {
		for _, id := range []Identity{{Name: name}, {Repo: name}, {Scope: name}, {BaseScope: name}, {DefaultScope: name}} {
			if err := id.Check(); (err == nil) != ok || err != nil && !usage.Is(err) {
				t.Errorf("identity %+q: %v", id, err)
			}
		}
	}
}

func TestJobFailed(t *testing.T) {
	for status, want := range map[string]bool{"": false, "running": false, "success": false, "failed": true, "canceled": true, "canceling": true} {
		env := map[string]string{"GITLAB_CI": "true", "CI_JOB_STATUS": status}
		if got := JobFailed(func(name string) string { return env[name] }); got != want {
			t.Errorf("%q: %t", status, got)
		}
	}
}
