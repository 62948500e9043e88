// Package subprocess runs other programs such that nothing of them outlives the command that asked.
package subprocess

import (
	"context"
	"errors"
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
	asGroup(cmd)
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
