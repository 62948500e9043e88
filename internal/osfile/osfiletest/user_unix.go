//go:build unix

package osfiletest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// nobody is the ID of the user and group nobody on most systems. It needs no account.
const nobody = 65534

// AsOrdinaryUser makes cmd run as a user without privileges, who owns dir and everything below
// it, when the test runs as root. Otherwise it changes nothing: the user is ordinary already.
func AsOrdinaryUser(t *testing.T, cmd *exec.Cmd, dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	// The test binary and dir must be within reach, as they are not in every temporary directory.
	exe := filepath.Join(dir, "osfiletest.exe")
	data, err := os.ReadFile(cmd.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(exe, data, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(exe) })
	cmd.Path = exe
	err = filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(p, nobody, nobody)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for p := filepath.Dir(dir); len(p) > len(os.TempDir()); p = filepath.Dir(p) {
		if st, err := os.Stat(p); err == nil && st.Mode()&0o001 == 0 {
			if err := os.Chmod(p, st.Mode()|0o001); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}
