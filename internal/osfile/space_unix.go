//go:build unix

package osfile

import (
	"io/fs"
	"strconv"

	"golang.org/x/sys/unix"
)

// Space describes the file system of a directory.
func Space(dir string) (Volume, error) {
	var sys unix.Statfs_t
	if err := unix.Statfs(dir, &sys); err != nil {
		return Volume{}, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return Volume{}, &fs.PathError{Op: "stat", Path: dir, Err: err}
	}
	size := blockSize(&sys)
	return Volume{
		Total: capacity(uint64(sys.Blocks), size), Free: capacity(uint64(max(sys.Bavail, 0)), size),
		Block: int64(size), ID: strconv.FormatUint(uint64(st.Dev), 16),
	}, nil
}
