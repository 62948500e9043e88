package stats

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/report"
)

// Charts are inline SVG. Their colours are classes, which the style sheet of the page gives values
// for light and for dark pages. They hold numbers, dates and fixed words, and names that are
// escaped.

// svg is a chart that is being drawn.
type svg struct{ b strings.Builder }

func (s *svg) printf(format string, args ...any) { fmt.Fprintf(&s.b, format, args...) }

// text writes a label.
func (s *svg) text(x, y float64, anchor, class, text string) {
	s.printf(`<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`, x, y, anchor, class, template.HTMLEscapeString(text))
}

func (s *svg) close() template.HTML {
	s.b.WriteString("</svg>")
	return template.HTML(s.b.String())
}

func newSVG(width, height float64, title string) *svg {
	s := new(svg)
	s.printf(`<svg viewBox="0 0 %.0f %.0f" role="img" aria-label="%s">`, width, height, template.HTMLEscapeString(title))
	return s
}

// colours is how many series are told apart; the last colour is that of all beyond.
const colours = 8

func colour(i int) string { return fmt.Sprintf("c%d", min(i, colours-1)) }

// stackChart shows the shares of rows in one bar.
func stackChart(rows []Row, total int64) template.HTML {
	const width, height = 1000.0, 26.0
	s := newSVG(width, height, "shares")
	s.printf(`<rect width="%.0f" height="%.0f" class="track"/>`, width, height)
	x := 0.0
	for i, r := range rows {
		w := width * float64(r.Bytes) / float64(max(total, 1))
		if w < 0.5 {
			continue
		}
		s.printf(`<rect x="%.1f" width="%.1f" height="%.0f" class="%s"><title>%s: %s</title></rect>`,
			x, max(w-2, 0.5), height, colour(i), template.HTMLEscapeString(r.Name), quantity.Bytes(r.Bytes))
		x += w
	}
	return s.close()
}

// shareBar is the bar of a row in a table.
func shareBar(bytes, most int64) template.HTML {
	share := 100 * float64(bytes) / float64(max(most, 1))
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="10" class="track"/><rect width="%.2f" height="10" class="c0"/></svg>`, share))
}

// columnChart shows rows as columns, such as classes of age.
func columnChart(rows []Row) template.HTML {
	const width, height, bottom, top = 1000.0, 230.0, 40.0, 22.0
	s := newSVG(width, height, "bytes by age")
	var most int64 = 1
	for _, r := range rows {
		most = max(most, r.Bytes)
	}
	slot := width / float64(max(len(rows), 1))
	s.printf(`<line x1="0" x2="%.0f" y1="%.1f" y2="%.1f" class="axis"/>`, width, height-bottom, height-bottom)
	for i, r := range rows {
		h := (height - bottom - top) * float64(r.Bytes) / float64(most)
		x, y := float64(i)*slot, height-bottom-h
		s.printf(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="3" class="c0"><title>%s: %s, %s</title></rect>`,
			x+slot*0.15, y, slot*0.7, h, template.HTMLEscapeString(r.Name), quantity.Bytes(r.Bytes), quantity.Count(r.Count))
		if r.Count > 0 {
			s.text(x+slot/2, y-6, "middle", "value", quantity.Bytes(r.Bytes))
		}
		s.text(x+slot/2, height-bottom+22, "middle", "label", r.Name)
	}
	return s.close()
}

// sparkLine draws a trend without axes.
func sparkLine(points []Point) template.HTML {
	if len(points) < 2 {
		return ""
	}
	const width, height = 140.0, 28.0
	s := newSVG(width, height, "trend")
	var most int64 = 1
	for _, p := range points {
		most = max(most, p.Bytes)
	}
	s.b.WriteString(`<polyline class="line l0" points="`)
	for i, p := range points {
		x := 2 + (width-4)*float64(i)/float64(len(points)-1)
		s.printf("%.1f,%.1f ", x, height-2-(height-4)*float64(p.Bytes)/float64(most))
	}
	s.printf(`"/>`)
	return s.close()
}

// series is a line of a chart.
type series struct {
	Name   string
	Points []Point
}

// timeChart shows sizes over time, with a limit and when it is reached.
type timeChart struct {
	series []series
	// forecast goes from the last point of the first series on; zero: there is none
	forecast  Point
	limit     int64
	limitName string
}

