// Package faults lets each operation of saves, restores and collections fail in each way that
// stores and networks know, one at a time. It has a small project of its own, which needs no
// standard library.
package faults
