package modcache

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

// damaged returns a cache in which the tree of a module does not match go.sum, so that an install
// replaces it.
func damaged(t *testing.T, w *world) (c *Cache, file string) {
	c = Open(tempDir(t), Options{})
	if err := copyAll(c, w.src); err != nil {
		t.Fatal(err)
	}
	p, _ := locate(toml)
	file = c.path(p.tree + "/a/b.txt")
	if err := errors.Join(os.Remove(c.path(p.base+".ziphash")), os.Chmod(file, 0o666), os.WriteFile(file, []byte("other"), 0o666)); err != nil {
		t.Fatal(err)
	}
	return c, file
}

// TestTreeInUse: another program has a file of the old tree open for a moment, and the install
// waits for it.
func TestTreeInUse(t *testing.T) {
	w := sharedWorld(t)
	c, file := damaged(t, w)
	release := osfiletest.Hold(t, file)
	time.AfterFunc(500*time.Millisecond, release)
	if err := copyAll(c, w.src); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree(t, w.src.dir), tree(t, c.dir)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestTreeInUseForGood: the tree stays open, like the working directory of a shell. The install of
// this module fails because the tree is locked, the old tree stays where it was, and other modules
// can be installed.
func TestTreeInUseForGood(t *testing.T) {
	w := sharedWorld(t)
	c, _ := damaged(t, w)
	p, _ := locate(toml)
	before := tree(t, c.path(p.tree))
	release := osfiletest.Hold(t, c.path(p.tree))
	defer release()
	mods, err := w.src.Scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mods {
		if m.Version != toml {
			if err := remove(c, m.Version); err != nil {
				t.Fatal(err)
			}
		}
	}
	s, err := c.NewStage()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mods {
		err := copyModule(s, w.src, m, InstallOptions{})
		if osfile.IsLocked(err) != (m.Version == toml) || err != nil && m.Version != toml {
			t.Errorf("%s: %v", m.Version, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(before, tree(t, c.path(p.tree))); diff != "" {
		t.Errorf("the old tree (-want +got):\n%s", diff)
	}
	for _, m := range mods {
		if got := c.Stat(m.Version); m.Version != toml && got.State != Complete {
			t.Errorf("%s: %+v", m.Version, got)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(c.dir, "cache", "gocache-stage-*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestOldTreeInUse: if a tree can be moved although a file in it is open, as under wine, but not
// yet removed, its remains do not affect this or the next install, and are removed as soon as
// possible.
func TestOldTreeInUse(t *testing.T) {
	w := sharedWorld(t)
	c, file := damaged(t, w)
	release := osfiletest.Hold(t, file)
	defer release()
	if err := copyAll(c, w.src); err != nil && !osfile.IsLocked(err) {
		t.Fatal(err)
	}
	if c.Stat(toml).State != Complete {
		t.Skip("such a tree cannot be moved here")
	}
	s, err := c.NewStage()
	if err != nil {
		t.Fatalf("the next install: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	release()
	if s, err = c.NewStage(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if left, _ := filepath.Glob(filepath.Join(c.dir, "cache", "gocache-stage-*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
