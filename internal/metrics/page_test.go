package metrics_test

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/metrics"
	proxymetrics "github.com/org/gocache-action/internal/proxy/metrics"
)

var update = flag.Bool("update", false, "write docs/metrics.md")

// sets are all metrics of the program.
var sets = []metrics.Set{metrics.Jobs, metrics.Machines, proxymetrics.Set}

// TestPage: docs/metrics.md has all metrics.
func TestPage(t *testing.T) {
	const file = "../../docs/metrics.md"
	page := metrics.Page(sets...)
	if *update {
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(data), page); diff != "" {
		t.Errorf("%s is out of date; go test ./internal/metrics -run Page -update\n%s", file, diff)
	}
}
