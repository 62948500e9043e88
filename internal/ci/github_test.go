package ci_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/ci"
	. "github.com/org/gocache-action/internal/ci/citest"
)

// TestGitHubEvents: each event reads and writes the right scopes.
func TestGitHubEvents(t *testing.T) {
	for _, c := range GitHubEvents {
		t.Run(c.Event+"/"+c.Payload, func(t *testing.T) {
			env := GitHub(t, c.Event, c.Payload, "GITHUB_REF="+c.Ref, "GITHUB_BASE_REF="+c.BaseRef)
			id := ci.System(env, env("GITHUB_WORKSPACE"), "").Identity
			if id.Repo != "github.com/octo/project" || id.Name != "ci/test" || id.Scope != c.Ref || id.BaseScope != c.Base {
				t.Errorf("identity %+v, want scope %s and base %q", id, c.Ref, c.Base)
			}
			if known := c.Payload != "" && c.Payload != "broken"; (id.DefaultScope == MainRef) != known {
				t.Errorf("default scope %q", id.DefaultScope)
			}
			reason := ci.ReadOnlyReason(env, id)
			if (reason == "") != (c.ReadOnly == "") || !strings.Contains(reason, c.ReadOnly) {
				t.Errorf("read-only because %q, want %q", reason, c.ReadOnly)
			}
			fork := strings.HasPrefix(c.Event, "pull_request") && strings.HasPrefix(reason, "the pull request comes from a fork")
			if secret := ci.NoSecretsReason(env); (secret != "") != fork {
				t.Errorf("no secrets because %q", secret)
			}
		})
	}
	if reason := ci.ReadOnlyReason(func(string) string { return "" }, ci.Identity{Scope: MainRef, DefaultScope: MainRef}); reason != "" {
		t.Errorf("outside of GitHub: %s", reason)
	}
}

// TestNameOfWorkingDirectory: two projects of a job do not share a name.
func TestNameOfWorkingDirectory(t *testing.T) {
	env := GitHub(t, "push", "push")
	for dir, want := range map[string]string{"/w/project": "ci/test/go=1", "/w/project/sub/x": "ci/test/go=1/sub/x", "/w/other": "ci/test/go=1/../other"} {
		if got := ci.System(env, filepath.FromSlash(dir), `{"go": 1}`).Name; got != want {
			t.Errorf("%s has the name %q, want %q", dir, got, want)
		}
	}
}
