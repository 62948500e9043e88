package hostile

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/org/gocache-action/test/e2e/e2etest"
)

// smallDisk mounts a file system with options such as size=4m. Where that is not permitted, the
// test is skipped, but not in CI.
func smallDisk(t *testing.T, options string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "disk")
	e2etest.Must(t, os.Mkdir(dir, 0o755))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("cannot mount a small file system: ", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// remount makes a disk larger, or read-only.
func remount(t *testing.T, dir string, flags uintptr, options string) {
	t.Helper()
	e2etest.Must(t, syscall.Mount("", dir, "tmpfs", syscall.MS_REMOUNT|flags, options))
}

// failsSoftly demands that a command gives a warning with these words and lets the job go on, and
// that it fails with --fail-on-error.
func failsSoftly(t *testing.T, m *machine, command string, says ...string) {
	t.Helper()
	for code, flags := range [][]string{nil, {"--fail-on-error"}} {
		e := finish(t, m.cmd(command, flags...))
		if e.code != code {
			t.Errorf("%s %v: want code %d: %v", command, flags, code, e)
		}
		for _, s := range says {
			if !strings.Contains(e.stderr, s) {
				t.Errorf("%s %v does not say %q: %v", command, flags, s, e)
			}
		}
	}
}

const diskHint = "hint: free space on the disk"

// TestDiskFullInRestore: a restore to a disk with too few inodes, or too little room for modules,
// restores what fits, leaves no partial files, says why, and lets the job go on. Once there is more
// room, the next restore completes. This holds for modules and build outputs alike. Only one of the
// caches is restored, since it would otherwise depend on the speed of the disks which of the two
// gets the last inodes.
func TestDiskFullInRestore(t *testing.T) {
	t.Parallel()
	full := newMachine(t, dirURL(filepath.Join(t.TempDir(), "store")))
	full.mod = filepath.Join(shared.Reference, "mod")
	fill(t, full.build, 1, 600, 16<<10)
	full.must(t, "save")
	for name, c := range map[string]struct {
		small, large   string
		modules, build bool // which caches are restored
	}{
		"space for modules":  {"size=300k", "size=64m", true, false},
		"inodes for outputs": {"size=64m,nr_inodes=800", "size=64m,nr_inodes=0", false, true},
		"inodes for modules": {"size=64m,nr_inodes=60", "size=64m,nr_inodes=0", true, false},
	} {
		m := full.fresh(t)
		disk := smallDisk(t, c.small)
		m.mod, m.build = filepath.Join(disk, "mod"), filepath.Join(disk, "build")
		m.env = append(m.env, "GOCACHE_ACTION_NO_BUILD="+strconv.FormatBool(!c.build), "GOCACHE_ACTION_NO_MODULES="+strconv.FormatBool(!c.modules))
		failsSoftly(t, m, "restore", "no space left on device", diskHint)
		n := whole(t, m.build)
		if c.build && (n == 0 || n == 600) {
			t.Errorf("%s: %d entries fit, want some", name, n)
		}
		cmd := exec.Command("go", "mod", "verify")
		cmd.Dir, cmd.Env = m.proj, append(m.cmd("version").Env, "GOPROXY="+shared.Proxy(), "GOMODCACHE="+m.mod)
		remount(t, disk, 0, c.large)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: go mod verify: %v\n%s", name, err, out)
		}
		m.must(t, "restore")
		if n := whole(t, m.build); c.build && n != 600 {
			t.Errorf("%s: %d entries after there was room, want 600", name, n)
		}
		if c.modules && !glob(m.mod, "github.com", "*", "toml@v1.5.0", "decode.go") {
			t.Errorf("%s: the modules are not there", name)
		}
	}
}

// TestNoRoomInRestore: a build cache that a disk has no room for is not even begun, so that the
// build has the room that there is; modules are restored. With more room the next restore
// completes.
func TestNoRoomInRestore(t *testing.T) {
	t.Parallel()
	full := newMachine(t, dirURL(filepath.Join(t.TempDir(), "store")))
	full.mod = filepath.Join(shared.Reference, "mod")
	fill(t, full.build, 1, 600, 16<<10)
	full.must(t, "save")
	m := full.fresh(t)
	disk := smallDisk(t, "size=10m")
	m.mod, m.build = filepath.Join(disk, "mod"), filepath.Join(disk, "build")
	failsSoftly(t, m, "restore", "build cache "+m.build+": not enough space: it would take ", diskHint)
	if glob(m.build) || !glob(m.mod, "github.com", "*", "toml@v1.5.0", "decode.go") {
		t.Error("a build cache was begun, or the modules are not there")
	}
	if e := finish(t, m.cmd("restore", "--json")); !strings.Contains(e.stdout, `"unwritten": 600`) {
		t.Errorf("not counted as not written: %v", e)
	}
	if e := m.must(t, "plan", "restore"); !strings.Contains(e.stdout, "not enough space") {
		t.Errorf("plan: %v", e)
	}
	remount(t, disk, 0, "size=64m")
	if m.must(t, "restore"); whole(t, m.build) != 600 {
		t.Error("not complete after there was room")
	}
}

// TestDiskThatDoesNotTell: a disk without a limit announces no blocks at all, and gets everything.
func TestDiskThatDoesNotTell(t *testing.T) {
	t.Parallel()
	full := newMachine(t, dirURL(filepath.Join(t.TempDir(), "store")))
	full.mod = filepath.Join(shared.Reference, "mod")
	fill(t, full.build, 1, 20, 16<<10)
	full.must(t, "save")
	m := full.fresh(t)
	disk := smallDisk(t, "size=0")
	m.mod, m.build = filepath.Join(disk, "mod"), filepath.Join(disk, "build")
	e := m.must(t, "restore")
	if n := whole(t, m.build); n != 20 || !glob(m.mod, "github.com", "*", "toml@v1.5.0", "decode.go") {
		t.Errorf("%d entries, and perhaps no modules: %v", n, e)
	}
}

