//go:build unix

package osfile

import "golang.org/x/sys/unix"

// noSpace lists what the system answers when a disk or a quota is full, or a file may not grow.
var noSpace = []error{unix.ENOSPC, unix.EDQUOT, unix.EFBIG}
