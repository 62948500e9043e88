//go:build !linux

package procs

// HidesReads reports false: processes have no mounts of their own here.
func (p Process) HidesReads(string) bool { return false }
