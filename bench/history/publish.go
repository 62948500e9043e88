package main

import (
	"encoding/json"
	"maps"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/bench/internal/svgchart"
)

// published is what the repository keeps of the figures of its page, as history.json beside it:
// enough to draw the charts again. The raw figures, of many megabytes, are not kept. Each list has
// one value for each release; sizes are in MB (10⁶ bytes).
type published struct {
	Started  time.Time `json:"started"`
	Module   string    `json:"module"`
	Releases []string  `json:"releases"`
	Dates    []string  `json:"dates"`
	// Working is what the release needs from the build cache, whatever was cached.
	Working  []float64            `json:"working"`
	Restored map[string][]float64 `json:"restored"` // from the build cache, by policy
	Snapshot map[string][]float64 `json:"snapshot"` // what the next run would fetch
	Store    map[string][]float64 `json:"store"`    // everything saved and not removed
}

const figuresFile = "history.json"

// publish returns the files that belong to the page.
func publish(r *results) (map[string][]byte, error) { return r.publish().files() }

func (p published) files() (map[string][]byte, error) {
	data, err := json.MarshalIndent(p, "", "  ")
	files := map[string][]byte{figuresFile: append(data, '\n')}
	for name, c := range p.charts() {
		maps.Copy(files, svgchart.Draw(name, c))
	}
	return files, err
}

func (r *results) publish() published {
	ours := r.of(gocacheName)
	p := published{
		Started: r.Started, Module: r.Module, Working: inMB(ours, workingBytes),
		Restored: r.byPolicy(restoredBytes), Snapshot: r.byPolicy(snapshotSize), Store: r.byPolicy(storeSize),
	}
	for _, x := range ours {
		p.Releases, p.Dates = append(p.Releases, x.Release), append(p.Dates, x.Time.Format(time.DateOnly))
	}
	return p
}

// byPolicy returns a figure of each run of the policies that are shown.
func (r *results) byPolicy(f figure) map[string][]float64 {
	all := map[string][]float64{}
	for _, policy := range shown {
		all[policy] = inMB(r.of(policy), f)
	}
	return all
}

func inMB(list []run, f figure) []float64 {
	values := kit.Values(list, f)
	for i := range values {
		values[i] /= 1e6
	}
	return values
}
