package osfiletest

import (
	"os/exec"
	"testing"
)

// AsOrdinaryUser does nothing on Windows, where tests run as an ordinary user.
func AsOrdinaryUser(*testing.T, *exec.Cmd, string) {}
