package wire

import "golang.org/x/sys/windows"

// refused lists the errors of connecting to a server that is just starting. The error numbers that
// package syscall invents on Windows equal none of these.
var refused = []error{windows.WSAECONNREFUSED, windows.WSAECONNRESET}
