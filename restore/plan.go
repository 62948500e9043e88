package restore

import (
	"github.com/org/gocache-action/internal/content/build"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/content/modules"
	"github.com/org/gocache-action/internal/content/paths"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/lookup"
	"github.com/org/gocache-action/internal/snapshot"
)

// PlanResult is what a restore would do.
type PlanResult struct {
	Key        string             `json:"key"`
	Candidates []lookup.Candidate `json:"candidates"` // in the order in which they are tried
	Matched    *jobstate.Matched  `json:"matched"`
	Modules    PlanCounts         `json:"modules"`
	Build      PlanCounts         `json:"build"` // action entries
	Files      PlanCounts         `json:"files"` // of Options.Paths
	Trees      []snapshot.Tree    `json:"trees,omitempty"`
	// modules that only go.sum names: fetched if the store has them
	Unlisted int      `json:"unlisted"`
	Differs  []string `json:"differs,omitempty"` // as in Result
	Warnings []string `json:"warnings,omitempty"`
	Losses   []Loss   `json:"losses,omitempty"`

	Manifest *snapshot.Manifest `json:"-"` // of the snapshot; nil if there is none
}

// PlanCounts sums up one kind of content. Bytes are of what would be fetched, as far as a manifest
// tells.
type PlanCounts struct {
	Fetch   int   `json:"fetch"`
	Present int   `json:"present"`
	Stored  int64 `json:"stored"` // bytes to transfer
	Bytes   int64 `json:"bytes"`  // bytes to write
}

// describe sums up the plans.
func describe(o Options, f finding, plans []plan) *PlanResult {
	p := &PlanResult{
		Key: o.Keys.Key.String(), Candidates: candidates(o),
		Matched: f.matched(o.Keys.Key.Digest), Differs: f.Differs, Manifest: f.Manifest,
	}
	var total install.Outcome
	total.Add(f.Outcome)
	for _, k := range plans {
		total.Add(k.Known)
		p.Unlisted += k.Unlisted
		p.Trees = append(p.Trees, k.Trees...)
		if counts := p.counts(k.Name); counts != nil {
			*counts = PlanCounts{Fetch: k.Fetch, Present: k.Known.Counts.Present, Stored: k.Stored, Bytes: k.Bytes}
		}
	}
	p.Losses, p.Warnings = total.Losses, total.Warnings
	return p
}

// counts returns the field with the counts of a kind, or nil if they are not reported.
func (p *PlanResult) counts(kind string) *PlanCounts {
	switch kind {
	case modules.Name:
		return &p.Modules
	case build.Name:
		return &p.Build
	case paths.Name:
		return &p.Files
	}
	return nil
}