// The room that labels take.
const (
	chartWidth, chartHeight                 = 1000.0, 300.0
	chartLeft, chartTop, chartRight         = 80.0, 14.0, 14.0
	chartBottom                             = 34.0
	gridLines                               = 4
	plotWidth                               = chartWidth - chartLeft - chartRight
	plotHeight                              = chartHeight - chartTop - chartBottom
	maxLimitAbove                   float64 = 3 // a limit that is farther up than this would flatten all else
)

func (c timeChart) draw() template.HTML {
	from, to, most := c.bounds()
	if !from.Before(to) {
		return ""
	}
	unit, name := unitFor(most)
	top := report.NiceTop(most/unit) * unit
	x := func(t time.Time) float64 { return chartLeft + plotWidth*float64(t.Sub(from))/float64(to.Sub(from)) }
	y := func(n int64) float64 { return chartTop + plotHeight*(1-float64(n)/top) }
	s := newSVG(chartWidth, chartHeight, "sizes over time")
	for i := range gridLines + 1 {
		v := top * float64(i) / gridLines
		s.printf(`<line x1="%.0f" x2="%.0f" y1="%.1f" y2="%.1f" class="grid"/>`, chartLeft, chartWidth-chartRight, y(int64(v)), y(int64(v)))
		s.text(chartLeft-8, y(int64(v))+4, "end", "label", fmt.Sprintf("%.3g %s", v/unit, name))
	}
	for i := range gridLines + 1 {
		at := from.Add(to.Sub(from) * time.Duration(i) / gridLines)
		anchor := [...]string{"start", "middle", "middle", "middle", "end"}[i]
		s.text(x(at), chartHeight-chartBottom+22, anchor, "label", at.Format("2006-01-02"))
	}
	if c.limit > 0 && float64(c.limit) <= top {
		s.printf(`<line x1="%.0f" x2="%.0f" y1="%.1f" y2="%.1f" class="limit"/>`, chartLeft, chartWidth-chartRight, y(c.limit), y(c.limit))
		s.text(chartLeft+6, y(c.limit)-5, "start", "value", c.limitName+" "+quantity.Bytes(c.limit))
	}
	for i, line := range c.series {
		s.line(i, line, x, y)
	}
	if p := c.forecast; !p.Time.IsZero() {
		last := c.series[0].Points[len(c.series[0].Points)-1]
		s.printf(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="forecast"/>`, x(last.Time), y(last.Bytes), x(p.Time), y(p.Bytes))
	}
	return s.close()
}

// line draws one series. Each point has a title, for a mouse that is near it.
func (s *svg) line(i int, line series, x func(time.Time) float64, y func(int64) float64) {
	s.printf(`<polyline class="line l%d" points="`, i)
	for _, p := range line.Points {
		s.printf("%.1f,%.1f ", x(p.Time), y(p.Bytes))
	}
	s.printf(`"/>`)
	for _, p := range line.Points {
		s.printf(`<circle cx="%.1f" cy="%.1f" r="3" class="%s"/><circle cx="%.1f" cy="%.1f" r="9" class="hit"><title>%s, %s: %s</title></circle>`,
			x(p.Time), y(p.Bytes), colour(i), x(p.Time), y(p.Bytes), p.Time.Format("2006-01-02 15:04"), template.HTMLEscapeString(line.Name), quantity.Bytes(p.Bytes))
	}
}

// bounds are those of the axes.
func (c timeChart) bounds() (from, to time.Time, most float64) {
	most = 1
	for _, line := range c.series {
		for _, p := range line.Points {
			if from.IsZero() || p.Time.Before(from) {
				from = p.Time
			}
			if p.Time.After(to) {
				to = p.Time
			}
			most = max(most, float64(p.Bytes))
		}
	}
	if c.forecast.Time.After(to) {
		to = c.forecast.Time
		most = max(most, float64(c.forecast.Bytes))
	}
	if limit := float64(c.limit); limit > 0 && limit < maxLimitAbove*most {
		most = max(most, limit)
	}
	return from, to, most
}

// unitFor is the unit of an axis.
func unitFor(most float64) (unit float64, name string) {
	names := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	unit = 1
	i := 0
	for most >= 1024*unit && i < len(names)-1 {
		unit *= 1024
		i++
	}
	return unit, names[i]
}
