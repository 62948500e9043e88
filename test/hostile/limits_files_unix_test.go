//go:build unix

package hostile

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// limitedTo runs a command with a limit of open files that it cannot raise.
func limitedTo(files int, cmd *exec.Cmd) *exec.Cmd {
	cmd.Args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$@"`, files), "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	return cmd
}

// TestFewFiles: 256 open files, and even 64, are enough to save and restore hundreds of modules and
// outputs, from S3 and from a directory.
func TestFewFiles(t *testing.T) {
	t.Parallel()
	g := storetest.Gateway(t)
	onS3, _ := bucket(t, g, "files", g.Endpoint)
	m := newMachine(t, "")
	m.env = g.Env()
	m.modules(t, manyModules)
	fill(t, m.build, 1, 20, 1<<20)
	seed := uint64(1)
	for kind, store := range map[string]string{"s3": onS3, "dir": dirURL(filepath.Join(t.TempDir(), "store"))} {
		for _, files := range []int{256, 64} {
			if kind == "dir" && files == 256 {
				continue // a directory needs no connections, so only the harder case of 64 is tried
			}
			s := *m
			s.store = store
			seed++
			fill(t, s.build, seed, 10, 1<<20)
			if e := finish(t, limitedTo(files, s.cmd("save", "--fail-on-error"))); e.code != 0 {
				t.Errorf("%s: save with %d files: %v", kind, files, e)
			}
			r := s.fresh(t)
			if e := finish(t, limitedTo(files, r.cmd("restore", "--fail-on-error", "--zips", "rebuild"))); e.code != 0 {
				t.Errorf("%s: restore with %d files: %v", kind, files, e)
			}
			if got, want := whole(t, r.build), whole(t, s.build); got != want {
				t.Errorf("%s, %d files: %d entries, want %d", kind, files, got, want)
			}
			if trees, _ := filepath.Glob(filepath.Join(r.mod, "example.com", "m", "*@v1.0.0")); len(trees) != manyModules {
				t.Errorf("%s, %d files: %d modules", kind, files, len(trees))
			}
		}
	}
}

// TestOneProcessor: with GOMAXPROCS=1, real caches are restored as they were, including outputs in
// several frames.
func TestOneProcessor(t *testing.T) {
	t.Parallel()
	m := newMachine(t, dirURL(filepath.Join(t.TempDir(), "store")))
	m.env = []string{"GOMAXPROCS=1"}
	m.mod, m.build = filepath.Join(shared.Reference, "mod"), filepath.Join(t.TempDir(), "build")
	e2etest.Must(t, exec.Command("cp", "-a", filepath.Join(shared.Reference, "build"), m.build).Run())
	fill(t, m.build, 1, 1, 70<<20)
	m.must(t, "save", "--state", e2etest.StableState(t))
	r := m.fresh(t)
	r.must(t, "restore", "--verify", "outputs")
	for half, want := range map[string]string{r.mod: m.mod, r.build: m.build} {
		got := e2etest.Tree(t, half)
		for name, x := range e2etest.Tree(t, want) {
			if got[name] != x {
				t.Errorf("%s is %q, want %q", name, got[name], x)
			}
		}
	}
}
