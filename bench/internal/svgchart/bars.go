package svgchart

import (
	"fmt"
	"math"
)

// Bars is a chart of factors, which show how much better something is than what is compared with:
// 1 is equal, and less is worse.
type Bars struct {
	Title, Subtitle, Note string
	One                   string // what 1 means
	Groups                []Group
}

// Group has bars below a heading.
type Group struct {
	Heading string
	Bars    []Bar
}

// Bar is one factor. A bar without a factor has only its label.
type Bar struct {
	Name, Label string
	Factor      float64
}

// classes returns those of the bar and of its label.
func (b Bar) classes() (bar, label string) {
	switch {
	case b.Factor == 0:
		return "", "m"
	case b.Factor < 1:
		return "w", ""
	}
	return "b", ""
}

const (
	barHeight = 16
	barStep   = 21
	barGap    = 6 // between a bar and what stands beside it
)

// SVG draws the chart. The axis begins at 0.
func (b Bars) SVG(t Theme) []byte {
	c := &canvas{}
	c.heading(b.Title, b.Subtitle)
	s := b.scale()
	for _, g := range b.Groups {
		c.bottom += 30
		c.text(0, c.bottom-8, "", start, g.Heading)
		s.group(c, g)
	}
	s.axis(c, b.One)
	c.bottom += 4
	c.paragraph("m", b.Note)
	style := fmt.Sprintf(".b{fill:%s}\n.w{fill:%s}\n.o{stroke:%s;stroke-dasharray:3 2}\n", t.lines[0], t.worse, t.muted)
	return c.finish(t, b.Title, style)
}

// barScale says where factors lie.
type barScale struct {
	zero   float64 // where the bars begin
	factor float64 // pixels
	most   float64 // greatest factor
}

func (s barScale) x(factor float64) float64 { return s.zero + factor*s.factor }

// labelX is right of the bar, and of the line at 1.
func (s barScale) labelX(b Bar) float64 { return s.x(max(b.Factor, 1)) + barGap }

// scale makes the bars as long as their labels allow.
func (b Bars) scale() barScale {
	s := barScale{zero: 2 * barGap, most: 1}
	for _, g := range b.Groups {
		for _, x := range g.Bars {
			s.zero = max(s.zero, math.Ceil(textWidth(x.Name, fontSize))+2*barGap)
		}
	}
	s.factor = Width - s.zero - textWidth("1×", fontSize)
	for _, g := range b.Groups {
		for _, x := range g.Bars {
			room := Width - s.zero - barGap - textWidth(x.Label, fontSize)
			s.most = max(s.most, x.Factor)
			s.factor = min(s.factor, room/max(x.Factor, 1))
		}
	}
	return s
}

// group draws bars below what was drawn before, and the line at 1 across them.
func (s barScale) group(c *canvas, g Group) {
	top := c.bottom
	for _, x := range g.Bars {
		base := c.bottom + barHeight - 3
		c.text(0, base, "m", start, x.Name)
		bar, label := x.classes()
		c.rect(s.zero, c.bottom, x.Factor*s.factor, barHeight, bar)
		c.text(s.labelX(x), base, label, start, x.Label)
		c.bottom += barStep
	}
	c.path("", [2]float64{s.zero, top - 2}, [2]float64{s.zero, c.bottom - 3})
	c.path("o", [2]float64{s.x(1), top - 2}, [2]float64{s.x(1), c.bottom - 3})
}

// axis draws the axis below the bars: 0, 1 with what it stands for, and round numbers.
func (s barScale) axis(c *canvas, one string) {
	c.bottom += 8
	line := c.bottom
	c.path("", [2]float64{s.zero, line}, [2]float64{s.x(s.most), line})
	label := func(factor float64, text string) {
		c.path("", [2]float64{s.x(factor), line}, [2]float64{s.x(factor), line + 4})
		c.text(s.x(factor), line+18, "m", middle, text)
	}
	label(0, "0")
	if s.factor > textWidth("1×", fontSize)+barGap {
		label(1, "1×")
	}
	step := tickStep(s.most, min(6, int(s.most*s.factor/60)))
	for v := step; v <= s.most; v += step {
		if s.x(v)-s.x(1) > textWidth("100×", fontSize) {
			label(v, fmt.Sprintf("%g×", v))
		}
	}
	c.bottom += 24
	c.paragraph("m", "Dashed line, 1×: "+one)
}
