//go:build unix

package cli

import "golang.org/x/sys/unix"

// flushDisks waits until what was written is on the disks, so that the next step does not wait for
// it.
func flushDisks() { unix.Sync() }
