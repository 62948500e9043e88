//go:build !windows

package wire

import "syscall"

// refused lists what a server that is just starting answers to a connection.
var refused = []error{syscall.ECONNREFUSED, syscall.ECONNRESET}
