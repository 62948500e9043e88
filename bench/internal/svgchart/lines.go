package svgchart

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Lines is a chart of figures over the same points, such as releases.
type Lines struct {
	Title, Subtitle, Note string
	Unit                  string
	Points                []Point
	Lines                 []Line // at most as many as a theme has colors; later ones are drawn on top
}

// Point is a place on the horizontal axis, with a label of two lines.
type Point struct{ Name, Detail string }

// Line has a value for each point. Its label is written at its end.
type Line struct {
	Label  string
	Values []float64
	Color  int // of the theme; the last one is for what others are compared with
}

const (
	plotHeight = 260
	labelGap   = 8
)

// plot says where values lie.
type plot struct {
	left, right, top float64
	most, step       float64 // values: the end of the vertical axis, and from tick to tick
	points           int
}

func (p plot) x(i int) float64 {
	return p.left + (p.right-p.left)*float64(i)/float64(max(p.points-1, 1))
}

func (p plot) y(v float64) float64 { return p.top + plotHeight*(1-v/p.most) }

// SVG draws the chart. The vertical axis begins at 0.
func (l Lines) SVG(t Theme) []byte {
	c := &canvas{}
	c.heading(l.Title, l.Subtitle)
	p := l.layout(c.bottom + 16)
	c.bottom = p.top + plotHeight
	p.grid(c, l.Unit)
	p.pointLabels(c, l.Points)
	for _, x := range l.Lines {
		points := make([][2]float64, len(x.Values))
		for i, v := range x.Values {
			points[i] = [2]float64{p.x(i), p.y(v)}
		}
		c.path(fmt.Sprintf("l%d", x.Color), points...)
	}
	p.endLabels(c, l.Lines)
	c.paragraph("m", l.Note)
	return c.finish(t, l.Title, lineStyle(t, l.Lines))
}

func lineStyle(t Theme, lines []Line) string {
	var b strings.Builder
	for _, x := range lines {
		dashes := ""
		if x.Color == len(t.lines)-1 {
			dashes = ";stroke-dasharray:4 3"
		}
		fmt.Fprintf(&b, ".l%d{stroke:%s;stroke-width:2.5;stroke-linejoin:round%s}\n.e%d{fill:%s}\n",
			x.Color, t.lines[x.Color], dashes, x.Color, t.lines[x.Color])
	}
	return b.String()
}

func (l Lines) layout(top float64) plot {
	p := plot{top: top, points: len(l.Points)}
	labels := 0.0
	for _, x := range l.Lines {
		p.most = max(p.most, slices.Max(x.Values))
		labels = max(labels, textWidth(x.Label, fontSize))
	}
	if p.most == 0 {
		p.most = 1
	}
	p.step = tickStep(p.most, 6)
	p.most = p.step * math.Ceil(p.most/p.step)
	for _, v := range p.ticks() {
		p.left = max(p.left, math.Ceil(textWidth(tick(v, l.Unit), fontSize))+labelGap)
	}
	p.right = math.Floor(Width - labels - labelGap)
	return p
}

// ticks returns the values of the vertical axis that have a line.
func (p plot) ticks() (values []float64) {
	for i := range int(math.Round(p.most/p.step)) + 1 {
		values = append(values, float64(i)*p.step)
	}
	return values
}

func tick(v float64, unit string) string {
	if v == 0 {
		return "0"
	}
	return fmt.Sprintf("%.4g %s", v, unit)
}

// grid draws the vertical axis and a line at each of its ticks.
func (p plot) grid(c *canvas, unit string) {
	for _, v := range p.ticks() {
		c.path("", [2]float64{p.left, p.y(v)}, [2]float64{p.right, p.y(v)})
		c.text(p.left-labelGap, p.y(v)+5, "m", end, tick(v, unit))
	}
}

// pointLabels labels the first point, the last one, and as many in between as have room.
func (p plot) pointLabels(c *canvas, points []Point) {
	widest := 0.0
	for _, x := range points {
		widest = max(widest, textWidth(x.Name, fontSize), textWidth(x.Detail, fontSize))
	}
	// The indexes are rounded, so labels may be closer to each other by the distance of two points.
	n := min(len(points), 1+int((p.right-p.left)/(widest+labelGap+p.x(1)-p.x(0))))
	for k := range n {
		i := k * (len(points) - 1) / max(n-1, 1)
		c.path("", [2]float64{p.x(i), c.bottom}, [2]float64{p.x(i), c.bottom + 5})
		c.text(p.x(i), c.bottom+20, "m", middle, points[i].Name)
		c.text(p.x(i), c.bottom+20+lineStep, "m", middle, points[i].Detail)
	}
	c.bottom += 28 + lineStep
}

// endLabels writes the label of each line at its end, and moves labels apart that would overlap.
func (p plot) endLabels(c *canvas, lines []Line) {
	lines = slices.Clone(lines)
	last := func(l Line) float64 { return p.y(l.Values[len(l.Values)-1]) }
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(last(a), last(b)) })
	at := make([]float64, len(lines))
	for i, l := range lines {
		at[i] = last(l)
	}
	for i, y := range apart(at, lineStep, p.top+plotHeight-5) {
		c.text(p.right+labelGap, y+5, fmt.Sprintf("e%d", lines[i].Color), start, lines[i].Label)
	}
}

// apart moves ascending positions so that they are at least step from each other, and none is
// beyond the end.
func apart(list []float64, step, end float64) []float64 {
	moved := slices.Clone(list)
	for i := 1; i < len(moved); i++ {
		moved[i] = max(moved[i], moved[i-1]+step)
	}
	for i := len(moved) - 1; i >= 0; i-- {
		moved[i] = min(moved[i], end)
		end = moved[i] - step
	}
	return moved
}
