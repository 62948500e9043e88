//go:build unix

package osfile

import "golang.org/x/sys/unix"

// noSpace lists the errors of the system for a full disk, an exhausted quota, and a file that may
// not grow.
var noSpace = []error{unix.ENOSPC, unix.EDQUOT, unix.EFBIG}

// badName lists the errors of the system for names that a file system does not allow.
var badName = []error{unix.ENAMETOOLONG, unix.EILSEQ}

// readOnly is the error of the system for writes to a read-only file system.
var readOnly error = unix.EROFS
