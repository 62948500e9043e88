package e2e

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/org/gocache-action/restore"
)

func hexID(id [32]byte) string { return hex.EncodeToString(id[:]) }

// overwrite changes a file in place, read-only or not.
func overwrite(t testing.TB, file string, change func([]byte) []byte) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(file, 0o644), os.WriteFile(file, change(data), 0o644), os.Chmod(file, info.Mode())); err != nil {
		t.Fatal(err)
	}
}

// inodes tells which files are still the same ones.
func inodes(t *testing.T) map[string]time.Time {
	t.Helper()
	out := map[string]time.Time{}
	filepath.WalkDir(filepath.Dir(shared.mod), func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				out[p] = info.ModTime()
			}
		}
		return nil
	})
	return out
}

// breakThings breaks the caches in every way that a killed process, a full disk or a careless hand leaves behind, and
// returns what must come back.
func breakThings(t *testing.T) {
	t.Helper()
	mod := func(elem ...string) string { return filepath.Join(append([]string{shared.mod}, elem...)...) }
	tomlDownload := func(suffix string) string {
		return mod("cache", "download", "github.com", "!burnt!sushi", "toml", "@v", "v1.5.0"+suffix)
	}
	// A tree that was being extracted, one that lost its hash, and one that lost a file.
	must(t, os.WriteFile(tomlDownload(".partial"), nil, 0o644))
	must(t, os.Remove(mod("cache", "download", "github.com", "blang", "semver", "@v", "v3.5.1+incompatible.ziphash")))
	tomb := mod("gopkg.in", "tomb.v1@v1.0.0-20141024135613-dd632973f1e7")
	must(t, os.Chmod(tomb, 0o755))
	must(t, os.Remove(filepath.Join(tomb, "tomb.go")))
	must(t, os.Chmod(tomb, 0o555))
	// Build entries: junk, cut off, gone.
	actions, _ := filepath.Glob(filepath.Join(shared.build, "*", "*-a"))
	outputs, _ := filepath.Glob(filepath.Join(shared.build, "*", "*-d"))
	must(t, os.WriteFile(actions[0], []byte("junk"), 0o644))
	must(t, os.Truncate(actions[1], 100))
	must(t, os.Remove(actions[2]))
	n := 0
	for _, o := range outputs {
		info, err := os.Stat(o)
		must(t, err)
		if info.IsDir() {
			must(t, os.RemoveAll(o))
			must(t, os.Mkdir(o, 0o755))
		} else if info.Size() > 10 && n < 4 {
			if n++; n%2 == 0 {
				must(t, os.Truncate(o, info.Size()/2))
			} else {
				must(t, os.Remove(o))
			}
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestOverExisting: over whole caches a restore writes nothing, over broken ones it mends what is broken
// and touches nothing else, and it can be repeated.
func TestOverExisting(t *testing.T) {
	st := dirStore(t, filepath.Join(t.TempDir(), "store"))
	shared.reset(t)
	shared.save(t, st)
	before := inodes(t)
	for range 2 {
		res := shared.restore(t, st)
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
	res := shared.restore(t, st)
	if res.Modules.Restored != 3 || res.Build.Restored == 0 || len(res.Losses) > 0 {
		t.Errorf("over broken caches: %+v", res)
	}
	shared.mustEqualTrees(t)
	shared.mustBuildOffline(t)
	rewritten := 0
	for p, mtime := range inodes(t) {
		if old, ok := broken[p]; ok && !old.Equal(mtime) && filepath.Ext(p) != ".txt" && filepath.Dir(filepath.Dir(p)) == shared.build {
			rewritten++
		}
	}
	if rewritten > 20 {
		t.Errorf("%d build files were rewritten or touched, though few were broken", rewritten)
	}
	if res := shared.restore(t, st); res.FilesWritten != 0 {
		t.Errorf("once more: %+v", res)
	}
}

// TestOrdinaryUser does the same as somebody whom file modes stop.
func TestOrdinaryUser(t *testing.T) {
	if runtime.GOOS == "windows" || os.Getuid() != 0 {
		t.Skip("needs root, to become somebody else")
	}
	root := filepath.Join(t.TempDir(), "store")
	home := t.TempDir()
	shared.reset(t)
	mustRun(t, gocache(home, "save", root))
	breakThings(t)
	for _, dir := range []string{filepath.Dir(shared.mod), home, root} {
		if out, err := exec.Command("chown", "-R", "65534:65534", dir).CombinedOutput(); err != nil {
			t.Fatalf("chown: %v: %s", err, out)
		}
	}
	openPath(t, root)
	openPath(t, home)
	t.Cleanup(func() { exec.Command("chown", "-R", "0:0", filepath.Dir(shared.mod)).Run() })
	for try := range 2 {
		cmd := gocache(home, "restore", root)
		runAs(cmd, 65534)
		res := decodeResult(t, mustRun(t, cmd))
		if !res.Exact || len(res.Losses) > 0 || len(res.Warnings) > 0 || (try == 1) != (res.FilesWritten == 0) {
			t.Errorf("restore %d: %+v", try, res)
		}
	}
	shared.mustEqualTrees(t)
}

// openPath lets other users through to a directory of the test.
func openPath(t *testing.T, dir string) {
	t.Helper()
	for ; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil {
			os.Chmod(dir, info.Mode()|0o055)
		}
	}
}

// gocache is a command of the binary on the project.
func gocache(home, command, root string) *exec.Cmd {
	cmd := exec.Command(shared.binary, command, "--json", "--quiet", "--fail-on-error", "--store", "file://"+filepath.ToSlash(root),
		"--name", "job", "--repo", "r", "--scope", mainScope, "--default-scope", mainScope)
	cmd.Dir = shared.proj
	cmd.Env = append(os.Environ(), "HOME="+home, "GOMODCACHE="+shared.mod, "GOCACHE="+shared.build, "GOFLAGS=", "GOTOOLCHAIN=local", "GOPATH="+home)
	return cmd
}

// mustRun returns what a command prints.
func mustRun(t testing.TB, cmd *exec.Cmd) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v: %s%s", cmd.Args, err, out, stderr.Bytes())
	}
	return out
}

// decodeResult reads what restore --json prints.
func decodeResult(t *testing.T, out []byte) (res restore.Result) {
	t.Helper()
	if err := json.Unmarshal(out, &res); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return res
}
