package subprocess

import (
	"os"
	"os/exec"
	"time"

	"github.com/org/gocache-action/internal/procs"
)

// groupWithin ends a program with all that it has started. There is no way to ask it to end.
func groupWithin(cmd *exec.Cmd, _ time.Duration) {
	cmd.Cancel = func() error { return procs.EndTree(cmd.Process) }
}

// EndGently is groupWithin.
func EndGently(cmd *exec.Cmd) { groupWithin(cmd, 0) }

// signalled: there are no signals.
func signalled(state *os.ProcessState) int { return state.ExitCode() }
