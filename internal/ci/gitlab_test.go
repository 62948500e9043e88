package ci_test

import (
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/ci"
	. "github.com/org/gocache-action/internal/ci/citest"
)

// TestGitLabEvents: each pipeline reads and writes the right scopes.
func TestGitLabEvents(t *testing.T) {
	for _, c := range GitLabEvents {
		t.Run(c.Name, func(t *testing.T) {
			env := GitLab(t, c.Name, c.More...)
			id := ci.System(env, "", "").Identity
			if id.Repo != "gitlab.example.com/octo/project" || id.Name != "test" || id.Scope != c.Scope || id.BaseScope != c.Base || id.DefaultScope != MainRef {
				t.Errorf("identity %+v, want scope %s and base %q", id, c.Scope, c.Base)
			}
			reason := ci.ReadOnlyReason(env, id)
			if (reason == "") != (c.ReadOnly == "") || !strings.Contains(reason, c.ReadOnly) {
				t.Errorf("read-only because %q, want %q", reason, c.ReadOnly)
			}
		})
	}
	// In the fork itself, the merge request is not from a fork.
	env := GitLab(t, "merge_request_fork", "CI_PROJECT_ID=99", "CI_PROJECT_PATH=mallory/project")
	if reason := ci.ReadOnlyReason(env, ci.System(env, "", "").Identity); reason != "" {
		t.Errorf("in the fork: read-only because %s", reason)
	}
}
