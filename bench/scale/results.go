package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/internal/snapshot"
)

// results are the figures of one run of the program.
type results struct {
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Machine  machine   `json:"machine"`
	Sizes    []size    `json:"sizes"`
	Load     *load     `json:"load,omitempty"`
	// what a reader of the page should know about this run
	Note string `json:"note,omitempty"`
}

// size holds the measurements on caches of one size.
type size struct {
	Entries  int        `json:"entries"`
	Modules  int        `json:"modules"`
	Manifest int64      `json:"manifest"` // stored bytes
	Objects  int        `json:"objects"`  // after the first save
	Stored   int64      `json:"stored"`   // bytes of them
	Steps    []measured `json:"steps"`
}

// measured is one scenario. Requests are those that the program itself counts.
type measured struct {
	Name     string           `json:"name"`
	Cost     kit.Cost         `json:"cost"`
	Requests map[string]int64 `json:"requests,omitempty"`
	Uploaded int64            `json:"uploaded,omitempty"` // bytes
	Fetched  int64            `json:"fetched,omitempty"`  // bytes
}

// loadAll merges the figures of several runs.
func loadAll(files []string) (*results, error) {
	var all *results
	for _, file := range files {
		r, err := kit.Load[results](file)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = r
			continue
		}
		all.Machine, all.Finished = r.Machine, r.Finished
		if r.Load != nil {
			all.Load = r.Load
		}
		for _, s := range r.Sizes {
			all.Sizes = slices.DeleteFunc(all.Sizes, func(x size) bool { return x.Entries == s.Entries })
			all.Sizes = append(all.Sizes, s)
		}
	}
	slices.SortFunc(all.Sizes, func(a, b size) int { return a.Entries - b.Entries })
	return all, nil
}

func (s size) step(name string) (measured, bool) {
	for _, m := range s.Steps {
		if m.Name == name {
			return m, true
		}
	}
	return measured{}, false
}

// slope returns how much a figure grows with each entry, from one size to the next.
func slope(a, b size, name string, f func(kit.Cost) float64) (float64, bool) {
	x, ok1 := a.step(name)
	y, ok2 := b.step(name)
	return (f(y.Cost) - f(x.Cost)) / float64(b.Entries-a.Entries), ok1 && ok2
}

func user(c kit.Cost) float64   { return c.User }
func system(c kit.Cost) float64 { return c.System }
func memory(c kit.Cost) float64 { return float64(c.MaxRSS) }

// growth compares the cost of an entry between the middle and the last size with that between the
// first and the middle one, in user time: 1 is linear.
func (r *results) growth(name string) (float64, bool) {
	n := len(r.Sizes)
	if n < 3 {
		return 0, false
	}
	low, ok1 := slope(r.Sizes[n-3], r.Sizes[n-2], name, user)
	high, ok2 := slope(r.Sizes[n-2], r.Sizes[n-1], name, user)
	return high / low, ok1 && ok2 && low > 0
}

// maxGrowth leaves room for sorting, and for the fact that fewer entries fit better into processor
// caches.
const maxGrowth = 1.5

func (r *results) targets() (list []kit.Target) {
	for _, name := range scenarios {
		if g, ok := r.growth(name); ok {
			list = append(list, kit.Target{Text: "growth of user time for an entry, " + name, Limit: maxGrowth, Value: g})
		}
	}
	for _, s := range r.Sizes {
		list = append(list, kit.Target{
			Text: fmt.Sprintf("manifest of %d entries, share of the limit", s.Entries), Limit: 1, Value: float64(s.Manifest) / snapshot.MaxManifest,
		})
	}
	return list
}

func (r *results) missed() []string { return kit.Missed(r.targets(), "%.2f") }

// scenarios that read or write entries; the others do not depend on the number of entries.
var scenarios = []string{planSave, firstSave, planRestore, restoreEmpty, restoreOver, saveSame, saveMore}
