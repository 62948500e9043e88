package osfile

import "golang.org/x/sys/windows"

// noSpace lists the errors of the system for a full disk.
var noSpace = []error{windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED}

// badName lists the errors of the system for names that a file system does not allow.
var badName = []error{windows.ERROR_INVALID_NAME, windows.ERROR_FILENAME_EXCED_RANGE, windows.ERROR_BUFFER_OVERFLOW}

// readOnly is the error of the system for writes to a read-only file system.
var readOnly error = windows.ERROR_WRITE_PROTECT
