//go:build unix

package cli

import (
	"math"
	"os"
	"os/signal"
	"syscall"
)

// EndSignals are the signals that ask a command to end. A signal that is ignored, such as SIGHUP
// under nohup, stays ignored.
func EndSignals() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	return list
}

// ignoreFileSize makes a write beyond `ulimit -f` fail like a write to a full disk, instead of
// ending the process.
func ignoreFileSize() { signal.Ignore(syscall.SIGXFSZ) }

// openFiles returns how many files this process may have open. The Go runtime has already raised
// that to what the system allows.
func openFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxInt
	}
	return uint64(limit.Cur)
}
