package rebuild

import (
	"os"
	"os/exec"
	"testing"
)

// holdDir makes a directory that nobody can remove, until it is released: something is mounted
// there.
func holdDir(t *testing.T, dir string) (release func()) {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o755))
	if out, err := exec.Command("mount", "-t", "tmpfs", "none", dir).CombinedOutput(); err != nil {
		t.Skipf("may not mount: %v %s", err, out)
	}
	return func() { must(t, exec.Command("umount", dir).Run()) }
}
