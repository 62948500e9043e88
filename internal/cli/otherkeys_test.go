package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOtherVersions: after a miss, restore and plan say that the store has snapshots of another Go
// version.
func TestOtherVersions(t *testing.T) {
	j := newTestJob(t)
	root := j.path("store")
	args := []string{"--store", "file://" + root, "--repo", "r", "--scope", "refs/heads/x", "--default-scope", "refs/heads/main"}
	with := func(command string, more ...string) []string {
		return append(append([]string{command}, args...), more...)
	}
	if out := j.says("no snapshot found", with("restore")...); strings.Contains(out, "compiled anew") {
		t.Errorf("of an empty store:\n%s", out)
	}
	j.compile()
	j.says("saved in refs/heads/main", with("save", "--scope", "refs/heads/main")...)
	found, err := filepath.Glob(filepath.Join(root, "v2/repos/r/refs~heads~main/snapshots/default/*/*/go1*"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	if err := os.Rename(found[0], filepath.Join(filepath.Dir(found[0]), "go1.25.3")); err != nil {
		t.Fatal(err)
	}
	const want = "there are snapshots of go1.25.3 in refs/heads/main, but none of go1"
	j.says(want, with("restore")...)
	j.says(want, with("restore", "--lookup-only")...)
	j.says(want, with("plan", "restore")...)
	j.says("saved in refs/heads/x", with("save")...)
	if out := j.says("snapshot of the same module files", with("restore")...); strings.Contains(out, "compiled anew") {
		t.Errorf("although there is one:\n%s", out)
	}
}
