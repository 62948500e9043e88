package osfile

import "golang.org/x/sys/windows"

// noSpace lists what the system answers when a disk is full.
var noSpace = []error{windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED}
