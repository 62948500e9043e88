package main

import (
	"math"
	"os"
	"os/exec"
	"syscall"

	"github.com/org/gocache-action/internal/procs"
)

// asGroup ends a program with all that it has started. There is no way to ask it to end.
func asGroup(cmd *exec.Cmd) {
	cmd.Cancel = func() error { return procs.EndTree(cmd.Process) }
}

// endGently is asGroup.
func endGently(cmd *exec.Cmd) { asGroup(cmd) }

// endSignals are those that ask a command to end: Ctrl-C, and what comes when the console closes.
func endSignals() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }

func ignoreFileSize() {}

// openFiles: there is no such limit.
func openFiles() uint64 { return math.MaxInt }
