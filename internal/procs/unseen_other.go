//go:build !linux

package procs

// Unseen says why Named may not find all processes of this machine, "" if there is no reason.
// Containers on macOS and Windows run in a virtual machine, which nothing tells here.
func Unseen() string { return "" }
