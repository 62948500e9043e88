package procs

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestHidesReads: processes with mounts of their own, on which reads are recorded or not.
func TestHidesReads(t *testing.T) {
	if out, err := exec.Command("unshare", "-m", "true").CombinedOutput(); err != nil {
		t.Skipf("may not make mounts: %v: %s", err, out)
	}
	for _, tt := range []struct {
		name, script string
		want         bool
	}{
		{"the same mounts", `exec cat`, false},
		{"its own, the same options", `exec unshare -m sh -c 'mount --bind "$0/cache dir" "$0/other" && echo && exec cat' "$0"`, false},
		{"noatime", `exec unshare -m sh -c 'mount --bind "$0/cache dir" "$0/other" && mount -o remount,bind,noatime "$0/other" && echo && exec cat' "$0"`, true},
		{"read-only above", `exec unshare -m sh -c 'mount --bind "$0" "$0/other" && mount -o remount,bind,ro "$0/other" && echo && exec cat' "$0"`, true},
		{"read-only, something else", `exec unshare -m sh -c 'mount --bind "$0/other" "$0/other" && mount -o remount,bind,ro "$0/other" && echo && exec cat' "$0"`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			cache := filepath.Join(dir, "cache dir")
			for _, d := range []string{cache, filepath.Join(dir, "other")} {
				if err := os.Mkdir(d, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command("sh", "-c", tt.script, dir)
			in, _ := cmd.StdinPipe()
			out, _ := cmd.StdoutPipe()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Wait()
			defer in.Close()
			if tt.want || strings.Contains(tt.script, "echo") {
				if _, err := out.Read(make([]byte, 1)); err != nil { // the mounts are made
					t.Fatal(err)
				}
			}
			if got := (Process{PID: cmd.Process.Pid}).HidesReads(cache); got != tt.want {
				t.Errorf("hides reads: %v, want %v", got, tt.want)
			}
		})
	}
	if (Process{PID: 1 << 30}).HidesReads(t.TempDir()) {
		t.Error("a process that has ended hides reads")
	}
}

// TestMountsOfEnded: a process ends between two looks at it, before or after its parent waits for
// it.
func TestMountsOfEnded(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	file := fmt.Sprintf("/proc/%d/mountinfo", cmd.Process.Pid)
	err := error(nil)
	for deadline := time.Now().Add(time.Minute); err == nil && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		_, err = readMounts(file)
	}
	if !hasEnded(err) {
		t.Errorf("before its parent waits: %v", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := readMounts(file); !hasEnded(err) {
		t.Errorf("after that: %v", err)
	}
	if hasEnded(fs.ErrPermission) || hasEnded(nil) {
		t.Error("a process has ended of which this user may not see the mounts")
	}
}

func TestParseMounts(t *testing.T) {
	got, err := parseMounts(strings.NewReader("36 35 98:0 /a\\040b /mnt2 ro,noexec master:1 - ext3 /dev/root rw\n1 2 0:5 / / rw,relatime - ext4 x ro,noatime\n"))
	if err != nil || len(got) != 2 || got[0] != (mount{"36", "98:0", "/a b", "/mnt2", true}) || got[1] != (mount{"1", "0:5", "/", "/", false}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"36 35 98:0\n", strings.Repeat("x", 2<<20)} {
		if _, err := parseMounts(strings.NewReader(bad)); err == nil {
			t.Errorf("no error for %.20q", bad)
		}
	}
	if !(mount{device: "1:1", root: "/"}).shows(mount{device: "1:1", root: "/a"}) || (mount{device: "1:1", root: "/ab"}).shows(mount{device: "1:1", root: "/a"}) ||
		(mount{device: "1:2", root: "/"}).shows(mount{device: "1:1", root: "/"}) {
		t.Error("which mounts show a directory")
	}
}
