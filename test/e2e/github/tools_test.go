package github

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// tool returns the path of a program that these tests need: from the environment variable, or else
// from PATH. In CI it must exist.
func tool(t testing.TB, variable, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short")
	}
	path := os.Getenv(variable)
	if path == "" {
		path, _ = exec.LookPath(name)
	}
	if _, err := os.Stat(path); path == "" || err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no %s: set %s", name, variable)
		}
		t.Skipf("no %s: set %s or put it into PATH", name, variable)
	}
	return path
}

// node returns the path of node 24, the version in action.yml.
func node(t testing.TB) string {
	t.Helper()
	path := tool(t, "GOCACHE_TEST_NODE", "node")
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if version := strings.TrimSpace(string(out)); !strings.HasPrefix(version, "v24.") {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is node %s, want 24", path, version)
		}
		t.Skipf("%s is node %s, want 24: set GOCACHE_TEST_NODE", path, version)
	}
	return path
}

// repository is the root of this project.
func repository(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// environ returns the environment of the test without the variables of CI systems and users, which
// the code under test would obey.
func environ(more ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if !hasPrefix(name, "GITHUB_", "RUNNER_", "INPUT_", "STATE_", "ACTIONS_", "GOCACHE_ACTION_", "AWS_", "CI", "GO", "AGENT_TOOLSDIRECTORY") {
			env = append(env, kv)
		}
	}
	return append(env, more...)
}

func hasPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// copyAction copies the files that a runner downloads for the action, except its sources, into a
// directory.
func copyAction(t testing.TB, to string) {
	t.Helper()
	root := repository(t)
	files := []string{"action.yml", "restore/action.yml", "save/action.yml", "gc/action.yml"}
	shims, err := filepath.Glob(filepath.Join(root, "shim", "*"))
	if err != nil || len(shims) == 0 {
		t.Fatal("no shim")
	}
	for _, s := range shims {
		files = append(files, "shim/"+filepath.Base(s))
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(f)))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(to, filepath.FromSlash(f)), string(data))
	}
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// unixOnly skips the test on Windows, since the stand-ins for the binary are shell scripts.
func unixOnly(t testing.TB) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
}
