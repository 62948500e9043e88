// Package killed holds what must hold when a command is killed at any moment. It is apart from
// package hostile so that the two run beside each other.
package killed
