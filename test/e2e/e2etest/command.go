package e2etest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/org/gocache-action/restore"
)

// Gocache returns a command of the binary for the project.
func (w *World) Gocache(home, command, root string) *exec.Cmd {
	cmd := exec.Command(w.Binary, command, "--json", "--quiet", "--fail-on-error", "--store", "file://"+filepath.ToSlash(root),
		"--name", "job", "--repo", "r", "--scope", MainScope, "--default-scope", MainScope)
	cmd.Dir = w.Proj
	cmd.Env = append(os.Environ(), "HOME="+home, "GOMODCACHE="+w.Mod, "GOCACHE="+w.Build, "GOFLAGS=", "GOTOOLCHAIN=local", "GOPATH="+home)
	return cmd
}

// MustRun runs a command and returns its output.
func MustRun(t testing.TB, cmd *exec.Cmd) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v: %s%s", cmd.Args, err, out, stderr.Bytes())
	}
	return out
}

// DecodeResult decodes the output of restore --json.
func DecodeResult(t testing.TB, out []byte) (res restore.Result) {
	t.Helper()
	if err := json.Unmarshal(out, &res); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return res
}
