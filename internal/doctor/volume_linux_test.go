package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// mounted is a small file system in memory.
func mounted(t *testing.T, flags uintptr, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		t.Skip("this test needs to mount a file system: ", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// TestRealDisks: a disk that is full, one that is read-only, and one without programs.
func TestRealDisks(t *testing.T) {
	small := mounted(t, 0, "size=1m,nr_inodes=20")
	f := bare(t, map[string]string{"GOCACHE": filepath.Join(small, "cache"), "GOTMPDIR": small})
	want(t, runCheck(t, f, "disk-space"), "fail free of 1.0 MiB for GOCACHE, temporary files", "fail more files (inodes) can be created")
	want(t, runCheck(t, f, "file-system"), "ok GOCACHE is on tmpfs")
	want(t, runCheck(t, f, "temp-dir"), "ok ")

	f.Env["GOTMPDIR"] = mounted(t, syscall.MS_NOEXEC, "size=1m")
	want(t, runCheck(t, f, "temp-dir"), "fail permission denied")

	f.Env["GOCACHE"] = mounted(t, syscall.MS_RDONLY, "size=1m")
	want(t, runCheck(t, f, "permissions"), "fail cannot be written to")
	readOnlyModules(t)
}

// readOnlyModules looks at a module cache on a file system that was mounted read-only: nobody can
// damage it, and nothing makes it writable.
func readOnlyModules(t *testing.T) {
	t.Helper()
	dir := mounted(t, 0, "size=1m")
	if err := os.MkdirAll(filepath.Join(dir, "cache"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cache", "lock"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	f := bare(t, map[string]string{"GOMODCACHE": dir})
	want(t, runCheck(t, f, "leftovers"), "ok nothing is left")
	found := runCheck(t, f, "permissions")
	want(t, found, "fail cannot be written to")
	if !strings.Contains(found[0].Remedy.String(), "mounted read-only") {
		t.Errorf("the remedy: %s", found[0].Remedy)
	}
}

func TestMountKind(t *testing.T) {
	const mounts = "/dev/root / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\noverlay /home overlay rw 0 0\n" +
		"C: /mnt/c 9p rw 0 0\nme@host: /srv/a\\040b fuse.sshfs rw 0 0\ntmpfs /home2 tmpfs rw 0 0\nshort\n"
	for dir, want := range map[string]string{
		"/root/go": "ext4", "/home/me": "overlay", "/mnt/c/cache": "9p", "/srv/a b/x": "fuse.sshfs", "/home2": "tmpfs", "/home22": "ext4",
	} {
		if got := mountKind(mounts, dir); got != want {
			t.Errorf("%s: %s, want %s", dir, got, want)
		}
	}
	if _, err := volumeOf(filepath.Join(os.TempDir(), "no", "such", "directory")); err == nil {
		t.Error("a directory that does not exist has a volume")
	}
}
