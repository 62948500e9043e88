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
		"picture":      svgchart.Picture,
		"comparedRows": func() string { return comparedRows(r) },
		"targetRows":   func() string { return kit.TargetRows(r.targets(), "%.4g", "%.3f") },
		"summaryRows":  func() string { return summaryRows(r) },
		"runRows":      func() string { return runRows(r) },
		"wasteRows":    func(policy string) string { return wasteRows(r.warm(policy)) },
		"ageRows":      func() string { return ageRows(r.Needs) },
	}, newPage(r))
}

// page is what the template sees in addition to the results: figures for the text. The tables are
// functions of the results.
type page struct {
	*results
	Count       int // releases
	First, Last run
	MaxAgeDays  float64
	Minutes     float64 // duration of the replay
	Gaps        string  // between the releases
	NewSums     int     // releases with another go.sum
	Shared      string  // runs that were not real
	Real        int     // number of real runs that could be compared
	// Floor is the ratio of the second target for a policy that restores exactly what the previous
	// run used.
	Floor string
	// Waiting is the greatest amount, in MB, that lay unnamed in the store after a run, and Removed
	// is what all collections removed.
	Waiting, Removed string
	// "gocache daily": what it restored, in MB, and the days between its first and its last run
	DailyMB   string
	DailyDays float64
}

func newPage(r *results) page {
	ours, warm, daily := r.of(gocacheName), r.warm(gocacheName), r.of(dailyName)
	return page{
		results: r, Count: len(ours), First: ours[0], Last: ours[len(ours)-1],
		MaxAgeDays: r.MaxAge.Hours() / 24, Minutes: r.Finished.Sub(r.Started).Minutes(),
		Gaps: gaps(ours), NewSums: newSums(ours), Shared: sharedRuns(r), Real: len(r.Compared),
		Floor:     ratio(sum(warm, latestBytes), sum(warm, usedBytes)),
		Waiting:   fmt.Sprintf("%.0f", slices.Max(append(kit.Values(ours, func(x run) float64 { return mb(x.Saved.Waiting) }), 0))),
		Removed:   fmt.Sprintf("%.0f", sum(ours, func(x run) float64 { return mb(x.Saved.Removed) })),
		DailyMB:   fmt.Sprintf("%.0f", sum(r.warm(dailyName), restoredBytes)/1e6),
		DailyDays: daily[len(daily)-1].Time.Sub(daily[0].Time).Hours() / 24,
	}
}

// shown lists the policies in the order of the tables; everyone also lists those that differ only
// in their dates.
var (
	shown    = []string{gocacheName, setupGoName, prefixName}
	everyone = append(slices.Clone(shown), dailyName)
)

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
