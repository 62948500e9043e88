package modcache

import (
	"errors"
	"io/fs"
	"os"

	"github.com/org/gocache-action/internal/osfile"
)

// retired is what the place of a version held before an install.
type retired struct {
	tree, stage   string // where it is, and where it goes
	mode          fs.FileMode
	moved         bool // to stage
	partial, hash string
	wasPartial    bool
	ziphash       []byte // nil: none
}

// remember records what is in the place of a version now. stage is where its tree would go.
func remember(l layout, p place, stage string) (*retired, error) {
	old := &retired{
		tree: l.path(p.tree), stage: stage,
		partial: l.path(p.base + ".partial"), hash: l.path(p.base + ".ziphash"),
	}
	_, err := os.Lstat(old.partial)
	if old.wasPartial = err == nil; err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if old.ziphash, err = osfile.ReadQuietly(old.hash); err != nil {
		old.ziphash = nil // absent or unreadable
	}
	return old, nil
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

// moveAway renames what is at path, if anything. If it fails, path is unchanged.
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

// putBack undoes an install that failed. Its order makes sure that a tree that the go command did
// not accept before is never accepted in between.
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
