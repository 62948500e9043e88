// Package e2e holds the tests that need everything at once: a real project is built by the real go
// command, and its caches are saved to a real store and restored from it, through packages restore
// and save and through the binary. Each test stands for one promise of the README. Package hostile
// tests what must hold under faults, attacks and load.
package e2e
