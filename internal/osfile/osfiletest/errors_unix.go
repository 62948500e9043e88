//go:build unix

package osfiletest

import "golang.org/x/sys/unix"

// Errors of this system.
var (
	FullDisk     error = unix.ENOSPC
	ReadOnlyDisk error = unix.EROFS
	BadName      error = unix.ENAMETOOLONG
)
