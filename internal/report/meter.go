// Package report shows what a command does and did: live progress on a terminal
// or in a log, and tables at the end.
package report

import "sync/atomic"

// Meter holds the counters of a running transfer. The pipelines add to it, the progress display
// reads it; every field is safe for concurrent use. Totals are zero until they are known, and may
// grow.
type Meter struct {
	BytesTotal atomic.Int64 // compressed bytes to transfer
	Bytes      atomic.Int64 // compressed bytes transferred
	FilesTotal atomic.Int64 // files to create, or to read
	Files      atomic.Int64 // files created, or read
	DiskTotal  atomic.Int64 // uncompressed bytes to write, or to read
	Disk       atomic.Int64 // uncompressed bytes written, or read
	phase      atomic.Value // string
}

// SetPhase names the current phase, such as "scan" or "restore".
func (m *Meter) SetPhase(p string) { m.phase.Store(p) }

// Phase returns the last phase set, or "".
func (m *Meter) Phase() string { p, _ := m.phase.Load().(string); return p }
