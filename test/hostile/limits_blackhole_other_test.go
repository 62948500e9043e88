//go:build !linux

package hostile

// blackHole needs a kernel that drops connections to a socket whose queue is full.
func blackHole() []hang { return nil }
