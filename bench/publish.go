package main

import (
	"encoding/json"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/bench/internal/svgchart"
)

// published is what the repository keeps of the figures of its page, as benchmarks.json beside it:
// enough to draw the chart again. The raw figures are not kept.
type published struct {
	Started  time.Time `json:"started"`
	Rounds   int       `json:"rounds"`
	Cores    int       `json:"cores"`
	Projects []charted `json:"projects"`
}

// charted has the figures of a project.
type charted struct {
	Name    string `json:"name"`
	Module  string `json:"module"` // path@version
	Figures []pair `json:"figures"`
}

// pair compares both tools in one figure: their medians, and how many times less gocache needs,
// which is the median of the quotients of the rounds.
type pair struct {
	Figure  string  `json:"figure"` // of chartRows
	Link    string  `json:"link"`
	Gocache float64 `json:"gocache"`
	Tar     float64 `json:"tar"`
	Unit    string  `json:"unit"`
	Times   float64 `json:"times"`
}

const (
	chartName   = "benchmarks" // of the chart's files, and of the published figures
	figuresFile = chartName + ".json"
)

// publish returns the files that belong to the page.
func publish(r *results) (map[string][]byte, error) { return r.publish().files() }

func (p published) files() (map[string][]byte, error) {
	data, err := json.MarshalIndent(p, "", "  ")
	files := svgchart.Draw(chartName, p.chart())
	files[figuresFile] = append(data, '\n')
	return files, err
}

func (r *results) publish() published {
	p := published{Started: r.Started, Rounds: r.Rounds, Cores: r.Machine.Cores}
	for _, f := range r.Projects {
		c := charted{Name: f.Name, Module: f.Module}
		for _, row := range chartRows {
			if x, ok := f.pair(row); ok {
				c.Figures = append(c.Figures, x)
			}
		}
		p.Projects = append(p.Projects, c)
	}
	return p
}

// chartRow is a figure that the chart shows for each project.
type chartRow struct {
	figure, heading string
	link, scenario  string
	metric          metric
	scale           float64
	unit            string
	better, worse   string
}

// chartRows has saves over the slower link only, which is closer to what jobs have; restores are
// also shown over loopback, where only the work of the tools counts.
var chartRows = []chartRow{
	{"restore", "Restore over 1 Gbit/s, 20 ms", shaped, restoreEmpty, wall, 1, "s", "faster", "slower"},
	{"restore", "Restore over loopback", loopback, restoreEmpty, wall, 1, "s", "faster", "slower"},
	{"first save", "First save, 1 Gbit/s, 20 ms", shaped, firstSave, wall, 1, "s", "faster", "slower"},
	{"save after a change", "Save after a change of one file, 1 Gbit/s, 20 ms", shaped, editSave, wall, 1, "s", "faster", "slower"},
	{"save of the next release", "Save of the next patch release, 1 Gbit/s, 20 ms", shaped, releaseSave, wall, 1, "s", "faster", "slower"},
	{"stored", "Bytes in the store after the first save", shaped, firstSave, storedBytes, 1e6, "MB", "smaller", "larger"},
}

func (r *figures) pair(row chartRow) (pair, bool) {
	ratio, ok := r.ratio(row.link, row.scenario, row.metric)
	if !ok || ratio == 0 {
		return pair{}, false
	}
	median := func(tool string) float64 {
		return kit.Median(kit.Values(r.selected(row.link, row.scenario, tool), row.metric)) / row.scale
	}
	return pair{row.figure, row.link, median(gocacheName), median(tarName), row.unit, 1 / ratio}, true
}
