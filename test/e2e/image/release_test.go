package image

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRelease makes a tag in a clone, then builds from that tag in another directory, and gets the
// binaries with the checksums in the tag.
func TestRelease(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	root := t.TempDir()
	run := func(dir, program string, args ...string) (string, error) {
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PLATFORMS=linux/amd64", "GIT_CONFIG_GLOBAL="+os.DevNull,
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	must := func(dir, program string, args ...string) string {
		t.Helper()
		out, err := run(dir, program, args...)
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
		}
		return out
	}
	project, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	one, two := filepath.Join(root, "one"), filepath.Join(root, "another", "two")
	must(root, "git", "-c", "safe.directory=*", "clone", "-q", project, one)

	if out, err := run(one, ".ci/release", "prepare", "v1.2.3"); err == nil || !strings.Contains(out, "no section [1.2.3]") {
		t.Errorf("without a changelog: %v\n%s", err, out)
	}
	changelog := filepath.Join(one, "CHANGELOG.md")
	text, err := os.ReadFile(changelog)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(changelog, []byte(strings.Replace(string(text), "## [Unreleased]", "## [1.2.3] - 2026-01-02", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := run(one, ".ci/release", "prepare", "v1.2.3"); err == nil || !strings.Contains(out, "the tree has changes") {
		t.Errorf("with changes: %v\n%s", err, out)
	}
	must(one, "git", "commit", "-q", "-a", "-m", "Changelog")
	source := must(one, "git", "rev-parse", "HEAD")
	must(one, ".ci/release", "prepare", "v1.2.3")
	if changed := must(one, "git", "diff", "--name-only", "v1.2.3^", "v1.2.3"); changed != "shim/release.json" {
		t.Errorf("the commit of the tag changes %s", changed)
	}
	var manifest struct {
		Version, Go string
		Assets      map[string]string
	}
	data, err := os.ReadFile(filepath.Join(one, "shim", "release.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &manifest); err != nil || manifest.Version != "v1.2.3" || len(manifest.Assets["gocache_linux_amd64"]) != 64 || manifest.Go != must(one, ".ci/release", "go") {
		t.Errorf("%v, %+v", err, manifest)
	}

	must(root, "git", "clone", "-q", "--branch", "v1.2.3", one, two)
	must(two, ".ci/release", "binaries", "dist", "v1.2.3", source)
	binary := filepath.Join(two, "dist", "gocache_linux_amd64")
	must(two, ".ci/release", "verify", binary, "linux", "amd64", "v1.2.3")
	if out, err := run(two, ".ci/release", "verify", binary, "linux", "amd64", "v1.2.4"); err == nil {
		t.Errorf("another version: %s", out)
	}
	must(two, ".ci/release", "binaries", "dist", "v1.2.3", "another-commit")
	if out, err := run(two, ".ci/release", "verify", binary, "linux", "amd64", "v1.2.3"); err == nil || !strings.Contains(out, "nothing may be published") {
		t.Errorf("another binary: %v\n%s", err, out)
	}
	if notes := must(two, ".ci/release", "notes", "v1.2.3"); !strings.HasPrefix(notes, "### Added") {
		t.Errorf("notes: %s", notes)
	}
	for version, want := range map[string]string{"v1.2.3": "v1", "v12.0.0": "v12", "v1.2.3-rc.1": "", "v0.9.0": ""} {
		if got := must(two, ".ci/release", "moving", version); got != want {
			t.Errorf("%s moves %q", version, got)
		}
	}
}
