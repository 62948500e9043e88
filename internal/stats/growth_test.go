package stats

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/finding"
)

// points are a measurement a day up to now, in MiB.
func points(sizes ...int64) (list []Point) {
	for i, n := range sizes {
		list = append(list, Point{now.Add(-time.Duration(len(sizes)-1-i) * day), n * mib})
	}
	return list
}

func TestGrowth(t *testing.T) {
	for _, c := range []struct {
		name   string
		points []Point
		want   float64 // MiB a day; NaN: too few points
	}{
		{"nothing", nil, math.NaN()},
		{"a day", points(1), math.NaN()},
		{"two days", points(1, 5), math.NaN()},
		{"a line", points(10, 20, 30), 10},
		{"a flat line", points(7, 7, 7, 7), 0},
		{"a shrinking one", points(40, 30, 20, 10), -10},
		{"an outlier", points(10, 20, 30, 900, 50, 60, 70), 10},
		{"a trim in the midst", points(100, 110, 120, 60, 70, 80, 90, 100, 110, 120, 130), 5},
		{"hours of one day", []Point{{now, 1}, {now.Add(time.Hour), 9}, {now.Add(2 * time.Hour), 17}, {now.Add(3 * time.Hour), 30}}, math.NaN()},
	} {
		g := growthOf("x", c.points)
		switch {
		case math.IsNaN(c.want) != (g.PerDay == nil):
			t.Errorf("%s: %+v", c.name, g)
		case g.PerDay != nil && math.Abs(*g.PerDay/mib-c.want) > 5:
			t.Errorf("%s: %.1f MiB a day, want %.1f", c.name, *g.PerDay/mib, c.want)
		}
	}
	if text := growthOf("x", points(1, 2)).Text(now); text != "too few points to tell growth (2 of 3 days)" {
		t.Error(text)
	}
}

// TestManyPoints: years of records do not take long.
func TestManyPoints(t *testing.T) {
	var list []Point
	for i := range 20_000 {
		list = append(list, Point{now.Add(time.Duration(i-20_000) * 3 * time.Hour), int64(i) * mib})
	}
	g := growthOf("x", list)
	if g.Points > maxPoints || g.PerDay == nil || math.Abs(*g.PerDay/mib-8) > 0.01 {
		t.Errorf("%+v", g)
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name   string
		points []Point
		limit  int64 // MiB
		status finding.Status
		text   string
	}{
		{"far off", points(10, 20, 30), 1000, finding.OK, "grows by 10 MiB a day, reaches the quota of 1000 MiB in 97 days, on 2026-06-14"},
		{"soon", points(10, 20, 30), 100, finding.Warn, "grows by 10 MiB a day, reaches the quota of 100 MiB in 7 days, on 2026-03-16"},
		{"within a day", points(10, 20, 30), 35, finding.Warn, "grows by 10 MiB a day, reaches the quota of 35 MiB within a day"},
		{"exceeded", points(10, 20, 30), 30, finding.Fail, "grows by 10 MiB a day, exceeds the quota of 30 MiB"},
		{"exceeded at the first look", points(30), 20, finding.Fail, "too few points to tell growth (1 of 3 days), exceeds the quota of 20 MiB"},
		{"shrinks", points(30, 20, 10), 40, finding.OK, "shrinks by 10 MiB a day, 25 % of the quota of 40 MiB"},
		{"does not grow", points(10, 10, 10), 40, finding.OK, "does not grow, 25 % of the quota of 40 MiB"},
	} {
		g := growthOf("x", c.points).within(c.limit*mib, quotaCaches, now)
		f := checkLimit(g, now)
		if f.Status != c.status || g.Text(now) != c.text || !strings.Contains(f.Evidence, c.text) || (f.Remedy == finding.Remedy{}) != (c.status == finding.OK) {
			t.Errorf("%s: %+v, %q", c.name, f, g.Text(now))
		}
	}
}

func TestDisks(t *testing.T) {
	for _, c := range []struct {
		free   int64
		status finding.Status
	}{{500, finding.OK}, {40, finding.Warn}, {0, finding.Fail}} {
		if f := checkDisk(Disk{Dirs: []string{"/x"}, Total: 1000, Free: c.free}); f.Status != c.status {
			t.Errorf("%d free: %+v", c.free, f)
		}
	}
	dir := t.TempDir()
	list := DisksOf(dir, "", dir, dir+"/missing")
	if len(list) != 1 || len(list[0].Dirs) != 2 || list[0].Total <= 0 {
		t.Errorf("%+v", list)
	}
	// The disk fills up although the caches do not grow.
	var history []Record
	for d := int64(9); d >= 0; d-- {
		history = append(history, Record{Time: now.Add(-time.Duration(d) * day), ModDir: "/x", Modules: 5, Free: map[string]int64{"/x": (10 + d) * mib}})
	}
	growth := Judge(history, Limits{}, []Disk{{Dirs: []string{"/x"}, Total: 1000 * mib, Free: 10 * mib}}, now)
	last := growth[len(growth)-1]
	if text := last.Text(now); last.LimitName != diskLimit || text != "grows by 1.0 MiB a day, full in 10 days, on 2026-03-19" {
		t.Errorf("%+v: %s", last, text)
	}
}

// TestGrowthFacts: that there are too few points is said once.
func TestGrowthFacts(t *testing.T) {
	pace := 1024.0
	r := &Report{Growth: []Growth{
		{Of: "both caches", Bytes: 4096, Points: 1}, {Of: "modules", Bytes: 1024, Points: 1},
		{Of: "build cache", Bytes: 3072, Points: 1, Limit: 4096, LimitName: quotaCaches},
		{Of: "store", Bytes: 1024, Points: 2}, {Of: "disk", Bytes: 1024, PerDay: &pace},
	}}
	want := []string{
		"4.0 KiB, too few points to tell growth (1 of 3 days)", "1.0 KiB", "3.0 KiB, 75 % of the quota of 4.0 KiB",
		"1.0 KiB, too few points to tell growth (2 of 3 days)", "1.0 KiB, grows by 1.0 KiB a day",
	}
	for i, f := range r.growthFacts() {
		if f[1] != want[i] {
			t.Errorf("%s: %q, want %q", f[0], f[1], want[i])
		}
	}
}

// TestSameAmounts: only groups with the same amounts in the same order are alike.
func TestSameAmounts(t *testing.T) {
	one, two := Row{"a", Amount{Count: 1, Bytes: 10}}, Row{"b", Amount{Count: 2, Bytes: 5}}
	for _, c := range []struct {
		a, b Group
		same bool
	}{
		{Group{}, Group{}, true},
		{Group{Rows: []Row{one, two}}, Group{Rows: []Row{{"a main", one.Amount}, {"b main", two.Amount}}}, true},
		{Group{Rows: []Row{one, two}}, Group{Rows: []Row{two, one}}, false},
		{Group{Rows: []Row{one, two}}, Group{Rows: []Row{one}}, false},
		{Group{Rows: []Row{one}}, Group{Rows: []Row{one}, Others: two.Amount}, false},
	} {
		if got := sameAmounts(c.a, c.b); got != c.same {
			t.Errorf("%+v, %+v: %v", c.a, c.b, got)
		}
	}
}
