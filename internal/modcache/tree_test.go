package modcache

import (
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTreeIsPutBack lets an install fail before each step, over each kind of damage. Unless the new
// tree is in place, the old one is as it was, and is no more acceptable than before.
func TestTreeIsPutBack(t *testing.T) {
	w := sharedWorld(t)
	locked := errors.New("locked")
	p, _ := locate(toml)
	steps := []string{"retire", ".partial", "drop zip", ".ziphash", "tree"}
	if testing.Short() {
		steps = []string{"tree"}
	}
	for _, d := range damages {
		for _, step := range steps {
			t.Run(d.name+"/"+step, func(t *testing.T) {
				dst := Open(tempDir(t), Options{})
				if err := copyAll(dst, w.src); err != nil {
					t.Fatal(err)
				}
				if err := d.do(dst, p); err != nil {
					t.Fatal(err)
				}
				before := dst.Stat(toml)
				if _, err := os.Lstat(dst.path(p.tree)); err != nil {
					t.Skip("there is nothing to put back")
				}
				wantTree := tree(t, dst.path(p.tree))
				dst.step = func(what string) error {
					if what == step {
						return locked
					}
					return nil
				}
				err := copyAll(dst, w.src)
				if err == nil {
					t.Skip("this step is not needed after this damage")
				}
				if !errors.Is(err, locked) {
					t.Fatal(err)
				}
				if diff := cmp.Diff(wantTree, tree(t, dst.path(p.tree))); diff != "" {
					t.Errorf("the tree (-want +got):\n%s", diff)
				}
				if after := dst.Stat(toml); after.HasTree != before.HasTree || (after.State == Complete) != (before.State == Complete) {
					t.Errorf("%+v became %+v", before, after)
				}
				dst.step = func(string) error { return nil }
				if err := copyAll(dst, w.src); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
