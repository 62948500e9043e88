//go:build unix

package mtimes

import (
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// setTime sets the modification time of path itself, also when it is a symbolic link. It then
// counts as read now: else the first read after it would be written to the disk (relatime).
func setTime(path string, t time.Time) error {
	times := []unix.Timespec{unix.NsecToTimespec(time.Now().UnixNano()), unix.NsecToTimespec(t.UnixNano())}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, path, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &fs.PathError{Op: "utimensat", Path: path, Err: err}
	}
	return nil
}
