package osfile

import "golang.org/x/sys/windows"

// noSpace lists what the system answers when a disk is full.
var noSpace = []error{windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED}

// badName lists what the system answers to names that a file system cannot have.
var badName = []error{windows.ERROR_INVALID_NAME, windows.ERROR_FILENAME_EXCED_RANGE, windows.ERROR_BUFFER_OVERFLOW}

// readOnly is what the system answers to writes on a disk that takes none.
var readOnly error = windows.ERROR_WRITE_PROTECT
