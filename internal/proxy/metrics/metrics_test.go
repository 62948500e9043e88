package metrics

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// TestMetrics: all that is defined is there once something happened, and is as the tools of
// Prometheus want it.
func TestMetrics(t *testing.T) {
	zero := func() float64 { return 0 }
	m := New(Sizes{zero, zero, zero})
	m.Begin()("zip", 200, 10, time.Second)
	m.Found("zip", "store")
	m.Asked("direct", "zip", "ok", time.Second)
	m.StoreFailed("put")
	problems, err := testutil.GatherAndLint(m.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "gocache_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, f := range families {
		told[f.GetName()] = true
	}
	for _, d := range Set.Metrics {
		if !told[d.Name] {
			t.Errorf("%s is defined and never told", d.Name)
		}
	}
}
