package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/quantity"
)

// A sample holds the counters of a Meter at one time.
type sample struct {
	at                time.Time
	phase             string
	bytes, bytesTotal int64
	files, filesTotal int64
	disk, diskTotal   int64
}

// sample reads the counters one after the other. They need not be consistent with each other.
func (m *Meter) sample(at time.Time) sample {
	return sample{
		at: at, phase: m.Phase(),
		bytes: m.Bytes.Load(), bytesTotal: m.BytesTotal.Load(),
		files: m.Files.Load(), filesTotal: m.FilesTotal.Load(),
		disk: m.Disk.Load(), diskTotal: m.DiskTotal.Load(),
	}
}

// window is the time over which rates are averaged: long enough to smooth bursts of files and
// parts, short enough to show that a transfer hangs.
const window = 10 * time.Second

// A history keeps the samples of the last window, oldest first.
type history []sample

// add appends a sample and forgets those that are older than the window.
func (h history) add(s sample) history {
	h = append(h, s)
	for len(h) > 2 && s.at.Sub(h[1].at) >= window {
		h = h[1:]
	}
	return h
}

// rate returns by how much a counter grows in a second.
func (h history) rate(counter func(sample) int64) float64 {
	if len(h) < 2 {
		return 0
	}
	first, last := h[0], h[len(h)-1]
	seconds := last.at.Sub(first.at).Seconds()
	if seconds <= 0 {
		return 0
	}
	return float64(counter(last)-counter(first)) / seconds
}

// left estimates the time until done reaches total. It is 0 if there is no basis for an estimate.
func left(done, total int64, rate float64) time.Duration {
	if rate <= 0 || total <= done {
		return 0
	}
	seconds := float64(total-done) / rate
	if seconds > 99*3600 {
		return 0
	}
	return time.Duration(seconds+1) * time.Second
}

// The counters whose rates are shown.
func transferred(s sample) int64 { return s.bytes }
func onDisk(s sample) int64      { return s.disk }

// amounts writes "12 MiB of 30 MiB", or "12 MiB" while the total is not known.
func amounts(done, total int64) string {
	if total <= 0 {
		return quantity.Bytes(done)
	}
	return quantity.Bytes(min(done, total)) + " of " + quantity.Bytes(total)
}

// speed writes "(3.0 MiB/s, 6s left)" as far as known.
func speed(rate float64, left time.Duration) string {
	var parts []string
	if rate > 0 {
		parts = append(parts, quantity.Bytes(int64(rate))+"/s")
	}
	if left > 0 {
		parts = append(parts, left.String()+" left")
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// hasDisk reports whether what is read from or written to the disk is counted at all: a command
// that only asks a store has nothing to say of a disk.
func (s sample) hasDisk() bool { return s.disk > 0 || s.diskTotal > 0 }

// count writes "120 of 3,000 files".
func (s sample) count(things string) string {
	things = cmp.Or(things, "files")
	if s.filesTotal <= 0 {
		return quantity.Count(s.files) + " " + things
	}
	return fmt.Sprintf("%s of %s %s", quantity.Count(min(s.files, s.filesTotal)), quantity.Count(s.filesTotal), things)
}
