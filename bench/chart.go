package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/bench/internal/svgchart"
)

// chart draws what was published. Figures that no project has are left out.
func (p published) chart() svgchart.Bars {
	c := svgchart.Bars{
		Title:    "gocache against tar, zstd and an S3 client",
		Subtitle: "Times faster, or smaller, than the pipeline of actions/cache",
		One:      "as fast, or as small, as tar",
		Note:     p.note(),
	}
	for _, row := range chartRows {
		if g, ok := p.group(row); ok {
			c.Groups = append(c.Groups, g)
		}
	}
	return c
}

// group returns the bars of a figure; ok is false if no project has it.
func (p published) group(row chartRow) (_ svgchart.Group, ok bool) {
	g := svgchart.Group{Heading: row.heading}
	for _, c := range p.Projects {
		bar := svgchart.Bar{Name: kit.ProjectName(c.Module), Label: "not measured"}
		if x, found := c.of(row); found {
			bar.Factor, bar.Label, ok = x.Times, x.label(row), true
		}
		g.Bars = append(g.Bars, bar)
	}
	return g, ok
}

// of returns the pair of a row, if it was measured.
func (c charted) of(row chartRow) (pair, bool) {
	for _, x := range c.Figures {
		if x.Figure == row.figure && x.Link == row.link {
			return x, true
		}
	}
	return pair{}, false
}

// label says by how much which tool is better, and both values.
func (x pair) label(row chartRow) string {
	factor, word := x.Times, row.better
	if factor < 1 {
		factor, word = 1/factor, row.worse
	}
	return fmt.Sprintf("%s %s: %s %s, not %s %s", times(factor), word, digits(x.Gocache), x.Unit, digits(x.Tar), x.Unit)
}

// digits formats a figure with three digits, or more before the point.
func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// note says what was measured, and when.
func (p published) note() string {
	rounds := "One round"
	if p.Rounds > 1 {
		rounds = fmt.Sprintf("Medians of %d rounds", p.Rounds)
	}
	var projects []string
	for _, c := range p.Projects {
		_, version, _ := strings.Cut(c.Module, "@")
		projects = append(projects, fmt.Sprintf("%s %s (%s)", kit.ProjectName(c.Module), version, c.Name))
	}
	return fmt.Sprintf("%s. %s on %d cores, %s.", strings.Join(projects, ", "), rounds, p.Cores, p.Started.Format(time.DateOnly))
}
