//go:build unix

package osfile

import (
	"io/fs"
	"strconv"

	"golang.org/x/sys/unix"
)

// Space returns how many bytes the file system of a directory has, and how many of them this user
// can still write. Total is 0 if the file system does not tell, as on Linux a ramfs, a tmpfs
// without a limit, and some of FUSE. ID tells file systems apart, also those that share the space
// of one disk, such as the volumes of an APFS container.
func Space(dir string) (total, free int64, id string, err error) {
	var sys unix.Statfs_t
	if err := unix.Statfs(dir, &sys); err != nil {
		return 0, 0, "", &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return 0, 0, "", &fs.PathError{Op: "stat", Path: dir, Err: err}
	}
	size := blockSize(&sys)
	return capacity(uint64(sys.Blocks), size), capacity(uint64(max(sys.Bavail, 0)), size), strconv.FormatUint(uint64(st.Dev), 16), nil
}
