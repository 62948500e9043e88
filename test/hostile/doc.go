// Package hostile tests what must hold when things go wrong: killed processes, hanging networks,
// full disks, little memory, damaged and tampered objects, many jobs at once. Each test stands for
// one promise, and docs/reliability.md lists them with their figures. Package faults tests each
// fault that a store can have, killed tests commands that are killed at any moment, untrusted tests
// bytes made up by an attacker, and load tests many jobs at once.
package hostile
