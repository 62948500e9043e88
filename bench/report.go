package main

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/bench/internal/svgchart"
)

//go:embed report.md.tmpl
var reportTemplate string

// render makes the page from the results. The same results give the same page.
func render(r *results) (string, error) {
	return kit.Render(reportTemplate, template.FuncMap{
		"mb":  func(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) },
		"gib": func(n int64) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) },
	}, r)
}

// Picture shows the chart.
func (r *results) Picture() string {
	return svgchart.Picture(chartName, "Chart: how many times faster, or smaller, gocache is than tar; the tables below have its figures")
}

// Pages returns the parts of the page, one for each project.
func (r *results) Pages() (list []page) {
	for _, p := range r.Projects {
		list = append(list, page{p})
	}
	return list
}

// page is what the template sees of a project.
type page struct{ *figures }

// JobLine returns the commands of the project's job.
func (p page) JobLine() string {
	var lines []string
	for _, argv := range p.Job {
		lines = append(lines, strings.ReplaceAll(strings.Join(argv, " "), "^$", "'^$'"))
	}
	return strings.Join(lines, " && ")
}

// TargetRows returns the table of targets.
func (p page) TargetRows() string {
	return kit.TargetRows(p.targets(), "%.3g", "%.3g")
}

// scenarioText describes each scenario in the tables.
var scenarioText = map[string]string{
	firstSave:     "first save",
	restoreEmpty:  "restore into empty directories",
	unchangedSave: "save, nothing changed",
	editSave:      "save, one source file changed",
	upgradeSave:   "save, one dependency upgraded",
	releaseSave:   "save, next patch release",
	restoreOver:   "restore over existing caches",
}

// rows makes a table with one row for each scenario; cells returns what follows the name, given the
// runs of both tools.
func (p page) rows(link string, cells func(scenario string, ours, theirs []run) []string) string {
	var b strings.Builder
	for _, scenario := range scenarioNames {
		ours, theirs := p.selected(link, scenario, gocacheName), p.selected(link, scenario, tarName)
		if len(ours)+len(theirs) > 0 {
			fmt.Fprintf(&b, "| %s | %s |\n", scenarioText[scenario], strings.Join(cells(scenario, ours, theirs), " | "))
		}
	}
	return b.String()
}

// TimeRows returns wall time with its range, and processor time of the client and of the server.
func (p page) TimeRows(link string) string {
	return p.rows(link, func(scenario string, ours, theirs []run) []string {
		return []string{
			spread(ours, wall), spread(theirs, wall), p.timesCell(link, scenario, wall),
			middle(ours, cpu, 1, "%.2f"), middle(theirs, cpu, 1, "%.2f"), p.timesCell(link, scenario, cpu),
			middle(ours, serverCPU, 1, "%.2f"), middle(theirs, serverCPU, 1, "%.2f"),
		}
	})
}

// FloorRows compares both tools with the work that cannot be avoided. It is empty if that was not
// measured.
func (p page) FloorRows() string {
	var b strings.Builder
	for _, l := range p.Links {
		if runs := p.selected(l.Name, restoreEmpty, floorName); len(runs) > 0 {
			ofTar, _ := p.ratioOf(l.Name, restoreEmpty, tarName, floorName, wall)
			ours, _ := p.ratioOf(l.Name, restoreEmpty, gocacheName, floorName, wall)
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %.2f |\n", l.Name, spread(runs, wall), middle(runs, cpu, 1, "%.2f"), times(ofTar), ours)
		}
	}
	return b.String()
}

// SizeRows returns peak memory, bytes uploaded, bytes in the store afterwards, and objects.
func (p page) SizeRows(link string) string {
	return p.rows(link, func(scenario string, ours, theirs []run) []string {
		return []string{
			middle(ours, maxRSS, 1e6, "%.0f"), middle(theirs, maxRSS, 1e6, "%.0f"), middle(theirs, sumRSS, 1e6, "%.0f"),
			middle(ours, uploaded, 1e6, "%.2f"), middle(theirs, uploaded, 1e6, "%.2f"), p.timesCell(link, scenario, uploaded),
			middle(ours, storedBytes, 1e6, "%.1f"), middle(theirs, storedBytes, 1e6, "%.1f"), p.timesCell(link, scenario, storedBytes),
			middle(ours, written, 1, "%.0f"),
		}
	})
}

// RequestRows returns the requests of both tools by kind.
func (p page) RequestRows(link string) string {
	return p.rows(link, func(_ string, ours, theirs []run) []string {
		return []string{middle(ours, requests, 1, "%.0f"), kinds(ours), middle(theirs, requests, 1, "%.0f"), kinds(theirs)}
	})
}

// StageRows shows how the time of the tar pipeline is made up.
func (p page) StageRows(link string) string {
	return p.rows(link, func(_ string, _, theirs []run) []string {
		times := map[string][]float64{}
		for _, r := range theirs {
			for label, seconds := range r.Stages {
				times[label] = append(times[label], seconds)
			}
		}
		var parts []string
		for label, seconds := range times {
			parts = append(parts, fmt.Sprintf("%s %.2f", label, kit.Median(seconds)))
		}
		slices.Sort(parts)
		return []string{orDash(strings.Join(parts, ", "))}
	})
}

// Problems lists each complaint of the tools once.
func (p page) Problems() string {
	var list []string
	for _, r := range p.Runs {
		if r.Problems > 0 || r.Exit != 0 {
			list = append(list, fmt.Sprintf("- %s, %s: exit code %d, %d lines on standard error, such as `%s`\n",
				r.Tool, scenarioText[r.Scenario], r.Exit, r.Problems, r.Problem))
		}
	}
	slices.Sort(list)
	if list = slices.Compact(list); len(list) == 0 {
		return "None.\n"
	}
	return strings.Join(list, "")
}

// middle returns the median of a figure, divided by scale.
func middle(runs []run, m metric, scale float64, format string) string {
	if len(runs) == 0 {
		return "–"
	}
	return fmt.Sprintf(format, kit.Median(kit.Values(runs, m))/scale)
}

// spread returns the median with the least and the greatest value.
func spread(runs []run, m metric) string {
	if len(runs) == 0 {
		return "–"
	}
	list := kit.Values(runs, m)
	return fmt.Sprintf("%.2f (%.2f–%.2f)", kit.Median(list), slices.Min(list), slices.Max(list))
}

// timesCell says how many times less gocache needs than tar.
func (p page) timesCell(link, scenario string, m metric) string {
	ratio, ok := p.ratio(link, scenario, m)
	if !ok || ratio == 0 {
		return "–"
	}
	return times(1 / ratio)
}

// times formats a factor with two significant digits, and no more than are of interest.
func times(factor float64) string {
	if factor >= 10 {
		return fmt.Sprintf("%.0f×", factor)
	}
	return fmt.Sprintf("%.1f×", factor)
}

// kinds lists the requests of the last run by kind, most frequent first.
func kinds(runs []run) string {
	if len(runs) == 0 {
		return "–"
	}
	counts := runs[len(runs)-1].Requests
	var parts []string
	for name := range counts {
		parts = append(parts, name)
	}
	slices.SortFunc(parts, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	for i, name := range parts {
		parts[i] = fmt.Sprintf("%d %s", counts[name], name)
	}
	return orDash(strings.Join(parts, ", "))
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
