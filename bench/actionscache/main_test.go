package main

import (
	"strings"
	"testing"

	"github.com/org/gocache-action/bench/internal/kit"
)

// TestTable: medians over rounds, a row for each step and tool.
func TestTable(t *testing.T) {
	of := func(wall float64, stored int64) round {
		s := step{Outcome: kit.Outcome{Cost: kit.Cost{Wall: wall, User: 1, System: 2}, SumRSS: 5e6}, stored: stored, requests: 7, kinds: "7 GET"}
		return round{s, s, s}
	}
	got := table(map[string][]round{gocacheName: {of(1, 1e6), of(9, 3e6), of(2, 2e6)}, clientName: {of(4, 8e6)}})
	for _, line := range []string{
		"| first save | gocache | 2.00 | 3.00 | 5 | 2.00 | 7 | 7 GET |",
		"| save after a change | @actions/cache | 4.00 | 3.00 | 5 | 8.00 | 7 | 7 GET |",
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("%q is not in\n%s", line, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 2+2*len(steps) {
		t.Errorf("%d lines:\n%s", n, got)
	}
}
