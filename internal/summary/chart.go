package summary

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/report"
)

// maxPoints is how many saves a chart shows. The labels of more would overlap.
const maxPoints = 15

// trend draws the sizes and hit shares of the last saves, and lists them in a table.
func (p *page) trend(points []Point) {
	points = points[max(0, len(points)-maxPoints):]
	if len(points) < 2 {
		return
	}
	first, last := points[0], points[len(points)-1]
	p.fold("Last saves", fmt.Sprintf("%s → %s in the store%s", quantity.Bytes(first.Stored), quantity.Bytes(last.Stored), sparks(points)), func() {
		p.chart(sizeChart(points))
		if known := knownPoints(points); len(known) > 1 {
			p.chart(shareChart(known))
		}
		p.points(points)
	})
}

// points lists the saves, the last one first.
func (p *page) points(points []Point) {
	head := []string{"Time, UTC", "In the store", "Uploaded", "Reused"}
	runs := slices.ContainsFunc(points, func(t Point) bool { return t.Run != "" })
	if runs {
		head = append(head, "Run")
	}
	rows := [][]string{}
	for _, t := range slices.Backward(points) {
		row := pointRow(t)
		if runs {
			row = append(row, code(t.Run))
		}
		rows = append(rows, row)
	}
	p.table(":-- --: --: :--", head, rows)
}

func pointRow(t Point) []string {
	uploaded, reused := quantity.Bytes(t.Uploaded), ""
	if t.Unsaved {
		uploaded = "nothing new"
	}
	if t.known() {
		reused = fmt.Sprintf("%s %s", report.Bar(t.share(), 10), quantity.Percent(t.share()))
	}
	return []string{t.Time.UTC().Format("2006-01-02 15:04"), quantity.Bytes(t.Stored), uploaded, reused}
}

func knownPoints(points []Point) (known []Point) {
	for _, t := range points {
		if t.known() {
			known = append(known, t)
		}
	}
	return known
}

// chart returns the source of a Mermaid chart. Its colour can be seen on light and on dark pages;
// the colours of themes are too pale on one of them.
type chart struct {
	title, unit, kind, color string
	top                      float64
	labels                   []string
	values                   []float64
}

func sizeChart(points []Point) chart {
	c := chart{kind: "bar", color: "#4c8eda", labels: labels(points)}
	var most int64
	for _, t := range points {
		most = max(most, t.Stored)
	}
	unit, name := float64(1<<20), "MiB"
	if most >= 10<<30 {
		unit, name = 1<<30, "GiB"
	}
	c.title, c.unit, c.top = "Size of the snapshot in the store", name, report.NiceTop(float64(most)/unit)
	for _, t := range points {
		c.values = append(c.values, float64(t.Stored)/unit)
	}
	return c
}

func shareChart(points []Point) chart {
	c := chart{title: "Build entries that came from the cache", unit: "%", kind: "bar", color: "#2da44e", top: 100, labels: labels(points)}
	for _, t := range points {
		c.values = append(c.values, t.share())
	}
	return c
}

// labels are days, with times if a day has several saves. Mermaid merges equal labels, so
// zero-width spaces make them different.
func labels(points []Point) []string {
	list := make([]string, 0, len(points))
	seen := map[string]int{}
	day := ""
	for _, t := range points {
		at := t.Time.UTC()
		label := at.Format("15:04")
		if d := at.Format("Jan 2"); d != day {
			day, label = d, d
		}
		list = append(list, label+strings.Repeat("\u200b", seen[label]))
		seen[label]++
	}
	return list
}

func (p *page) chart(c chart) {
	var labels, values []string
	for i, v := range c.values {
		labels = append(labels, `"`+c.labels[i]+`"`)
		values = append(values, fmt.Sprintf("%.1f", v))
	}
	p.printf("```mermaid\n%%%%{init: {\"xyChart\": {\"width\": 900, \"height\": 230, \"titleFontSize\": 16, \"yAxis\": {\"labelFontSize\": 11}}, "+
		"\"themeVariables\": {\"xyChart\": {\"backgroundColor\": \"transparent\", \"plotColorPalette\": %q}}}}%%%%\n", c.color)
	p.printf("xychart-beta\n    title %q\n    x-axis [%s]\n    y-axis %q 0 --> %s\n    %s [%s]\n```\n\n",
		c.title, strings.Join(labels, ", "), c.unit, humanize.Ftoa(c.top), c.kind, strings.Join(values, ", "))
}

// sparks draws hit shares in one line of text.
func sparks(points []Point) string {
	known := knownPoints(points)
	if len(known) < 2 {
		return ""
	}
	var shares []float64
	for _, t := range known {
		shares = append(shares, t.share())
	}
	return fmt.Sprintf(", reused %s %s", report.Sparks(shares, 100), quantity.Percent(known[len(known)-1].share()))
}

// about writes an estimate with two significant digits, since more would claim too much precision.
func about(d time.Duration) string {
	switch {
	case d < time.Second:
		return "< 1 s"
	case d < 10*time.Second:
		return fmt.Sprintf("≈ %.0f s", d.Seconds())
	case d < 100*time.Second:
		return fmt.Sprintf("≈ %.0f s", d.Seconds())
	case d < 10*time.Minute:
		d = d.Round(10 * time.Second)
		if d%time.Minute == 0 {
			return fmt.Sprintf("≈ %d min", int(d.Minutes()))
		}
		return fmt.Sprintf("≈ %d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	d = d.Round(time.Minute)
	if d < 2*time.Hour {
		return fmt.Sprintf("≈ %d min", int(d.Minutes()))
	}
	return fmt.Sprintf("≈ %.1f h", d.Hours())
}
