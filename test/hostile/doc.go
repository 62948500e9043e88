// Package hostile holds what must hold when things go wrong: killed processes, hanging networks,
// full disks, little memory, damaged and tampered objects, many jobs at once. Each test is one
// promise, listed with its figures in docs/reliability.md. Package faults enumerates the faults of
// stores, killed is about commands that end at any moment, untrusted about bytes that somebody made
// up, and load about many jobs.
package hostile
