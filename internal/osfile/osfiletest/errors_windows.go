package osfiletest

import "golang.org/x/sys/windows"

// Errors of this system.
var (
	FullDisk     error = windows.ERROR_DISK_FULL
	ReadOnlyDisk error = windows.ERROR_WRITE_PROTECT
	BadName      error = windows.ERROR_INVALID_NAME
)
