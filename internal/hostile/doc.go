// Package hostile holds what must hold when things go wrong: faults of network, store and disk, killed processes, bytes that
// somebody tampered with, and load. Each test is one promise, listed with its figures in docs/reliability.md.
package hostile
