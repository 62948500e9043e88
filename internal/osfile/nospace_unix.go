//go:build unix

package osfile

import "golang.org/x/sys/unix"

// noSpace lists what the system answers when a disk or a quota is full.
var noSpace = []error{unix.ENOSPC, unix.EDQUOT}
