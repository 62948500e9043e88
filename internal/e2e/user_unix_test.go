//go:build unix

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/org/gocache-action/restore"
)

// restoreAs runs the binary as another user.
func restoreAs(t *testing.T, uid uint32, home, root string) restore.Result {
	t.Helper()
	cmd := exec.Command(shared.binary, "restore", "--json", "--quiet", "--fail-on-error", "--store", "file://"+root,
		"--name", "job", "--repo", "r", "--scope", mainScope, "--default-scope", mainScope)
	cmd.Dir = shared.proj
	cmd.Env = append(os.Environ(), "HOME="+home, "GOMODCACHE="+shared.mod, "GOCACHE="+shared.build, "GOFLAGS=", "GOTOOLCHAIN=local", "GOPATH="+home)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s%s", err, out, stderr.Bytes())
	}
	return decodeResult(t, out)
}
