// Package subprocess runs other programs such that nothing of them outlives the command that asked.
package subprocess

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"time"
)

// What a program that is asked to end gets for it: git removes its lock files. Then it is killed,
// and soon afterwards nobody waits for its output any more, which something that it started may
// hold open.
const (
	grace = 200 * time.Millisecond
	delay = 400 * time.Millisecond
)

// Command is exec.CommandContext for programs that must not outlive ctx, nor may what they start: a
// go command runs compilers, a wrapper script runs anything. None of them reads from the terminal,
// for on Unix they are a group of their own.
func Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = delay
	groupWithin(cmd, grace)
	return cmd
}

// Foreground is exec.CommandContext for what a person or a CI system has asked to be run. When ctx
// ends it gets the time of grace, and is then killed, with all that it has started. On a terminal
// it can read what is typed, and gets Ctrl-C from there: then no group is made.
func Foreground(ctx context.Context, grace time.Duration, terminal bool, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = grace + delay
	if terminal {
		EndGently(cmd)
	} else {
		groupWithin(cmd, grace)
	}
	return cmd
}

// Output runs a program and returns what it prints. One that ended well and left something
// behind that keeps its output open has ended well.
func Output(cmd *exec.Cmd) ([]byte, error) {
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	return out, err
}

// ExitCode is that of a program that has ended, as shells give it: 128 and the number of the signal
// that ended it.
func ExitCode(state *os.ProcessState) int {
	if state == nil || state.Exited() {
		return state.ExitCode()
	}
	return signalled(state)
}
