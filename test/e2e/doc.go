// Package e2e holds the tests that need everything at once: a real project built by the real go
// command, its caches saved to a real store and restored from it, through the packages restore and
// save and through the binary. Each test is one promise of the README; what must hold under faults,
// attacks and load is in package hostile.
package e2e
