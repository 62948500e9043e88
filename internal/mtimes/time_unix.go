//go:build unix

package mtimes

import (
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// setTime sets the modification time of path, even if that is a symbolic link. It sets the access
// time to now: otherwise the next read would have to be recorded on the disk (relatime).
func setTime(path string, t time.Time) error {
	times := []unix.Timespec{unix.NsecToTimespec(time.Now().UnixNano()), unix.NsecToTimespec(t.UnixNano())}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, path, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &fs.PathError{Op: "utimensat", Path: path, Err: err}
	}
	return nil
}
