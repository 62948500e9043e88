// Package faults lets each operation of saves, restores and collections fail in each way in which
// stores and networks fail, one at a time. It has a small project of its own, which does not need
// the standard library.
package faults
