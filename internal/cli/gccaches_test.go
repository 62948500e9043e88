package cli

import (
	"bytes"
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/store/actions/actionstest"
)

// TestCleanCaches: gc of the cache of a repository, as a command and as a step, and what it says
// where it cannot.
func TestCleanCaches(t *testing.T) {
	server := actionstest.New(t)
	for _, key := range []string{"gocache2b-1", "gocache2m-2"} {
		server.Add("refs/pull/7/merge", key, []byte("x"))
		server.Add("refs/pull/8/merge", key, []byte("x"))
	}
	job := map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": actionstest.Repo, "GITHUB_SERVER_URL": "https://github.com", "GITHUB_API_URL": strings.TrimSuffix(server.URL, "/"),
		"RUNNER_ENVIRONMENT": "github-hosted",
	}
	with := func(vars ...string) map[string]string {
		env := maps.Clone(job)
		for _, v := range vars {
			name, value, _ := strings.Cut(v, "=")
			env[name] = value
		}
		return env
	}
	for _, c := range []struct {
		line string
		env  map[string]string
		code int
		says []string
	}{
		{"gc --store actions", with(), config.ExitFailed, []string{"the caches of octo/project: GITHUB_TOKEN is not set", "hint: give the step the token", "actions: write"}},
		{"gc --scope refs/pull/7/merge", with("GITHUB_TOKEN=" + actionstest.Looker), config.ExitFailed, []string{"access denied", "Resource not accessible by integration", "hint: give the job permissions: actions: write"}},
		{"gc --store actions --repo project", with("GITHUB_TOKEN=x"), config.ExitUsage, []string{`invalid value "project" for --repo`}},
		{"gc --store actions --repo github.example.com/octo/project", with("GITHUB_TOKEN=x"), config.ExitUsage, []string{"such as github.com/org/name"}},
		{"gc --store actions --scope refs-pull-7", with("GITHUB_TOKEN=x"), config.ExitUsage, []string{`invalid value "refs-pull-7" for --scope: want a ref`}},
		{"gc --store actions", with("GITHUB_TOKEN=x", "GITHUB_REPOSITORY="), config.ExitUsage, []string{"give --repo"}},
		{"gc --scope refs/pull/7/merge --dry-run", with("GITHUB_TOKEN=" + actionstest.Manager), config.ExitOK, []string{"would remove gocache2b-1 of refs/pull/7/merge", "caches of octo/project: would remove 2 entries"}},
		{"gc --store actions --repo github.com/octo/project --scope refs/pull/7/merge", with("GH_TOKEN="+actionstest.Manager, "GITHUB_REPOSITORY=", "GITHUB_ACTIONS="), config.ExitOK, []string{"removed 2 entries, 2 B"}},
		{"action gc", with("INPUT_TOKEN="+actionstest.Manager, "INPUT_STORE=actions", "INPUT_SCOPE=refs/pull/8/merge"), config.ExitOK, []string{"removed gocache2m-2 of refs/pull/8/merge", "::add-mask::" + actionstest.Manager}},
		{"action gc", with("INPUT_TOKEN="+actionstest.Looker, "INPUT_STORE=actions", "INPUT_SCOPE=refs/pull/9/merge"), config.ExitOK, []string{"removed 0 entries"}},
		{"action gc", with("INPUT_TOKEN=nobody", "INPUT_STORE=actions"), config.ExitFailed, []string{"::error title=gocache::list the caches of octo/project: access denied"}},
	} {
		var b bytes.Buffer
		code := execute(context.Background(), &console{stdout: &b, stderr: &b}, strings.Fields(c.line), func(name string) string { return c.env[name] })
		if code != c.code {
			t.Errorf("%s: exit code %d, want %d\n%s", c.line, code, c.code, &b)
		}
		for _, text := range c.says {
			if !strings.Contains(b.String(), text) {
				t.Errorf("%s does not say %q:\n%s", c.line, text, &b)
			}
		}
		if text := strings.ReplaceAll(b.String(), "::add-mask::"+actionstest.Manager, ""); strings.Contains(text, actionstest.Manager) {
			t.Errorf("%s prints the token:\n%s", c.line, text)
		}
	}
	if left := server.Keys(""); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}
