package ci_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/ci"
	. "github.com/org/gocache-action/internal/ci/citest"
)

// TestFindCacheService: which jobs have the service, and why others have none.
func TestFindCacheService(t *testing.T) {
	const url, token = "ACTIONS_RESULTS_URL=https://results.example.com/", "ACTIONS_RUNTIME_TOKEN=a.b.c"
	for name, c := range map[string]struct {
		vars []string
		want error
	}{
		"an action":                    {vars: []string{url, token}},
		"with a domain of ghe.com":     {vars: []string{url, token, "GITHUB_SERVER_URL=https://acme.ghe.com"}},
		"a step with run":              {want: ci.ErrNotAnAction},
		"half of it":                   {vars: []string{url}, want: ci.ErrNotAnAction},
		"a server of one's own":        {vars: []string{url, token, "GITHUB_SERVER_URL=https://github.acme.com"}, want: ci.ErrOldService},
		"its steps with run":           {vars: []string{"GITHUB_SERVER_URL=https://github.acme.com"}, want: ci.ErrOldService},
		"a runner that has version 2":  {vars: []string{url, token, "GITHUB_SERVER_URL=https://git.acme.com", "ACTIONS_CACHE_SERVICE_V2=True"}},
		"a name that only looks alike": {vars: []string{url, token, "GITHUB_SERVER_URL=https://notgithub.com"}, want: ci.ErrOldService},
		"another system":               {vars: []string{url, token, "GITHUB_ACTIONS="}, want: ci.ErrNotGitHub},
	} {
		got, err := ci.FindCacheService(GitHub(t, "push", "push", c.vars...))
		if !errors.Is(err, c.want) || (err == nil) != (got.URL == "https://results.example.com/" && got.Token == "a.b.c") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestPublicRepository: by the words of the event.
func TestPublicRepository(t *testing.T) {
	for payload, want := range map[string][2]bool{
		`{"repository": {"visibility": "public", "private": false}}`:  {true, true},
		`{"repository": {"visibility": "internal", "private": true}}`: {false, true},
		`{"repository": {"visibility": "private"}}`:                   {false, true},
		`{"repository": {"private": false}}`:                          {true, true},
		`{"repository": {"private": true}}`:                           {false, true},
		`{"repository": {"full_name": "octo/project"}}`:               {},
		`{`: {},
	} {
		file := filepath.Join(t.TempDir(), "event.json")
		if err := os.WriteFile(file, []byte(payload), 0o644); err != nil {
			t.Fatal(err)
		}
		public, known := ci.PublicRepository(func(name string) string { return map[string]string{"GITHUB_EVENT_PATH": file}[name] })
		if public != want[0] || known != want[1] {
			t.Errorf("%s: public %t, known %t", payload, public, known)
		}
	}
}

// TestReadOnlyApart: where the store keeps scopes apart, a pull request from a fork has a cache of
// its own; nothing else may write that may not elsewhere.
func TestReadOnlyApart(t *testing.T) {
	for _, c := range GitHubEvents {
		env := GitHub(t, c.Event, c.Payload, "GITHUB_REF="+c.Ref, "GITHUB_BASE_REF="+c.BaseRef)
		id := ci.System(env, env("GITHUB_WORKSPACE"), "").Identity
		reason, apart := ci.ReadOnlyReason(env, id), ci.ReadOnlyReasonApart(env, id)
		if own := strings.HasPrefix(c.Ref, "refs/pull/") && strings.HasPrefix(c.Event, "pull_request"); own && apart != "" || !own && apart != reason {
			t.Errorf("%s of %s: %q, elsewhere %q", c.Event, c.Ref, apart, reason)
		}
		id.Scope = MainRef
		if strings.HasPrefix(c.Ref, "refs/pull/") && id.DefaultScope == MainRef && ci.ReadOnlyReasonApart(env, id) == "" {
			t.Errorf("%s of %s writes the default branch", c.Event, c.Ref)
		}
	}
}
