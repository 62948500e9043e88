package dir

import (
	"os"
	"syscall"
)

// syncFile hands the data to the drive. (*os.File).Sync would also wait for the
// drive's own cache on macOS, tens of milliseconds per object, which a cache is not worth.
func syncFile(f *os.File) error { return syscall.Fsync(int(f.Fd())) }
