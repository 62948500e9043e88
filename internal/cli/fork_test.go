package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/store/s3/s3test"
	"github.com/org/gocache-action/internal/store/storetest"
)

// leaveNoCredentials takes the credentials from a job, as in a pull request from a fork: the
// variables exist, but are empty.
func (j *testJob) leaveNoCredentials() {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"} {
		j.t.Setenv(name, "")
	}
	j.t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	j.t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	j.t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// TestWithoutCredentials: main saves. A pull request without any secret restores that from a bucket
// with the documented policy, and can neither save nor clean.
func TestWithoutCredentials(t *testing.T) {
	g := storetest.Gateway(t)
	g.Bucket(t, "acme-cache")
	g.Setenv(t)
	j := newTestJob(t)
	store := []string{"--store", g.URL("acme-cache", ""), "--repo", "github.com/acme/shop", "--default-scope", "refs/heads/main"}
	main := append([]string{"--scope", "refs/heads/main"}, store...)
	fork := append([]string{"--scope", "refs/pull/7/merge", "--base-scope", "refs/heads/main"}, store...)
	command := func(name string, args ...string) []string { return append([]string{name}, args...) }
	own := j.compile()
	j.says("saved in refs/heads/main", command("save", append(main, "--fail-on-error")...)...)

	// With a private bucket, the access is denied, which is not a miss.
	j.fresh()
	j.leaveNoCredentials()
	out := j.says("access denied", command("restore", fork...)...)
	if !strings.Contains(out, "no credentials in the environment") || !strings.Contains(out, "hint: ") || strings.Contains(out, "without a signature:") {
		t.Errorf("the warning does not say why:\n%s", out)
	}
	if code, out := j.run(command("restore", append(fork, "--fail-on-miss")...)...); code == config.ExitMiss {
		t.Errorf("a denial is a miss:\n%s", out)
	}

	s3test.PutPolicy(t, g, "acme-cache", documentedPolicies(t)["public-read"])
	before := filesBelow(t, filepath.Join(g.DataDir, "acme-cache"))
	out = j.says("in refs/heads/main", command("restore", append(fork, "--fail-on-error")...)...)
	if !j.has(own) || strings.Count(out, "is read without a signature: no credentials") != 1 {
		t.Errorf("nothing restored, or no message about the credentials:\n%s", out)
	}
	j.compile()
	out = j.says("store is read-only: no credentials", command("save", fork...)...)
	if strings.Count(out, "gocache: warning: ") != 1 || !strings.Contains(out, "hint: ") {
		t.Errorf("not one warning with a hint:\n%s", out)
	}
	if code, _ := j.run(command("save", append(fork, "--fail-on-error")...)...); code != config.ExitFailed {
		t.Errorf("with --fail-on-error: exit code %d", code)
	}
	j.says("a save would do nothing", command("plan", fork...)...)
	if list := changed(before, filesBelow(t, filepath.Join(g.DataDir, "acme-cache"))); len(list) > 0 {
		t.Errorf("changed: %q", list)
	}

	// Setting only one of the two variables is a mistake, which reading without a signature would
	// hide.
	j.fresh()
	t.Setenv("AWS_ACCESS_KEY_ID", g.AccessKey)
	j.says("only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set", command("restore", fork...)...)
	if j.has(own) {
		t.Error("restored with half a key")
	}
}

// TestRoleWithoutToken: a workflow assumes a role, in a pull request to which the runner gives no
// token.
func TestRoleWithoutToken(t *testing.T) {
	g := storetest.Gateway(t)
	g.Bucket(t, "acme-cache")
	g.Setenv(t)
	j := newTestJob(t)
	args := []string{"--store", g.URL("acme-cache", ""), "--repo", "github.com/acme/shop", "--scope", "refs/heads/main"}
	own := j.compile()
	j.says("saved in", append([]string{"save", "--fail-on-error"}, args...)...)
	s3test.MakePublic(t, g, "acme-cache", true)
	j.fresh()
	j.leaveNoCredentials()
	args = append(args, "--role-to-assume", "arn:aws:iam::123456789012:role/cache")
	j.says("is read without a signature", append([]string{"restore", "--fail-on-error"}, args...)...)
	if !j.has(own) {
		t.Error("cold")
	}
	j.says("hint: give the job an OIDC token", append([]string{"save"}, args...)...)
}
