package ci

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// A CacheService says where the cache service of GitHub Actions is, and what the job may do there.
type CacheService struct {
	URL   string
	Token string // a secret
	Mode  string // what the workflow allows; "": everything
}

// Why a job has no cache service.
var (
	// ErrNotAnAction: the runner tells actions where the service is, and no other steps.
	ErrNotAnAction = errors.New("ACTIONS_RESULTS_URL and ACTIONS_RUNTIME_TOKEN are not set, which the runner gives to actions, and not to steps with run")
	// ErrOldService: a server of one's own has another service, or none.
	ErrOldService = errors.New("version 2 of the cache service is only on github.com and ghe.com")
	// ErrNotGitHub: the job is none of GitHub Actions.
	ErrNotGitHub = errors.New("only jobs of GitHub Actions have its cache service")
)

// FindCacheService finds the service in the environment of an action. Its errors are those above.
func FindCacheService(env Env) (CacheService, error) {
	c := CacheService{URL: env("ACTIONS_RESULTS_URL"), Token: env("ACTIONS_RUNTIME_TOKEN"), Mode: env("ACTIONS_CACHE_MODE")}
	switch server := env("GITHUB_SERVER_URL"); {
	case !OnGitHub(env):
		return CacheService{}, ErrNotGitHub
	case !hasCacheService(env, server):
		return CacheService{}, fmt.Errorf("%w, and this job is one of %s", ErrOldService, server)
	case c.URL == "" || c.Token == "":
		return CacheService{}, ErrNotAnAction
	}
	return c, nil
}

// hasCacheService tells servers as the client of GitHub does (isGhes in @actions/cache): others
// have the old service only, unless their runner says that there is the new one.
func hasCacheService(env Env, server string) bool {
	if on, err := strconv.ParseBool(env("ACTIONS_CACHE_SERVICE_V2")); err == nil && on || server == "" {
		return true
	}
	u, err := url.Parse(server)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return host == "github.com" || strings.HasSuffix(host, ".ghe.com") || strings.HasSuffix(host, ".localhost")
}

// OnHostedRunner reports whether the machine ends with the job, so that nothing that lies on its
// disk is found by another job.
func OnHostedRunner(env Env) bool {
	return OnGitHub(env) && env("RUNNER_ENVIRONMENT") == "github-hosted"
}

// PublicRepository reports whether anybody can read the repository of a job on GitHub. known is
// false if the event does not say.
func PublicRepository(env Env) (public, known bool) {
	event, _ := readGitHubEvent(env)
	switch r := event.Repository; {
	case r.Visibility != "":
		return r.Visibility == "public", true
	case r.Private != nil:
		return !*r.Private, true
	}
	return false, false
}

// ReadOnlyReasonApart is ReadOnlyReason for a store that lets a job write to the scope of its own
// ref and no other, whatever the job does, as GitHub's cache service does. There a pull request
// from a fork may have a cache of its own.
func ReadOnlyReasonApart(env Env, id Identity) string {
	if OnGitHub(env) && githubPullRequest(env) {
		return baseReason(env, id)
	}
	return ReadOnlyReason(env, id)
}

// A GitHubAPI says where the REST API of GitHub is, and for which repository.
type GitHubAPI struct {
	URL   string
	Host  string // of the server, as names of repositories begin
	Repo  string // owner/name; "": it is not known
	Token string // a secret; "": the step has none
}

// FindGitHubAPI reads the variables of a job. A token is only there if the workflow gives it to the
// step.
func FindGitHubAPI(env Env) GitHubAPI {
	host := "github.com"
	if u, err := url.Parse(env("GITHUB_SERVER_URL")); err == nil && u.Host != "" {
		host = u.Host
	}
	return GitHubAPI{
		Host: host,
		URL:  cmp.Or(env("GITHUB_API_URL"), "https://api.github.com"), Repo: env("GITHUB_REPOSITORY"), Token: first(env, "GITHUB_TOKEN", "GH_TOKEN"),
	}
}
