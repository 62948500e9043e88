package subprocess

import (
	"os/exec"

	"github.com/org/gocache-action/internal/procs"
)

// asGroup ends a program with all that it has started. There is no way to ask it to end.
func asGroup(cmd *exec.Cmd) {
	cmd.Cancel = func() error { return procs.EndTree(cmd.Process) }
}

// EndGently is asGroup.
func EndGently(cmd *exec.Cmd) { asGroup(cmd) }
