package cli

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// A roleJob is a job whose only access to a bucket is a role.
type roleJob struct {
	t    *testing.T
	sts  *storetest.STS
	kept string // file
	home string
	args []string
}

func newRoleJob(t *testing.T) *roleJob {
	g := storetest.Gateway(t)
	g.Setenv(t)
	g.Bucket(t, "bucket")
	j := &roleJob{t: t, sts: storetest.NewSTS(t, g), home: e2etest.QuietHome(t, t.TempDir())}
	j.sts.Setenv(t)
	project := filepath.Join(j.home, "m")
	for name, text := range map[string]string{"go.mod": "module example.com/m\n", "m.go": "package m\n"} {
		if err := os.MkdirAll(project, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(project, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		"HOME": j.home, "XDG_CACHE_HOME": filepath.Join(j.home, "cache"), "GOMODCACHE": filepath.Join(j.home, "mod"), "GOCACHE": filepath.Join(j.home, "build"),
		"GOFLAGS": "", "GITHUB_ACTIONS": "", "GITLAB_CI": "true", "CI_JOB_ID": "42", "CI_JOB_STATUS": "", "CI_MERGE_REQUEST_REF_PATH": "", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "", "CI_MERGE_REQUEST_PROJECT_ID": "", config.TokenVariable: "",
	} {
		t.Setenv(name, value)
	}
	j.kept = filepath.Join(j.home, "job.tmp", "credentials")
	j.args = []string{"--store", g.URL("bucket", ""), "--dir", project, "--repo", "r", "--scope", "refs/heads/main", "--role-to-assume", j.sts.Role, "--keep-credentials", j.kept}
	return j
}

// run runs a command, and looks for secrets in everything that it printed and left behind, except
// the file of kept credentials.
func (j *roleJob) run(command string, more ...string) (code int, output string) {
	j.t.Helper()
	var b bytes.Buffer
	code = execute(context.Background(), &console{stdout: &b, stderr: &b}, append(append([]string{command}, j.args...), more...), os.Getenv)
	texts := map[string]string{"the output of " + command: b.String()}
	filepath.WalkDir(j.home, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && path != j.kept {
			data, _ := os.ReadFile(path)
			texts[path] = string(data)
		}
		return nil
	})
	for where, text := range texts {
		if strings.Contains(text, j.sts.Token) || strings.Contains(text, "test-secret-key") {
			j.t.Errorf("a secret is in %s:\n%s", where, text)
		}
	}
	return code, b.String()
}

// mustRun demands success without a warning.
func (j *roleJob) mustRun(command string, more ...string) string {
	j.t.Helper()
	code, out := j.run(command, more...)
	if code != 0 || strings.Contains(out, "warning") {
		j.t.Fatalf("%s: exit code %d\n%s", command, code, out)
	}
	return out
}

// TestKeepCredentials runs a job of GitLab, whose token is valid for restore, but no longer for
// save.
func TestKeepCredentials(t *testing.T) {
	j := newRoleJob(t)
	t.Setenv(config.TokenVariable, j.sts.Token)
	j.mustRun("restore")
	info, err := os.Stat(j.kept)
	if err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Fatalf("credentials file: %v, %v", info, err)
	}
	if f := j.sts.Requests()[0]; f.Get("RoleSessionName") != "gocache-42" || f.Get("DurationSeconds") != "3600" {
		t.Errorf("asked for %v", f)
	}
	t.Setenv(config.TokenVariable, "")
	if out := j.mustRun("save", "--fail-on-error"); !strings.Contains(out, "nothing new") && !strings.Contains(out, "saved in") {
		t.Errorf("save said:\n%s", out)
	}
	if n := len(j.sts.Requests()); n != 1 {
		t.Errorf("%d requests to STS", n)
	}

	// Credentials of another role are not used, and a restore without a token leaves none behind.
	if code, out := j.run("plan", "--role-to-assume", j.sts.Role+"2"); code != 1 || !strings.Contains(out, "no OIDC token") || !strings.Contains(out, "id_tokens") {
		t.Errorf("another role: exit code %d\n%s", code, out)
	}
	if code, out := j.run("restore"); code != 0 || strings.Count(out, "warning") != 1 || !strings.Contains(out, "no OIDC token") {
		t.Errorf("restore without a token: exit code %d\n%s", code, out)
	}
	if _, err := os.Stat(j.kept); !os.IsNotExist(err) {
		t.Errorf("credentials of an earlier job: %v", err)
	}
}

// TestRunWithRole: one set of credentials serves the restore and the save of a run, and env prints
// such ones, with which a run elsewhere needs no token.
func TestRunWithRole(t *testing.T) {
	j := newRoleJob(t)
	j.args = j.args[:len(j.args)-2] // nothing is kept
	t.Setenv(config.TokenVariable, j.sts.Token)
	t.Setenv("TMPDIR", j.home)
	out := j.mustRun("run", "--fail-on-error", "--", "go", "version")
	if n := len(j.sts.Requests()); n != 1 || !strings.Contains(out, "no snapshot found") || !strings.Contains(out, "saved in") && !strings.Contains(out, "nothing new") {
		t.Errorf("%d requests to STS\n%s", n, out)
	}
	file := filepath.Join(t.TempDir(), "env")
	var env, said bytes.Buffer
	code := execute(context.Background(), &console{stdout: &env, stderr: &said}, append([]string{"env"}, j.args...), os.Getenv)
	if code != 0 || said.Len() > 0 {
		t.Errorf("env: exit code %d, %s", code, said.Bytes())
	}
	if err := os.WriteFile(file, env.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	requests := len(j.sts.Requests())
	t.Setenv(config.TokenVariable, "")
	variables, err := parseEnv(env.String())
	if err != nil || len(variables) < 5 {
		t.Fatalf("%d variables, %v", len(variables), err)
	}
	for _, v := range variables {
		t.Setenv(v.name, "") // so that what run sets goes with the test
	}
	j.args = j.args[2:4] // the directory
	out = j.mustRun("run", "--env-file", file, "--fail-on-error", "--", "go", "version")
	if n := len(j.sts.Requests()); n != requests || !strings.Contains(out, "refs/heads/main") {
		t.Errorf("%d more requests to STS\n%s", n-requests, out)
	}
}

// TestKeptCredentialsExpire: if kept credentials have expired, the save says why it fails, and what
// to do.
func TestKeptCredentialsExpire(t *testing.T) {
	j := newRoleJob(t)
	j.sts.Valid = 10 * time.Second // less than the minute that a transfer should have left
	t.Setenv(config.TokenVariable, j.sts.Token)
	j.mustRun("restore")
	t.Setenv(config.TokenVariable, "")
	code, out := j.run("save")
	if code != 0 || !strings.Contains(out, "have expired") || !strings.Contains(out, "raise $GOCACHE_ACTION_ROLE_DURATION") || !strings.Contains(out, "no OIDC token") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// TestTokens: a token comes from the runner, or else from the environment, or else from a file.
func TestTokens(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{tokenFileVariable: file}
	r := &run{cfg: config.New(config.Restore), env: func(name string) string { return env[name] }}
	r.cfg.Role = "arn:aws:iam::1:role/x"
	check := func(want string) {
		t.Helper()
		if got, err := roleOf(r).Token(context.Background()); got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	check("from a file")
	env[config.TokenVariable] = "from the environment\n"
	check("from the environment")
	r.tokens = func(_ context.Context, audience string) (string, error) {
		return "from the runner for " + audience, nil
	}
	check("from the runner for sts.amazonaws.com")
}
