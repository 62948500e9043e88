package main

import (
	"math"
	"os"
	"os/exec"
	"syscall"
)

// asGroup leaves it at ending the program itself, which is all that package os can.
func asGroup(*exec.Cmd) {}

// endSignals are those that ask a command to end: Ctrl-C, and what comes when the console closes.
func endSignals() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }

func ignoreFileSize() {}

// openFiles: there is no such limit.
func openFiles() uint64 { return math.MaxInt }
