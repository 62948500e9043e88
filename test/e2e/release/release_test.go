// Package release tests how a release is made, and what it consists of: the checksums of the
// binaries in a tag, packages, the zip of the module.
package release

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/org/gocache-action/test/e2e/e2etest"
)

// TestRelease makes a tag in a clone, then builds from that tag in another directory, and gets the
// binaries with the checksums in the tag.
func TestRelease(t *testing.T) {
	c := e2etest.NewClone(t, "../../..")
	run, must, one := c.Run, c.Must, c.Dir
	two := filepath.Join(c.Root, "another", "two")

	if out, err := run(one, ".ci/release", "prepare", "v1.2.3"); err == nil || !strings.Contains(out, "no section [1.2.3]") {
		t.Errorf("without a changelog: %v\n%s", err, out)
	}
	c.Changelog("1.2.3")
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
	if err := json.Unmarshal(data, &manifest); err != nil || manifest.Version != "v1.2.3" || len(manifest.Assets[e2etest.Asset]) != 64 || manifest.Go != must(one, ".ci/release", "go") {
		t.Errorf("%v, %+v", err, manifest)
	}

	must(c.Root, "git", "clone", "-q", "--branch", "v1.2.3", one, two)
	must(two, ".ci/release", "binaries", "dist", "v1.2.3", source)
	binary := filepath.Join(two, "dist", e2etest.Asset)
	must(two, ".ci/release", "verify", binary, runtime.GOOS, runtime.GOARCH, "v1.2.3")
	if out, err := run(two, ".ci/release", "verify", binary, runtime.GOOS, runtime.GOARCH, "v1.2.4"); err == nil {
		t.Errorf("another version: %s", out)
	}
	must(two, ".ci/release", "binaries", "dist", "v1.2.3", "another-commit")
	if out, err := run(two, ".ci/release", "verify", binary, runtime.GOOS, runtime.GOARCH, "v1.2.3"); err == nil || !strings.Contains(out, "nothing may be published") {
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
