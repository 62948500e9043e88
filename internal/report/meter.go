// Package report shows what a command does and did: live progress on a terminal
// or in a log, and tables at the end.
package report

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

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

	mu    sync.Mutex // held to use what follows
	phase string
	since time.Time // when it began
	took  map[string]time.Duration
	kinds map[string]int64
}

// SetPhase names the current phase, such as "scan" or "restore".
func (m *Meter) SetPhase(p string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.took, m.phase, m.since = m.phases(now), p, now
}

// Phase returns the last phase set, or "".
func (m *Meter) Phase() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.phase
}

// Phases returns how long each phase took, the current one until now.
func (m *Meter) Phases() map[string]time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.phases(time.Now())
}

func (m *Meter) phases(now time.Time) map[string]time.Duration {
	took := maps.Clone(m.took)
	if took == nil {
		took = map[string]time.Duration{}
	}
	if m.phase != "" {
		took[m.phase] += now.Sub(m.since)
	}
	return took
}

// Transfer counts compressed bytes of objects of a kind.
func (m *Meter) Transfer(kind string, bytes int64) {
	m.Bytes.Add(bytes)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kinds == nil {
		m.kinds = map[string]int64{}
	}
	m.kinds[kind] += bytes
}

// Transferred returns the bytes that Transfer has counted, by kind.
func (m *Meter) Transferred() map[string]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.kinds)
}

// InSeconds converts durations, for JSON.
func InSeconds(took map[string]time.Duration) map[string]float64 {
	list := make(map[string]float64, len(took))
	for name, d := range took {
		list[name] = d.Seconds()
	}
	return list
}
