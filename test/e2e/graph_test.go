package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// TestGraphAges: .mod files that go.sum names are kept forever. Others, such as those of an earlier
// go.sum, are dropped when they were not read for too long.
func TestGraphAges(t *testing.T) {
	st := e2etest.DirStore(t, filepath.Join(t.TempDir(), "store"))
	shared.Reset(t)
	read, unread := addGraphFile(t, "v1.0.0"), addGraphFile(t, "v1.1.0")
	start := time.Now()
	at := func(d time.Duration) func() time.Time { return func() time.Time { return start.Add(d) } }
	shared.Save(t, st, func(o *save.Options) { o.BuildDir = "" })
	files := graphTree(t, st).Files
	for d := 5 * day; d <= 20*day; d += 5 * day {
		shared.Wipe(t)
		res := shared.Restore(t, st, func(o *restore.Options) { o.BuildDir, o.Now = "", at(d) })
		if _, err := os.Stat(read); err != nil || len(res.Losses) > 0 {
			t.Fatalf("after %v: %v, %+v", d, err, res.Losses)
		}
		// The clock of the file system cannot be set, so the test sets the time of the read.
		e2etest.Must(t, os.Chtimes(read, start.Add(d+time.Hour), start.Add(d)))
		shared.Save(t, st, func(o *save.Options) {
			o.BuildDir, o.State, o.MaxAge, o.Now = "", &res.State, 14*day, at(d+2*time.Hour)
		})
	}
	if tree := graphTree(t, st); tree.Files != files-1 {
		t.Errorf("%d files in the tree, want %d", tree.Files, files-1)
	}
	shared.Wipe(t)
	shared.Restore(t, st)
	if _, err := os.Stat(unread); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the unread file is restored: %v", err)
	}
	if out, err := shared.GoCommand("off", "list", "-deps", "-test", "./..."); err != nil {
		t.Errorf("go list: %v: %s", err, out)
	}
}

// addGraphFile adds a .mod file that go.sum does not name.
func addGraphFile(t *testing.T, version string) string {
	t.Helper()
	file := filepath.Join(shared.Mod, "cache", "download", "example.com", "tool", "@v", version+".mod")
	e2etest.Must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	e2etest.Must(t, os.WriteFile(file, []byte("module example.com/tool\n"), 0o644))
	return file
}

func graphTree(t *testing.T, st store.Store) (tree snapshot.Tree) {
	t.Helper()
	for _, x := range shared.Manifest(t, st).Trees {
		if x.Name == snapshot.TreeModGraph {
			tree = x
		}
	}
	return tree
}
