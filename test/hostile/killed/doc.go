// Package killed tests what must hold when a command is killed at any moment. It is separate from
// package hostile so that the two can run at the same time.
package killed
