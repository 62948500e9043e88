package github

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/store/actions/actionstest"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// TestTag goes the way of a release: a tag that .ci/release makes is pushed to a mirror, the action
// of v1 is what the mirror has there, and its binary is the asset that the release publishes. Until
// that is there, a job goes on without a cache.
func TestTag(t *testing.T) {
	l := labOf(t, filepath.Join(repository(t), "examples", "one-module"), nil)
	l.std, l.actions = true, standIns(t)
	l.env = slices.DeleteFunc(l.env, func(kv string) bool { return strings.HasPrefix(kv, "GOCACHE_ACTION_BINARY=") })

	c := e2etest.NewClone(t, repository(t))
	c.Changelog("1.2.3")
	c.Must(c.Dir, "git", "commit", "-q", "-a", "-m", "Changelog")
	source := c.Must(c.Dir, "git", "rev-parse", "HEAD")
	mirror := filepath.Join(c.Root, "mirror.git")
	c.Must(c.Root, "git", "clone", "-q", "--bare", c.Dir, mirror)
	c.Must(c.Dir, ".ci/release", "prepare", "v1.2.3")
	c.Must(c.Dir, "git", "push", "-q", mirror, "v1.2.3")
	c.Must(mirror, "git", "tag", c.Must(c.Dir, ".ci/release", "moving", "v1.2.3"), "v1.2.3^{commit}")
	l.takeAction(c, mirror)

	assets := t.TempDir()
	server := httptest.NewServer(http.FileServer(http.Dir(assets)))
	t.Cleanup(server.Close)
	service := actionstest.New(t)
	token := actionstest.Token(actionstest.Grant{Scope: mainRef, Permission: readWrite})
	push := func() run {
		r := l.run("ci.yml", "push", pushTo("main"), "", "env GOCACHE_ACTION_DOWNLOAD_URL="+server.URL,
			"env ACTIONS_RESULTS_URL="+service.URL, "env ACTIONS_RUNTIME_TOKEN="+token, "env GOPROXY="+l.vars["GOPROXY"])
		r.job("test", "success")
		return r
	}

	early := push()
	early.says("/v1.2.3/" + e2etest.Asset + ": HTTP status 404")
	early.warns(1)

	c.Must(c.Dir, ".ci/release", "binaries", filepath.Join(assets, "v1.2.3"), "v1.2.3", source)
	first := push()
	first.saves(1)
	first.warns(0)
	first.summary("gocache v1.2.3")

	// Whoever can change an asset cannot change what runs. The runner has a copy of the right one.
	if err := os.RemoveAll(filepath.Join(l.root, "xdg")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(assets, "v1.2.3", e2etest.Asset), "#!/bin/sh\necho changed\n")
	changed := push()
	changed.says("but this version of the action wants")
	changed.warns(1)
	if strings.Contains(changed.text, "\nchanged\n") {
		t.Errorf("another binary was run:\n%s", changed.text)
	}
}

// takeAction makes the action what a runner gets for v1.
func (l *lab) takeAction(c *e2etest.Clone, mirror string) {
	l.t.Helper()
	archive := filepath.Join(c.Root, "v1.tar")
	c.Must(mirror, "git", "archive", "-o", archive, "v1")
	if err := os.RemoveAll(l.action); err != nil {
		l.t.Fatal(err)
	}
	if err := os.MkdirAll(l.action, 0o755); err != nil {
		l.t.Fatal(err)
	}
	c.Must(l.action, "tar", "-xf", archive)
}
