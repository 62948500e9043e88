package main

import (
	"fmt"
	"slices"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/bench/internal/svgchart"
)

// Names of the charts, which begin the names of their files.
const (
	storeChart    = "history-store"
	restoredChart = "history-restored"
	snapshotChart = "history-snapshot"
)

// lineColors are indexes of the themes' colors.
var lineColors = map[string]int{gocacheName: 0, setupGoName: 1, prefixName: 2}

const workingColor = 3

// charts draws what was published.
func (p published) charts() map[string]svgchart.Lines {
	store := p.chart("Bytes in the store, release by release", p.Store)
	store.Note = "setup-go: an archive for each go.sum. prefix: an archive after each run, never trimmed. Archives are " +
		"never removed here; a CI system evicts them when its limit is reached. gocache: with its garbage collection."
	restored := p.chart("Restored from the build cache, by release", p.Restored)
	restored.Subtitle = "The dashed line is what the release needs, whatever was cached."
	restored.Lines = slices.Insert(restored.Lines, 0, line("needed", p.Working, workingColor, restored.Unit))
	snapshot := p.chart("What the next run would fetch, by release", p.Snapshot)
	snapshot.Subtitle = "Compressed bytes, with modules."
	return map[string]svgchart.Lines{storeChart: store, restoredChart: restored, snapshotChart: snapshot}
}

// chart draws a line for each policy that was replayed, gocache on top.
func (p published) chart(title string, figures map[string][]float64) svgchart.Lines {
	c := svgchart.Lines{Title: title, Unit: unit(figures), Subtitle: p.subject()}
	for i, name := range p.Releases {
		c.Points = append(c.Points, svgchart.Point{Name: name, Detail: p.Dates[i][:len("2006-01")]})
	}
	for _, policy := range slices.Backward(shown) {
		if len(figures[policy]) > 0 {
			c.Lines = append(c.Lines, line(policy, figures[policy], lineColors[policy], c.Unit))
		}
	}
	return c
}

const gigabyte = 1000 // MB

// unit returns that of a chart with the figures, which are in MB.
func unit(figures map[string][]float64) string {
	for _, list := range figures {
		if slices.ContainsFunc(list, func(v float64) bool { return v >= gigabyte }) {
			return "GB"
		}
	}
	return "MB"
}

// line has values in the unit of the chart. Its label has the last one, in the unit that suits it.
func line(name string, values []float64, color int, unit string) svgchart.Line {
	last := values[len(values)-1]
	label := fmt.Sprintf("%s %.0f MB", name, last)
	if last >= gigabyte {
		label = fmt.Sprintf("%s %.1f GB", name, last/gigabyte)
	}
	l := svgchart.Line{Label: label, Values: slices.Clone(values), Color: color}
	if unit == "GB" {
		for i := range l.Values {
			l.Values[i] /= gigabyte
		}
	}
	return l
}

// subject names the project and its releases.
func (p published) subject() string {
	return fmt.Sprintf("%d releases of %s, built one after another: restore, job, save", len(p.Releases), kit.ProjectName(p.Module))
}
