package kit

import (
	"context"
	"errors"
	"os"
)

// Image is an ext4 file system in a file, mounted in a directory. The file system of a virtual
// machine may create files twenty times more slowly than a fresh one, or have too few inodes.
type Image struct{ File, Dir string }

// Mount makes the file system in the existing file and mounts it.
func (i Image) Mount(ctx context.Context, mkfs []string, options string) error {
	args := append(append([]string{"-q", "-F"}, mkfs...), i.File)
	if err := Do(ctx, "mkfs.ext4", args...); err != nil {
		return err
	}
	if err := os.MkdirAll(i.Dir, 0o755); err != nil {
		return err
	}
	return Do(ctx, "mount", "-o", options, i.File, i.Dir)
}

// Remove unmounts the file system if it is mounted, and removes it. It also works after the context
// of a run has ended, since an interrupted run has to clean up as well. The unmounting is lazy,
// because the commands of such a run may need a moment to end.
func (i Image) Remove() error {
	_ = Do(context.Background(), "umount", "--lazy", i.Dir) // if the mount failed, Remove succeeds
	err := os.Remove(i.Dir)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, os.Remove(i.File))
}
