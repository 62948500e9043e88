package osfile

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// AccessTime returns when a file was last read, in nanoseconds since the epoch, as far as its file
// system records that; see RecordsReads. It reports false if the system does not tell.
func AccessTime(info fs.FileInfo) (int64, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return st.Atim.Nano(), true
}

// RecordsReads reports false if the file system of a directory is known not to record reads. With
// the usual option relatime it records the first read after a write, and later ones once a day. An
// overlay, as in containers, records none of files in a lower layer, such as an image.
func RecordsReads(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && int64(st.Flags)&(unix.ST_NOATIME|unix.ST_RDONLY) == 0 && int64(st.Type) != unix.OVERLAYFS_SUPER_MAGIC
}

// OpenQuietly opens a file for reading without recording a read. The system allows that only to the
// owner of the file and to root; for others the read is recorded.
func OpenQuietly(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOATIME, 0)
	if err == nil {
		return f, nil
	}
	return os.Open(path)
}

// HidesReads reports whether OpenQuietly hides reads of what this user finds at a path.
func HidesReads(path string) bool {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOATIME|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}
