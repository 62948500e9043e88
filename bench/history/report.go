package main

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
)

//go:embed report.md.tmpl
var reportTemplate string

// render makes the page from the results. The same results give the same page.
func render(r *results) (string, error) {
	return kit.Render(reportTemplate, template.FuncMap{
		"mb": func(n int64) string { return fmt.Sprintf("%.1f MB", mb(n)) },
	}, page{r})
}

// page is what the template sees.
type page struct{ *results }

// shown are the policies in the order of the tables, and everyone those that differ in their dates
// too.
var (
	shown    = []string{gocacheName, setupGoName, prefixName}
	everyone = append(slices.Clone(shown), dailyName)
)

func (p page) Count() int           { return len(p.of(gocacheName)) }
func (p page) First() run           { return p.of(gocacheName)[0] }
func (p page) Last() run            { return p.of(gocacheName)[p.Count()-1] }
func (p page) MaxAgeDays() float64  { return p.MaxAge.Hours() / 24 }
func (p page) Minutes() float64     { return p.Finished.Sub(p.Started).Minutes() }
func (p page) Gaps() string         { return gaps(p.of(gocacheName)) }
func (p page) NewSums() int         { return newSums(p.of(gocacheName)) }
func (p page) Shared() string       { return sharedRuns(p.results) }
func (p page) Real() int            { return len(p.Compared) }
func (p page) Releases() string     { return releases(p.of(gocacheName)) }
func (p page) RestoredAxis() string { return axis(p.results, restoredBytes) }
func (p page) StoreAxis() string    { return axis(p.results, snapshotSize) }

func gaps(list []run) string {
	var days []float64
	for i := 1; i < len(list); i++ {
		days = append(days, list[i].Time.Sub(list[i-1].Time).Hours()/24)
	}
	least, most := days[0], days[0]
	for _, d := range days {
		least, most = min(least, d), max(most, d)
	}
	return fmt.Sprintf("%.1f to %.0f days apart, %.0f in the median", least, most, kit.Median(days))
}

func newSums(list []run) (n int) {
	seen := map[string]bool{}
	for _, x := range list {
		if !seen[x.Sum] {
			n++
		}
		seen[x.Sum] = true
	}
	return n
}

