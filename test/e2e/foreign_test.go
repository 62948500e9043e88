package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
	"github.com/org/gocache-action/trim"
)

// ordinary is the user ID under which commands run.
const ordinary = 65534

// foreign is a world in which an ordinary user runs the commands, and root owns some directories.
type foreign struct {
	t                *testing.T
	home, root, path string
}

func newForeign(t *testing.T) *foreign {
	t.Helper()
	if runtime.GOOS == "windows" || os.Getuid() != 0 {
		t.Skip("needs root, to become another user")
	}
	f := &foreign{t, t.TempDir(), filepath.Join(t.TempDir(), "store"), filepath.Join(t.TempDir(), "lint")}
	shared.Reset(t)
	for _, name := range []string{"open/a", "locked/b"} {
		file := filepath.Join(f.path, filepath.FromSlash(name))
		e2etest.Must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		e2etest.Must(t, os.WriteFile(file, []byte(name), 0o644))
	}
	t.Cleanup(func() { exec.Command("chown", "-R", "0:0", filepath.Dir(shared.Mod)).Run() })
	return f
}

// give gives everything to the user, except for some directories that only root may enter.
func (f *foreign) give(locked ...string) {
	f.t.Helper()
	for _, dir := range locked {
		e2etest.Must(f.t, os.MkdirAll(dir, 0o755))
	}
	for _, dir := range []string{filepath.Dir(shared.Mod), f.home, f.root, f.path} {
		e2etest.Must(f.t, os.MkdirAll(dir, 0o755))
		if out, err := exec.Command("chown", "-R", "65534:65534", dir).CombinedOutput(); err != nil {
			f.t.Fatalf("chown: %v: %s", err, out)
		}
		openPath(f.t, dir)
	}
	for _, dir := range locked {
		e2etest.Must(f.t, os.Chown(dir, 0, 0))
		e2etest.Must(f.t, os.Chmod(dir, 0o700))
	}
}

// run runs a command as the user, and decodes its output.
func (f *foreign) run(result any, command string, args ...string) (stderr string, err error) {
	f.t.Helper()
	cmd := shared.Gocache(f.home, command, f.root)
	if command == "trim" {
		cmd.Args = []string{cmd.Path, "trim", "--json", "--quiet", "--force", "--dir", shared.Proj}
	} else {
		cmd.Args = append(cmd.Args, "--path", f.path)
	}
	if command == "plan" {
		cmd.Args = slices.DeleteFunc(cmd.Args, func(arg string) bool { return arg == "--fail-on-error" })
	}
	cmd.Args = append(cmd.Args, args...)
	runAs(cmd, ordinary)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if jsonErr := json.Unmarshal(out, result); jsonErr != nil {
		f.t.Fatalf("%s: %v, %v: %s%s", command, err, jsonErr, out, errs.String())
	}
	return errs.String(), err
}

// locked lists directories of each kind: of the build cache, of a module and its downloads, and of
// a path.
func (f *foreign) locked() (shard string, dirs []string) {
	entries, _ := filepath.Glob(filepath.Join(shared.Build, "*", "*-a"))
	shard = filepath.Base(filepath.Dir(entries[0]))
	return shard, []string{
		filepath.Join(shared.Build, shard), filepath.Join(shared.Mod, "github.com", "blang"), filepath.Join(shared.Mod, "cache", "download", "github.com", "blang"),
		filepath.Join(f.path, "locked"),
	}
}

func mentions(list []string, what ...string) bool {
	for _, w := range what {
		if !strings.Contains(strings.Join(list, "\n"), w) {
			return false
		}
	}
	return true
}

// TestForeignDirectoriesInSave: what this user may not read is left out of the save and reported,
// and trim does not remove it.
func TestForeignDirectoriesInSave(t *testing.T) {
	f := newForeign(t)
	shard, dirs := f.locked()
	f.give(dirs...)
	var res save.Result
	if stderr, err := f.run(&res, "save"); err != nil {
		t.Fatalf("save: %v: %s", err, stderr)
	}
	if !res.Written || res.Modules.Uploaded != 2 || res.Build.Uploaded == 0 || res.Files.Uploaded != 1 {
		t.Errorf("%+v", res)
	}
	if !mentions(res.Warnings, "directory "+shard, "github.com/blang", "locked of "+f.path) {
		t.Errorf("warnings: %q", res.Warnings)
	}
	var plan struct{ Save save.PlanResult }
	if stderr, err := f.run(&plan, "plan", "save"); err != nil || !mentions(plan.Save.Warnings, "directory "+shard, "github.com/blang", "locked of "+f.path) {
		t.Errorf("plan: %v: %s: %+v", err, stderr, plan)
	}
	var trimmed trim.Result
	if stderr, err := f.run(&trimmed, "trim", "--max-size", "1KiB"); err != nil {
		t.Fatalf("trim: %v: %s", err, stderr)
	}
	if trimmed.Modules.Dropped.Count == 0 || trimmed.Build.Dropped.Count == 0 || !mentions(trimmed.Warnings, "directory "+shard, "github.com/blang") {
		t.Errorf("trim: %+v", trimmed)
	}
	if left, _ := filepath.Glob(filepath.Join(shared.Build, shard, "*-a")); len(left) == 0 {
		t.Error("trim removed what it could not read")
	}
}