// TestDiskFullInStore: a save to a directory without room leaves the previous snapshot whole, and
// no partial files; with room it succeeds.
func TestDiskFullInStore(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "size=4m")
	m := newMachine(t, dirURL(filepath.Join(disk, "store")))
	fill(t, m.build, 1, 4, 256<<10)
	m.must(t, "save")
	fill(t, m.build, 2, 16, 256<<10)
	failsSoftly(t, m, "save", "no space left on device", diskHint+" of the store", "--grace 0 at once")
	if left, _ := filepath.Glob(filepath.Join(disk, "store", ".#store", "tmp", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	r := m.fresh(t)
	if r.must(t, "restore"); whole(t, r.build) != 4 {
		t.Error("the snapshot from before is not whole")
	}
	remount(t, disk, 0, "size=64m")
	m.must(t, "save")
	if r.must(t, "restore"); whole(t, r.build) != 20 {
		t.Error("the snapshot is not complete after there was room")
	}
}

// TestDiskFullInCollection: on a disk without a free byte, gc removes nothing and says why, since
// it could not note what it does. A dry run works, and a little room is enough for a real one.
func TestDiskFullInCollection(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "size=4m")
	m := newMachine(t, dirURL(filepath.Join(disk, "store")))
	fill(t, m.build, 1, 4, 256<<10)
	m.must(t, "save")
	garbage := filepath.Join(disk, "store", "v2", "repos", "r", "old", "packs", strings.Repeat("ab", 32))
	e2etest.Must(t, os.MkdirAll(filepath.Dir(garbage), 0o755))
	e2etest.Must(t, os.WriteFile(garbage, make([]byte, 1<<20), 0o644))
	filler := fillUp(t, disk)
	e := finish(t, m.cmd("gc", "--grace", "0s"))
	if e.code != 1 || !strings.Contains(e.stderr, "no space left on device") || !strings.Contains(e.stderr, diskHint) {
		t.Errorf("gc on a full disk: %v", e)
	}
	if !glob(garbage) {
		t.Error("gc removed something that it did not announce")
	}
	m.must(t, "gc", "--grace", "0s", "--dry-run")
	e2etest.Must(t, os.Truncate(filler, 0))
	e2etest.Must(t, os.WriteFile(filler, make([]byte, 1<<20), 0o644))
	if m.must(t, "gc", "--grace", "0s"); glob(garbage) {
		t.Error("gc removed nothing after there was room")
	}
	r := m.fresh(t)
	if r.must(t, "restore"); whole(t, r.build) != 4 {
		t.Error("the snapshot is not whole")
	}
}

// fillUp uses every free byte.
func fillUp(t *testing.T, disk string) string {
	t.Helper()
	name := filepath.Join(disk, "filler")
	f, err := os.Create(name)
	e2etest.Must(t, err)
	defer f.Close()
	for {
		if _, err := f.Write(make([]byte, 4<<10)); err != nil {
			return name
		}
	}
}

// TestReadOnlyDisk: caches on a read-only disk can be saved, but not restored to; a store on such a
// disk can be read, but not saved to.
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "size=16m")
	root := filepath.Join(t.TempDir(), "store")
	m := newMachine(t, dirURL(root))
	m.mod, m.build = filepath.Join(disk, "mod"), filepath.Join(disk, "build")
	fill(t, m.build, 1, 4, 256<<10)
	copied := newMachine(t, dirURL(filepath.Join(disk, "store")))
	fill(t, copied.build, 1, 4, 256<<10)
	copied.must(t, "save")
	remount(t, disk, syscall.MS_RDONLY, "")
	m.must(t, "save")
	m.must(t, "restore") // everything is already there
	e2etest.Must(t, os.RemoveAll(root))
	more := m.fresh(t)
	fill(t, more.build, 2, 4, 256<<10)
	more.must(t, "save")
	failsSoftly(t, m, "restore", "read-only file system", "hint: the file system is mounted read-only")
	fill(t, copied.build, 2, 4, 256<<10)
	failsSoftly(t, copied, "save", "read-only file system", "access denied")
	r := copied.fresh(t)
	if r.must(t, "restore"); whole(t, r.build) != 4 {
		t.Error("the snapshot is not whole")
	}
}

// TestFileSizeLimit: if files may not become as large as an output, restore and save treat that
// like a full disk.
func TestFileSizeLimit(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "store")
	m := newMachine(t, dirURL(root))
	fill(t, m.build, 1, 20, 20<<10)
	fill(t, m.build, 2, 1, 1<<20)
	m.must(t, "save")
	limited := func(m *machine, command string) ended {
		cmd := m.cmd(command)
		// in units of 512 bytes
		cmd.Args = append([]string{"sh", "-c", `ulimit -f 512; exec "$@"`, "sh", cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/bin/sh"
		return finish(t, cmd)
	}
	r := m.fresh(t)
	if e := limited(r, "restore"); e.code != 0 || !strings.Contains(e.stderr, "file too large") || !strings.Contains(e.stderr, diskHint) {
		t.Errorf("restore: %v", e)
	}
	whole(t, r.build)
	if r.must(t, "restore"); whole(t, r.build) != 21 {
		t.Error("the rerun did not complete")
	}
	fill(t, m.build, 3, 1, 1<<20)
	if e := limited(m, "save"); e.code != 0 || !strings.Contains(e.stderr, "file too large") {
		t.Errorf("save: %v", e)
	}
	if r.must(t, "restore"); whole(t, r.build) != 21 {
		t.Error("the snapshot from before is not whole")
	}
}
