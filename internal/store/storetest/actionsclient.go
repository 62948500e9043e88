package storetest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofrs/flock"
)

// ActionsClient is the client of GitHub for its cache service, in the version of
// tools/actionscache.
type ActionsClient struct{ dir string }

// NewActionsClient installs the client, if this machine has not got it yet. Without Node.js, or
// without its package manager and the client, the test is skipped.
func NewActionsClient(t testing.TB) ActionsClient {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("there is no Node.js")
	}
	dir, err := installActionsClient()
	if err != nil {
		t.Skip("the client of GitHub cannot be installed: ", err)
	}
	return ActionsClient{dir}
}

func installActionsClient() (string, error) {
	if userCacheErr != nil {
		return "", userCacheErr
	}
	source, err := actionsClientSource()
	if err != nil {
		return "", err
	}
	lock, err := os.ReadFile(filepath.Join(source, "package-lock.json"))
	if err != nil {
		return "", err
	}
	root := filepath.Join(userCache, "gocache-action-tools")
	dir := filepath.Join(root, fmt.Sprintf("actionscache-%08x", hashOf(lock)))
	if err := os.MkdirAll(root, 0o777); err != nil {
		return "", err
	}
	// Test processes of several packages start at once; one of them installs.
	guard := flock.New(dir + ".lock")
	if err := guard.Lock(); err != nil {
		return "", err
	}
	defer guard.Unlock()
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		if err := npmInstall(source, dir); err != nil {
			return "", err
		}
	}
	script, err := os.ReadFile(filepath.Join(source, "cache.mjs"))
	if err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "cache.mjs"), script, 0o666)
}

// npmInstall installs what the lock file says, and runs nothing of it.
func npmInstall(source, dir string) error {
	os.RemoveAll(dir + ".tmp")
	if err := os.MkdirAll(dir+".tmp", 0o777); err != nil {
		return err
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		data, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir+".tmp", name), data, 0o666); err != nil {
			return err
		}
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir, cmd.Env = dir+".tmp", startEnv
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	os.RemoveAll(dir)
	return os.Rename(dir+".tmp", dir)
}

// actionsClientSource finds tools/actionscache above the directory in which the test process was
// started.
func actionsClientSource() (string, error) {
	if startDirErr != nil {
		return "", startDirErr
	}
	for dir := startDir; ; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, "tools", "actionscache")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no tools/actionscache above %s", startDir)
		}
	}
}

func hashOf(data []byte) (h uint32) {
	for _, b := range data { // FNV-1a
		h = (h ^ uint32(b)) * 16777619
	}
	return h
}

// Save saves files of a directory, and returns the last line that the client prints.
func (c ActionsClient) Save(t testing.TB, address, token, dir, key string, files ...string) string {
	t.Helper()
	return c.run(t, address, token, dir, append([]string{"save", key}, files...))
}

// Restore restores files into a directory from the first of the keys, of which all but the first
// are prefixes, and returns the key that the client found, or "nothing".
func (c ActionsClient) Restore(t testing.TB, address, token, dir string, keys []string, files ...string) string {
	t.Helper()
	return c.run(t, address, token, dir, append([]string{"restore", strings.Join(keys, ",")}, files...))
}

func (c ActionsClient) run(t testing.TB, address, token, dir string, args []string) string {
	t.Helper()
	cmd := exec.Command("node", append([]string{filepath.Join(c.dir, "cache.mjs")}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		"ACTIONS_CACHE_SERVICE_V2=true", "ACTIONS_RESULTS_URL="+address, "ACTIONS_RUNTIME_TOKEN="+token,
		"GITHUB_WORKSPACE="+dir, "RUNNER_TEMP="+t.TempDir(), "GITHUB_SERVER_URL=https://github.com",
		"ACTIONS_CACHE_MODE=", "RUNNER_DEBUG=", "NO_PROXY=127.0.0.1,localhost", "no_proxy=127.0.0.1,localhost",
	)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s\n%s", strings.Join(args, " "), err, out, stderr.Bytes())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	t.Logf("%s:\n%s", strings.Join(args, " "), out)
	return lines[len(lines)-1]
}