// TestForeignDirectoriesInRestore: where this user may not write, only the files that belong there
// are missing.
func TestForeignDirectoriesInRestore(t *testing.T) {
	f := newForeign(t)
	shard, dirs := f.locked()
	f.give()
	var saved save.Result
	if stderr, err := f.run(&saved, "save"); err != nil {
		t.Fatalf("save: %v: %s", err, stderr)
	}
	shared.Wipe(t)
	e2etest.Must(t, os.RemoveAll(f.path))
	f.give(dirs...)
	var res restore.Result
	stderr, err := f.run(&res, "restore")
	if err != nil {
		t.Fatalf("restore: %v: %s", err, stderr)
	}
	if strings.Count(stderr, "not all can be written") != 3 || strings.Count(stderr, "hint: make GOMODCACHE and GOCACHE writable") != 1 {
		t.Errorf("restore says: %s", stderr)
	}
	if res.Modules.Restored != 2 || res.Modules.Unwritten != 1 || res.Files.Restored != 1 || res.Files.Unwritten != 1 {
		t.Errorf("%+v", res)
	}
	lost := res.Build.Unwritten
	if lost == 0 || res.Build.Restored+lost != saved.Build.Uploaded || res.Build.Restored < lost {
		t.Errorf("%d of %d build entries, %d not written", res.Build.Restored, saved.Build.Uploaded, lost)
	}
	if !e2etest.Names(res.Losses, "directory "+shard) || !e2etest.Names(res.Losses, "github.com/blang") || !e2etest.Names(res.Losses, "locked") {
		t.Errorf("losses: %+v", res.Losses)
	}
	// Once the user may write there, the next restore brings the rest.
	f.give()
	var again restore.Result
	if stderr, err := f.run(&again, "restore"); err != nil || again.Modules.Present+again.Modules.Restored != 3 || again.Files.Restored != 1 || len(again.Losses) > 0 {
		t.Errorf("%v: %s: %+v", err, stderr, again)
	}
}

// TestForeignCacheInRestore: a cache in which nothing can be written causes an error, and the other
// cache is restored in full.
func TestForeignCacheInRestore(t *testing.T) {
	f := newForeign(t)
	f.give()
	var saved save.Result
	if stderr, err := f.run(&saved, "save"); err != nil {
		t.Fatalf("save: %v: %s", err, stderr)
	}
	for name, c := range map[string]struct {
		locked string
		whole  func(restore.Result) bool
	}{
		"module cache": {shared.Mod, func(r restore.Result) bool {
			return r.Modules.Restored == 0 && r.Build.Restored == saved.Build.Uploaded && r.Files.Restored == 2
		}},
		"build cache": {shared.Build, func(r restore.Result) bool {
			return r.Modules.Restored == 3 && r.Build.Restored == 0 && r.Files.Restored == 2
		}},
		"path": {f.path, func(r restore.Result) bool {
			return r.Modules.Restored == 3 && r.Build.Restored == saved.Build.Uploaded && r.Files.Restored == 0
		}},
	} {
		t.Run(name, func(t *testing.T) {
			shared.Wipe(t)
			e2etest.Must(t, os.RemoveAll(f.path))
			f.give(c.locked)
			var res restore.Result
			stderr, err := f.run(&res, "restore")
			if err == nil || !strings.Contains(stderr, name) || !strings.Contains(stderr, "hint: ") {
				t.Errorf("%v: %s", err, stderr)
			}
			if !c.whole(res) {
				t.Errorf("%+v", res)
			}
			if len(res.Losses) > 30 {
				t.Errorf("%d losses are reported", len(res.Losses))
			}
		})
	}
}
