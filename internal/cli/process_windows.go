package cli

import (
	"math"
	"os"
	"syscall"
)

// EndSignals are those that ask a command to end: Ctrl-C, and what comes when the console closes.
func EndSignals() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }

func ignoreFileSize() {}

// openFiles: there is no such limit.
func openFiles() uint64 { return math.MaxInt }
