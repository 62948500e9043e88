//go:build !linux

package procs

// describe says nothing: the process list of this system has names only.
func describe(int) string { return "" }

// program is "": the list of processes has the names of files.
func program(int) string { return "" }
