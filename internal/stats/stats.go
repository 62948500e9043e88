// Package stats says what the caches of a machine and a store consist of, and how they grow.
//
//   - Collecting reads: a module cache (modules.go, duplicates.go), a build cache (build.go), a store
//     (store.go), the history of earlier measurements (history.go). It sums up as it goes, so that a
//     Report has some hundred rows however many entries there are: a [Group] keeps the largest, and
//     one sum of the others.
//   - Judging is pure: growth (growth.go), and what is wrong (judge.go).
//   - Showing is pure: text (text.go), and a page of HTML (page.go, chart.go) that needs no network.
//
// Nothing here writes, except the history and a page whose names the caller gives.
package stats

import (
	"time"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/retention"
)

// Amount counts items and their bytes.
type Amount = retention.Amount

// Report is all that is known. Parts that were not looked at are nil.
type Report struct {
	Time    time.Time `json:"time"`
	Modules *Modules  `json:"modules,omitempty"`
	Build   *Build    `json:"build,omitempty"`
	Store   *Store    `json:"store,omitempty"`
	// Trim is what trim would remove from the two caches.
	Trim     *Trim            `json:"trim,omitempty"`
	Disks    []Disk           `json:"disks,omitempty"`
	Growth   []Growth         `json:"growth,omitempty"`
	History  []Record         `json:"history,omitempty"` // the last of each day
	Findings finding.Findings `json:"findings"`
	Warnings []string         `json:"warnings,omitempty"`
}

// Trim says what trim would free.
type Trim struct {
	MaxAge  string `json:"maxAge"`            // as it can be given
	MaxSize string `json:"maxSize,omitempty"` // the same; "" is no bound
	Modules Amount `json:"modules"`
	Build   Amount `json:"build"`
}

// Bytes is what both caches would free.
func (t *Trim) Bytes() int64 { return t.Modules.Bytes + t.Build.Bytes }

// Disk is a file system with a cache on it.
type Disk struct {
	Dirs  []string `json:"dirs"` // the caches on it
	Total int64    `json:"total"`
	Free  int64    `json:"free"` // for this user
}
