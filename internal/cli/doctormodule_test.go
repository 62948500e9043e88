package cli

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

// TestDoctorModule: a `gocache proxy` lags behind a repository; doctor says so, what it advises
// helps, and then doctor is content.
func TestDoctorModule(t *testing.T) {
	env := proxyEnv(t)
	repo, app := filepath.Join(t.TempDir(), "lib"), t.TempDir()
	const lib = "git.example/team/lib.git"
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "url." + osfiletest.FileURL(repo) + ".insteadOf",
		"GIT_CONFIG_VALUE_0": "https://git.example/team/lib", "GIT_TEMPLATE_DIR": "",
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
	} {
		t.Setenv(name, value)
	}
	run := func(dir string, args ...string) {
		t.Helper()
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	write := func(dir, name, text string) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(repo, "go.mod", "module "+lib+"\n\ngo 1.21\n")
	write(repo, "lib.go", "package lib\n")
	run(repo, "git", "init", "-q")
	run(repo, "git", "add", ".")
	run(repo, "git", "commit", "-qm", "begin")
	run(repo, "git", "tag", "v1.0.0")
	write(app, "go.mod", "module example.com/app\n\ngo 1.21\n\nrequire "+lib+" v1.0.0\n")

	t.Setenv("GOPRIVATE", "git.example") // of the proxy
	server, _, _ := runProxy(t, "--store", t.TempDir(), "--upstream", "off")
	t.Setenv("GOPRIVATE", "")
	t.Setenv("GOPROXY", server)
	mod := filepath.Join(t.TempDir(), "mod")
	t.Cleanup(func() { osfile.RemoveAll(mod) })
	t.Setenv("GOMODCACHE", mod)
	doctor := func() (int, string) {
		var out bytes.Buffer
		code := execute(t.Context(), &console{stdout: &out, stderr: &out}, []string{"doctor", lib, "--dir", app}, env)
		return code, out.String()
	}
	if code, out := doctor(); code != 0 || !strings.Contains(out, "-> nothing to do: v1.0.0 is selected") {
		t.Errorf("before: exit code %d\n%s", code, out)
	}
	run(repo, "git", "tag", "v1.1.0")
	code, out := doctor()
	refresh := "proxy refresh --server " + server + " " + lib
	if code != 1 || !strings.Contains(out, "the repository has v1.1.0, and this answer is older") || !strings.Contains(out, "\n-> gocache "+refresh+"\n") {
		t.Errorf("lagging: exit code %d\n%s", code, out)
	}
	if code := execute(t.Context(), &console{stdout: &bytes.Buffer{}, stderr: os.Stderr}, strings.Fields(refresh), env); code != 0 {
		t.Errorf("the advice: exit code %d", code)
	}
	if code, out := doctor(); code != 0 || !strings.Contains(out, "-> go get "+lib+"@v1.1.0\n") {
		t.Errorf("after: exit code %d\n%s", code, out)
	}
}

// TestInEnvFile: which settings `go env -w` has written.
func TestInEnvFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(name, []byte("GOPROXY=https://p.example\nGOPRIVATE=\nCGO_ENABLED=0\n# GOSUMDB=off\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	inEnvFile := func(name string) string {
		s := moduleSettings(&run{env: func(string) string { return "" }}, goEnv{GOENV: name})
		return strings.Join(slices.Sorted(maps.Keys(s.Source)), " ")
	}
	if got := inEnvFile(name); got != "GOPROXY" {
		t.Errorf("%q", got)
	}
	if got := inEnvFile("off"); got != "" {
		t.Errorf("%q", got)
	}
}
