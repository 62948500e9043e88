package e2e

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/org/gocache-action/test/e2e/e2etest"
)

// inodes returns the modification times of all files in the caches, which show what has been
// rewritten.
func inodes(t *testing.T) map[string]time.Time {
	t.Helper()
	out := map[string]time.Time{}
	filepath.WalkDir(filepath.Dir(shared.Mod), func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				out[p] = info.ModTime()
			}
		}
		return nil
	})
	return out
}

// breakThings breaks the caches in every way in which a killed process, a full disk or a careless
// user could.
func breakThings(t *testing.T) {
	t.Helper()
	mod := func(elem ...string) string { return filepath.Join(append([]string{shared.Mod}, elem...)...) }
	tomlDownload := func(suffix string) string {
		return mod("cache", "download", "github.com", "!burnt!sushi", "toml", "@v", "v1.5.0"+suffix)
	}
	// A tree that was being extracted, one without its hash, and one without one of its files.
	e2etest.Must(t, os.WriteFile(tomlDownload(".partial"), nil, 0o644))
	e2etest.Must(t, os.Remove(mod("cache", "download", "github.com", "blang", "semver", "@v", "v3.5.1+incompatible.ziphash")))
	tomb := mod("gopkg.in", "tomb.v1@v1.0.0-20141024135613-dd632973f1e7")
	e2etest.Must(t, os.Chmod(tomb, 0o755))
	e2etest.Must(t, os.Remove(filepath.Join(tomb, "tomb.go")))
	e2etest.Must(t, os.Chmod(tomb, 0o555))
	// Build entries that are junk, truncated, or gone.
	actions, _ := filepath.Glob(filepath.Join(shared.Build, "*", "*-a"))
	outputs, _ := filepath.Glob(filepath.Join(shared.Build, "*", "*-d"))
	e2etest.Must(t, os.WriteFile(actions[0], []byte("junk"), 0o644))
	e2etest.Must(t, os.Truncate(actions[1], 100))
	e2etest.Must(t, os.Remove(actions[2]))
	n := 0
	for _, o := range outputs {
		info, err := os.Stat(o)
		e2etest.Must(t, err)
		if info.IsDir() {
			e2etest.Must(t, os.RemoveAll(o))
			e2etest.Must(t, os.Mkdir(o, 0o755))
		} else if info.Size() > 10 && n < 4 {
			if n++; n%2 == 0 {
				e2etest.Must(t, os.Truncate(o, info.Size()/2))
			} else {
				e2etest.Must(t, os.Remove(o))
			}
		}
	}
}

// TestOverExisting: a restore over whole caches writes nothing. Over broken ones it repairs what is
// broken and touches nothing else, and it can be repeated.
func TestOverExisting(t *testing.T) {
	st := e2etest.DirStore(t, filepath.Join(t.TempDir(), "store"))
	shared.Reset(t)
	shared.Save(t, st)
	before := inodes(t)
	for range 2 {
		res := shared.Restore(t, st)
		if res.FilesWritten != 0 || res.Modules.Present != 3 || res.Build.Restored != 0 {
			t.Fatalf("over whole caches: %+v", res)
		}
	}
	for p, mtime := range inodes(t) {
		if !before[p].Equal(mtime) {
			t.Errorf("%s was rewritten", p)
		}
	}
	breakThings(t)
	broken := inodes(t)
	res := shared.Restore(t, st)
	if res.Modules.Restored != 3 || res.Build.Restored == 0 || len(res.Losses) > 0 {
		t.Errorf("over broken caches: %+v", res)
	}
	shared.MustEqualTrees(t)
	shared.MustBuildOffline(t)
	rewritten := 0
	for p, mtime := range inodes(t) {
		if old, ok := broken[p]; ok && !old.Equal(mtime) && filepath.Ext(p) != ".txt" && filepath.Dir(filepath.Dir(p)) == shared.Build {
			rewritten++
		}
	}
	if rewritten > 20 {
		t.Errorf("%d build files were rewritten or touched, though few were broken", rewritten)
	}
	if res := shared.Restore(t, st); res.FilesWritten != 0 {
		t.Errorf("once more: %+v", res)
	}
}

// TestOrdinaryUser does the same as a user whom file modes restrict.
func TestOrdinaryUser(t *testing.T) {
	if runtime.GOOS == "windows" || os.Getuid() != 0 {
		t.Skip("needs root, to become another user")
	}
	root := filepath.Join(t.TempDir(), "store")
	home := t.TempDir()
	shared.Reset(t)
	e2etest.MustRun(t, shared.Gocache(home, "save", root))
	breakThings(t)
	for _, dir := range []string{filepath.Dir(shared.Mod), home, root} {
		if out, err := exec.Command("chown", "-R", "65534:65534", dir).CombinedOutput(); err != nil {
			t.Fatalf("chown: %v: %s", err, out)
		}
	}
	openPath(t, root)
	openPath(t, home)
	t.Cleanup(func() { exec.Command("chown", "-R", "0:0", filepath.Dir(shared.Mod)).Run() })
	for try := range 2 {
		cmd := shared.Gocache(home, "restore", root)
		runAs(cmd, 65534)
		res := e2etest.DecodeResult(t, e2etest.MustRun(t, cmd))
		if res.Matched == nil || !res.Matched.Exact || len(res.Losses) > 0 || len(res.Warnings) > 0 || (try == 1) != (res.FilesWritten == 0) {
			t.Errorf("restore %d: %+v", try, res)
		}
	}
	shared.MustEqualTrees(t)
}

// openPath lets other users reach a directory of the test.
func openPath(t *testing.T, dir string) {
	t.Helper()
	for ; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil {
			os.Chmod(dir, info.Mode()|0o055)
		}
	}
}
