//go:build unix

package osfile

import "golang.org/x/sys/unix"

// noSpace lists what the system answers when a disk or a quota is full, or a file may not grow.
var noSpace = []error{unix.ENOSPC, unix.EDQUOT, unix.EFBIG}

// badName lists what the system answers to names that a file system cannot have.
var badName = []error{unix.ENAMETOOLONG, unix.EILSEQ}

// readOnly is what the system answers to writes on a disk that takes none.
var readOnly error = unix.EROFS
