package main

import (
	"fmt"
	"strings"

	"github.com/org/gocache-action/bench/internal/kit"
)

// chart has the parts of a chart with a point for each run, in MB.
type chart struct {
	Runs  string            // numbers of the runs
	Axis  string            // with room above the largest value
	Lines map[string]string // by policy
	// what the releases need from the build cache, whatever was cached
	Working string
}

func newChart(r *results, f figure) chart {
	c := chart{Runs: numbers(len(r.of(gocacheName))), Axis: axis(r, f), Lines: map[string]string{}, Working: line(r.of(gocacheName), workingBytes)}
	for _, policy := range shown {
		c.Lines[policy] = line(r.of(policy), f)
	}
	return c
}

func numbers(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%q", fmt.Sprint(i+1))
	}
	return strings.Join(names, ", ")
}

func axis(r *results, f figure) string {
	top := 0.0
	for _, v := range kit.Values(r.Runs, f) {
		top = max(top, v/1e6)
	}
	return fmt.Sprintf("0 --> %.0f", top*1.05)
}

func line(list []run, f figure) string {
	points := make([]string, len(list))
	for i, v := range kit.Values(list, f) {
		points[i] = fmt.Sprintf("%.1f", v/1e6)
	}
	return "[" + strings.Join(points, ", ") + "]"
}
