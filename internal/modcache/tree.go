package modcache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/org/gocache-action/internal/osfile"
)

// publishTree puts the new tree in place of the old one, if there is one. When a step fails, on
// Windows often because another program has a file open, the old tree is what it was.
func (i *Install) publishTree(have Module, sum string) (err error) {
	old, err := i.remember()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, old.putBack())
		}
	}()
	if err := i.retire(old); err != nil {
		return err
	}
	if err := i.dropWrongZip(have, sum); err != nil {
		return err
	}
	if have.Sum != sum {
		if err := i.placeSmall(".ziphash", []byte(sum)); err != nil {
			return err
		}
	}
	tree := i.c.path(i.p.tree)
	if err := os.MkdirAll(filepath.Dir(tree), 0o777); err != nil {
		return err
	}
	if err := i.c.step("tree"); err != nil {
		return err
	}
	return osfile.Rename(i.root, tree)
}

// retired is what was in the place of a version before an install.
type retired struct {
	tree, stage   string // where it is, and where it goes
	mode          fs.FileMode
	moved         bool // to stage
	partial, hash string
	wasPartial    bool
	ziphash       []byte // nil: none
}

func (i *Install) remember() (*retired, error) {
	old := &retired{
		tree: i.c.path(i.p.tree), stage: filepath.Join(i.dir, "old"),
		partial: i.c.path(i.p.base + ".partial"), hash: i.c.path(i.p.base + ".ziphash"),
	}
	_, err := os.Lstat(old.partial)
	if old.wasPartial = err == nil; err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if old.ziphash, err = osfile.ReadQuietly(old.hash); err != nil {
		old.ziphash = nil // absent, or nothing that anyone can read
	}
	return old, nil
}

// retire moves a broken tree into the stage, which is removed later, and then removes .partial.
func (i *Install) retire(old *retired) error {
	if err := i.c.step("retire"); err != nil {
		return err
	}
	if err := old.moveAway(); err != nil {
		return err
	}
	if err := i.c.step(".partial"); err != nil {
		return err
	}
	return removeFile(old.partial)
}

// moveAway moves the old tree into the stage.
func (r *retired) moveAway() error {
	st, err := os.Lstat(r.tree)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := moveAway(r.tree, r.stage); err != nil {
		return err
	}
	r.moved, r.mode = true, st.Mode()
	return nil
}

// moveAway renames whatever is at path, if anything. When it cannot, path is what it was.
func moveAway(path, to string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.IsDir() {
		// A directory must be writable to get another parent.
		if err := os.Chmod(path, st.Mode()|0o700); err != nil {
			return err
		}
	}
	if err := osfile.Rename(path, to); err != nil {
		return errors.Join(err, restoreMode(path, st.Mode()))
	}
	return nil
}

// restoreMode gives a directory its mode again.
func restoreMode(path string, mode fs.FileMode) error {
	if !mode.IsDir() {
		return nil
	}
	return os.Chmod(path, mode.Perm())
}

// putBack undoes an install that failed, in such an order that a tree that did not count never
// counts.
func (r *retired) putBack() error {
	if !r.moved {
		return nil
	}
	if r.wasPartial {
		if err := os.WriteFile(r.partial, nil, 0o666); err != nil {
			return err
		}
	}
	if err := r.putBackHash(); err != nil {
		return err
	}
	if err := osfile.Rename(r.stage, r.tree); err != nil {
		return err
	}
	return restoreMode(r.tree, r.mode)
}

func (r *retired) putBackHash() error {
	if r.ziphash == nil {
		return removeFile(r.hash)
	}
	now, err := osfile.ReadQuietly(r.hash)
	if err == nil && string(now) == string(r.ziphash) {
		return nil
	}
	return writeAndRename(r.stage+".ziphash", r.hash, r.ziphash)
}
