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
	return st.Atimespec.Nano(), true
}

// RecordsReads reports whether the file system of a directory records all reads. Unless it is
// mounted with strictatime, APFS records only the first read after a change: a file that is used
// daily would look as if it was used once.
func RecordsReads(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && st.Flags&(unix.MNT_NOATIME|unix.MNT_RDONLY) == 0 && st.Flags&unix.MNT_STRICTATIME != 0
}

// OpenQuietly opens a file for reading. Only Linux can avoid recording that as a read.
func OpenQuietly(path string) (*os.File, error) { return os.Open(path) }

// HidesReads reports false: only Linux can hide reads.
func HidesReads(string) bool { return false }
