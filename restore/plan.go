package restore

import (
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
}

// PlanCounts sums up one half. Bytes are of what would be fetched, as far as a manifest tells.
type PlanCounts struct {
	Fetch   int   `json:"fetch"`
	Present int   `json:"present"`
	Stored  int64 `json:"stored"` // bytes to transfer
	Bytes   int64 `json:"bytes"`  // bytes to write
}

func (r *run) describe() *PlanResult {
	k := r.Keys.Key
	p := &PlanResult{
		Key: k.String(), Candidates: lookup.Candidates(r.Repo, r.scopes(), k.Exact(), k.Latest()),
		Matched: r.matched(), Losses: r.tally.named(), Differs: r.differs, Warnings: r.tally.warnings,
	}
	for _, j := range r.modules {
		if !j.listed {
			p.Unlisted++
			continue
		}
		p.Modules.Fetch++
		p.Modules.Stored += j.size
		p.Modules.Bytes += j.bytes
	}
	p.Modules.Present = r.tally.modules.Present
	for _, j := range r.packs {
		p.Build.Stored += j.bytes
		p.Build.Bytes += j.raw
	}
	p.Build.Present = r.tally.build.Present
	p.Build.Fetch = len(r.manifest().Actions) - p.Build.Present
	p.Files.Present = r.tally.files.Present
	for _, j := range r.paths {
		p.Files.Fetch += len(j.wanted)
		p.Files.Stored += j.pack.Size
		p.Files.Bytes += j.bytes
	}
	for _, j := range r.trees {
		p.Trees = append(p.Trees, j.tree)
	}
	return p
}
