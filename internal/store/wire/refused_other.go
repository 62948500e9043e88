//go:build !windows

package wire

import "syscall"

// refused lists the errors of connecting to a server that is just starting.
var refused = []error{syscall.ECONNREFUSED, syscall.ECONNRESET}
