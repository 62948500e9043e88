//go:build unix

package osfile

import (
	"io/fs"
	"strconv"

	"golang.org/x/sys/unix"
)

// Space returns how many bytes the file system of a directory has, and how many of them this user
// can still write. ID tells file systems apart.
func Space(dir string) (total, free int64, id string, err error) {
	var sys unix.Statfs_t
	if err := unix.Statfs(dir, &sys); err != nil {
		return 0, 0, "", &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return 0, 0, "", &fs.PathError{Op: "stat", Path: dir, Err: err}
	}
	size := int64(sys.Bsize)
	return int64(sys.Blocks) * size, int64(sys.Bavail) * size, strconv.FormatUint(uint64(st.Dev), 16), nil
}