// sharedRuns says which runs were not real.
func sharedRuns(r *results) string {
	var parts []string
	for _, name := range everyone {
		n := 0
		for _, x := range r.of(name) {
			if x.Shared {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d of %s", n, name))
		}
	}
	return orNone(strings.Join(parts, ", "))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// ComparedRows lists the real runs that could be compared with what shared tells of them.
func (p page) ComparedRows() string {
	var b strings.Builder
	for _, c := range p.Compared {
		fmt.Fprintf(&b, "| %s | %s | %d (%.1f) | %d (%.2f) | %d (%.2f) | %d | %s |\n", c.Release, c.Policy, c.Entries, mb(c.Bytes),
			c.Unseen.Entries, mb(c.Unseen.Bytes), c.Excess.Entries, mb(c.Excess.Bytes), c.Executed, different(c.Other))
	}
	return b.String()
}

func different(list string) string {
	if list == "" {
		return "none"
	}
	return lost(strings.Split(list, ", "))
}

// TargetRows is the table of targets.
func (p page) TargetRows() string {
	var b strings.Builder
	for _, t := range p.targets() {
		sign, verdict := "≤", "met"
		if t.Least {
			sign = "≥"
		}
		if !t.met() {
			verdict = "**missed**"
		}
		fmt.Fprintf(&b, "| %s | %s %.4g%s | %.3f%s | %s |\n", t.Text, sign, t.Limit, t.Unit, t.Value, t.Unit, verdict)
	}
	return b.String()
}

// SummaryRows has one row a policy: over all runs but the first.
func (p page) SummaryRows() string {
	var b strings.Builder
	for _, name := range everyone {
		list := p.warm(name)
		last := list[len(list)-1]
		fmt.Fprintf(&b, "| %s | %.0f | %s | %s | %s | %.1f %% | %.0f | %.0f | %.0f | %.0f | %.0f | %.2f |\n", name,
			sum(list, restoredBytes)/1e6, ratio(sum(list, restoredBytes), sum(list, workingBytes)), ratio(sum(list, restoredBytes), sum(list, usedBytes)),
			ratio(sum(list, restoredModules), sum(list, usedModules)), 100*hits(list), sum(list, executed), sum(list, fetched)/1e6,
			sum(list, uploaded)/1e6, snapshotSize(last)/1e6, storeSize(last)/1e6, growth(p.of(name), storeSize))
	}
	return b.String()
}

func ratio(a, b float64) string {
	if b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", a/b)
}

// RunRows has one row a release, with the figures of the three policies side by side.
func (p page) RunRows() string {
	var b strings.Builder
	lists := map[string][]run{}
	for _, name := range shown {
		lists[name] = p.of(name)
	}
	sum := ""
	for i, x := range lists[gocacheName] {
		mark := ""
		if x.Sum != sum {
			mark = " ●"
		}
		sum = x.Sum
		cells := []string{x.Release + mark, x.Time.Format(time.DateOnly), fmt.Sprintf("%.0f", mb(x.Usage.Working.Bytes)), fmt.Sprint(x.Compiles.Needed)}
		for _, f := range []func(run) string{
			func(x run) string { return fmt.Sprintf("%.0f", restoredBytes(x)/1e6) },
			func(x run) string { return fmt.Sprintf("%.0f", usedBytes(x)/1e6) },
			func(x run) string { return fmt.Sprintf("%.1f", 100*x.Compiles.hitShare()) },
			func(x run) string { return fmt.Sprintf("%.1f", uploaded(x)/1e6) },
			func(x run) string { return fmt.Sprintf("%.0f", storeSize(x)/1e6) },
		} {
			for _, name := range shown {
				cell := "–"
				if i < len(lists[name]) {
					cell = f(lists[name][i])
				}
				cells = append(cells, cell)
			}
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	return b.String()
}

// WasteRows says for gocache what was restored and not used, and what was compiled although the
// untrimmed policy had it.
func (p page) WasteRows(policy string) string {
	var b strings.Builder
	for _, x := range p.warm(policy) {
		u := x.Usage
		older := amount{u.Unused.Entries - u.Latest.Entries, u.Unused.Bytes - u.Latest.Bytes}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d (%.1f) | %d (%.1f) | %d | %d | %s |\n", x.Release, x.Restored.Match,
			ratio(restoredBytes(x), workingBytes(x)), ratio(restoredBytes(x), usedBytes(x)),
			u.Latest.Entries, mb(u.Latest.Bytes), older.Entries, mb(older.Bytes), x.Saved.Trimmed, x.Saved.Dropped, lost(x.Lost))
	}
	return b.String()
}

func lost(packages []string) string {
	const most = 6
	if len(packages) > most {
		return fmt.Sprintf("%d: %s, ...", len(packages), strings.Join(packages[:most], ", "))
	}
	if len(packages) == 0 {
		return "–"
	}
	return fmt.Sprintf("%d: %s", len(packages), strings.Join(packages, ", "))
}

// Floor is the ratio of the second target that a policy would reach which restores exactly what the
// run before used.
func (p page) Floor() string {
	list := p.warm(gocacheName)
	return ratio(sum(list, latestBytes), sum(list, usedBytes))
}

// Waiting is the most, in MB, that lay unnamed in the store after a run, and Removed what all
// collections removed.
func (p page) Waiting() string {
	most := slices.Max(append(values(p.of(gocacheName), func(x run) float64 { return mb(x.Saved.Waiting) }), 0))
	return fmt.Sprintf("%.0f", most)
}

func (p page) Removed() string {
	return fmt.Sprintf("%.0f", sum(p.of(gocacheName), func(x run) float64 { return mb(x.Saved.Removed) }))
}

// releases and axis are the parts of a chart.
func releases(list []run) string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = fmt.Sprintf("%q", fmt.Sprint(i+1))
	}
	return strings.Join(names, ", ")
}

// axis leaves room above the largest value.
func axis(r *results, f figure) string {
	top := 0.0
	for _, v := range values(r.Runs, f) {
		top = max(top, v/1e6)
	}
	return fmt.Sprintf("0 --> %.0f", top*1.05)
}

// RestoredLine and StoreLine are the points of a policy, in MB.
func (p page) RestoredLine(policy string) string { return line(p.of(policy), restoredBytes) }
func (p page) StoreLine(policy string) string    { return line(p.of(policy), snapshotSize) }
func (p page) WorkingLine() string               { return line(p.of(gocacheName), workingBytes) }

func line(list []run, f figure) string {
	points := make([]string, len(list))
	for i, v := range values(list, f) {
		points[i] = fmt.Sprintf("%.1f", v/1e6)
	}
	return "[" + strings.Join(points, ", ") + "]"
}
