package main

import (
	"slices"
	"strings"

	"github.com/org/gocache-action/bench/internal/kit"
)

// loadAll reads the raw figures of runs, given as a comma-separated list of files, as if one run
// had measured it all. A whole run takes hours; links, scenarios and projects can be measured on
// their own.
func loadAll(files string) (*results, error) {
	var all *results
	for file := range strings.SplitSeq(files, ",") {
		r, err := kit.Load[results](file)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = r
			continue
		}
		all.join(r)
	}
	for _, p := range all.Projects {
		p.Compared = p.compareAll()
	}
	return all, nil
}

// join adds what another run has measured. The machine and the date stay those of the first run.
func (r *results) join(more *results) {
	r.Rounds = min(r.Rounds, more.Rounds)
	for _, p := range more.Projects {
		i := slices.IndexFunc(r.Projects, func(f *figures) bool { return f.Name == p.Name })
		if i < 0 {
			r.Projects = append(r.Projects, p)
			continue
		}
		r.Projects[i].join(p)
	}
}

func (r *figures) join(more *figures) {
	r.Runs = append(r.Runs, more.Runs...)
	if r.Calls == nil {
		r.Calls = more.Calls
	}
	for _, l := range more.Links {
		if !slices.ContainsFunc(r.Links, func(known linkInfo) bool { return known.Name == l.Name }) {
			r.Links = append(r.Links, l)
		}
	}
}
