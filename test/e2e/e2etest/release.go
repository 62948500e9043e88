package e2etest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A Clone is a clone of this project's last commit, in which releases can be tried.
type Clone struct {
	Root, Dir string // Dir, the clone, lies in Root

	t   testing.TB
	env []string
}

// Asset is the name of this machine's binary among those of a release.
var Asset = "gocache_" + runtime.GOOS + "_" + runtime.GOARCH

// NewClone clones the project, whose root is given, and skips the test with -short. Releases that
// are made there are for this machine's platform only.
func NewClone(t testing.TB, project string) *Clone {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the command")
	}
	root := t.TempDir()
	c := &Clone{Root: root, Dir: filepath.Join(root, "one"), t: t}
	c.env = append(os.Environ(), "PLATFORMS="+runtime.GOOS+"/"+runtime.GOARCH, "GIT_CONFIG_GLOBAL="+os.DevNull,
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	project, err := filepath.Abs(project)
	Must(t, err)
	c.Must(root, "git", "-c", "safe.directory=*", "clone", "-q", project, c.Dir)
	return c
}

// Run runs a program and returns what it prints.
func (c *Clone) Run(dir, program string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = dir, c.env
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// Must is Run for what has to succeed.
func (c *Clone) Must(dir, program string, args ...string) string {
	c.t.Helper()
	out, err := c.Run(dir, program, args...)
	if err != nil {
		c.t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}

// Changelog gives the unreleased section a version, such as 1.2.3, without a commit.
func (c *Clone) Changelog(version string) {
	c.t.Helper()
	file := filepath.Join(c.Dir, "CHANGELOG.md")
	text, err := os.ReadFile(file)
	Must(c.t, err)
	Must(c.t, os.WriteFile(file, []byte(strings.Replace(string(text), "## [Unreleased]", "## ["+version+"] - 2026-01-02", 1)), 0o644))
}
