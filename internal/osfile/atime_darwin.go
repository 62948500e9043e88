package osfile

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// AccessTime returns when a file was read last, in nanoseconds since the epoch, as far as its file
// system records that; see RecordsReads. It reports false where the system does not tell.
func AccessTime(info fs.FileInfo) (int64, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return st.Atimespec.Nano(), true
}

// RecordsReads reports false when a file may have been read although the file system of its
// directory has not recorded that. APFS records the first read after a change and no other, unless
// it is mounted with strictatime: what is used daily would look as if it were used only once.
func RecordsReads(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && st.Flags&(unix.MNT_NOATIME|unix.MNT_RDONLY) == 0 && st.Flags&unix.MNT_STRICTATIME != 0
}

// OpenQuietly opens a file for reading. Only on Linux it can be kept from counting as a read.
func OpenQuietly(path string) (*os.File, error) { return os.Open(path) }
