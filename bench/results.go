package main

import (
	"slices"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
)

// results is everything that a run measured, as stored in JSON.
type results struct {
	Started  time.Time  `json:"started"`
	Rounds   int        `json:"rounds"`
	Machine  machine    `json:"machine"`
	Projects []*figures `json:"projects"`
}

// figures is everything measured on one project.
type figures struct {
	subject
	Caches cacheSizes `json:"caches"`
	Links  []linkInfo `json:"links"`
	Runs   []run      `json:"runs"`
	Calls  *calls     `json:"calls,omitempty"`
	// Compared is computed from Runs, for readers of the JSON.
	Compared []comparison `json:"compared"`
}

// comparison is the median of the ratios gocache / tar of one figure, and its inverse: how many
// times faster or smaller gocache is.
type comparison struct {
	Link     string  `json:"link"`
	Scenario string  `json:"scenario"`
	Figure   string  `json:"figure"`
	Ratio    float64 `json:"ratio"`
	Times    float64 `json:"times"`
}

// compareAll makes the comparisons of all links and scenarios in which both tools ran.
func (r *figures) compareAll() (list []comparison) {
	named := []struct {
		name string
		m    metric
	}{{"wall", wall}, {"cpu", cpu}, {"stored", storedBytes}, {"uploaded", uploaded}}
	for _, l := range r.Links {
		for _, scenario := range scenarioNames {
			for _, f := range named {
				if ratio, ok := r.ratio(l.Name, scenario, f.m); ok && ratio > 0 {
					list = append(list, comparison{l.Name, scenario, f.name, ratio, 1 / ratio})
				}
			}
		}
	}
	return list
}

type linkInfo struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	RoundTrip   string `json:"round_trip"` // of a TCP handshake
	Tuning      tuning `json:"tuning"`
}

// metric is one figure of a run.
type metric = kit.Figure[run]

func wall(r run) float64        { return r.Wall }
func cpu(r run) float64         { return r.CPU() }
func serverCPU(r run) float64   { return r.ServerCPU }
func maxRSS(r run) float64      { return float64(r.MaxRSS) }
func sumRSS(r run) float64      { return float64(r.SumRSS) }
func storedBytes(r run) float64 { return float64(r.Stored) }
func uploaded(r run) float64    { return float64(r.Uploaded) }
func written(r run) float64     { return float64(r.Written) }
func requests(r run) float64 {
	var sum int
	for _, n := range r.Requests {
		sum += n
	}
	return float64(sum)
}

// selected returns the runs of a tool in a scenario on a link, by round.
func (r *figures) selected(link, scenario, tool string) []run {
	var list []run
	for _, x := range r.Runs {
		if x.Link == link && x.Scenario == scenario && x.Tool == tool {
			list = append(list, x)
		}
	}
	return list
}

// ratio returns the median of the ratios gocache / tar.
func (r *figures) ratio(link, scenario string, m metric) (_ float64, ok bool) {
	return r.ratioOf(link, scenario, gocacheName, tarName, m)
}

// ratioOf returns the median of the ratios of two tools, each taken within one round, in which both
// ran one after the other. ok is false if there is no such pair.
func (r *figures) ratioOf(link, scenario, tool, base string, m metric) (_ float64, ok bool) {
	ours, theirs := r.selected(link, scenario, tool), r.selected(link, scenario, base)
	var list []float64
	for _, a := range ours {
		i := slices.IndexFunc(theirs, func(b run) bool { return b.Round == a.Round })
		if i >= 0 && m(theirs[i]) > 0 {
			list = append(list, m(a)/m(theirs[i]))
		}
	}
	return kit.Median(list), len(list) > 0
}
