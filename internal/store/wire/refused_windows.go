package wire

import "golang.org/x/sys/windows"

// refused lists what a server that is just starting answers to a connection. The numbers of package
// syscall are made up on Windows, and equal none of these.
var refused = []error{windows.WSAECONNREFUSED, windows.WSAECONNRESET}
