package svgchart

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// maxBytes is how large a picture may be: it is part of a page that phones load.
const maxBytes = 8 << 10

// box is what a text or a bar covers.
type box struct {
	name                     string
	left, top, right, bottom float64
}

func (a box) overlaps(b box) bool {
	return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

// picture is what a test reads of an SVG.
type picture struct {
	width, height float64
	texts, bars   []box
	paths         map[string][]string // by class
}

// read parses a picture as XML does, strictly, and estimates the boxes of its texts.
func read(t *testing.T, data []byte) picture {
	t.Helper()
	p := picture{paths: map[string][]string{}}
	d := xml.NewDecoder(strings.NewReader(string(data)))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return p
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		a := attributes{t, e}
		switch e.Name.Local {
		case "svg":
			p.width, p.height = a.num("width"), a.num("height")
		case "text":
			var text string
			if err := d.DecodeElement(&text, &e); err != nil {
				t.Fatal(err)
			}
			p.texts = append(p.texts, a.textBox(text))
		case "rect":
			x, y := a.num("x"), a.num("y")
			p.bars = append(p.bars, box{a.get("class"), x, y, x + a.num("width"), y + a.num("height")})
		case "path":
			p.paths[a.get("class")] = append(p.paths[a.get("class")], a.get("d"))
		case "script", "image", "foreignObject":
			t.Errorf("GitHub does not show %s in an image", e.Name.Local)
		}
	}
}

type attributes struct {
	*testing.T
	xml.StartElement
}

func (a attributes) get(name string) string {
	for _, x := range a.Attr {
		if x.Name.Local == name {
			return x.Value
		}
	}
	return ""
}

func (a attributes) num(name string) float64 {
	a.Helper()
	v, err := strconv.ParseFloat(a.get(name), 64)
	if err != nil {
		a.Fatalf("%s of %s: %v", name, a.Name.Local, err)
	}
	return v
}

// textBox reaches from the ascender to the descender of the text.
func (a attributes) textBox(text string) box {
	size := float64(fontSize)
	if a.get("class") == "t" {
		size = titleSize
	}
	width, x, y := textWidth(text, size), a.num("x"), a.num("y")
	switch a.get("text-anchor") {
	case "middle":
		x -= width / 2
	case "end":
		x -= width
	}
	return box{text, x, y - 0.8*size, x + width, y + 0.2*size}
}

// check draws a chart for all themes. Texts and bars must have room, in the picture and beside each
// other.
func check(t *testing.T, c Chart) picture {
	t.Helper()
	var p picture
	for _, theme := range Themes {
		data := c.SVG(theme)
		if len(data) > maxBytes {
			t.Errorf("%s: %d bytes", theme.Name, len(data))
		}
		p = read(t, data)
		all := slices.Concat(p.texts, p.bars)
		for i, a := range all {
			const rounding = 0.1 // of positions
			if a.left < -rounding || a.top < 0 || a.right > p.width+rounding || a.bottom > p.height {
				t.Errorf("%q is not within the picture of %v by %v: %+v", a.name, p.width, p.height, a)
			}
			for _, b := range all[:i] {
				if a.overlaps(b) {
					t.Errorf("%+v overlaps %+v", a, b)
				}
			}
		}
		for class := range strings.SplitSeq(string(data), `class="`) {
			if name, _, ok := strings.Cut(class, `"`); ok && len(name) < 3 && !strings.Contains(string(data), "\n."+name+"{") {
				t.Errorf("class %q has no style", name)
			}
		}
	}
	return p
}

func bars(factors ...float64) Bars {
	b := Bars{Title: "A <title> & more", Subtitle: strings.Repeat("subtitle ", 20), Note: strings.Repeat("note ", 30), One: "equal"}
	for i, f := range factors {
		g := Group{Heading: fmt.Sprint("What was measured ", i)}
		for _, name := range []string{"project", "a-longer-name"} {
			x := Bar{Name: name, Label: "not measured", Factor: f}
			if f > 0 {
				x.Label = fmt.Sprintf("%.1f× faster: 123 s, not 1234 s", f)
			}
			g.Bars = append(g.Bars, x)
		}
		b.Groups = append(b.Groups, g)
	}
	return b
}

func TestBars(t *testing.T) {
	for _, factors := range [][]float64{{1}, {0.1, 0.5}, {0}, {2.9, 0.86, 1.2, 0, 7, 3.8}, {1.01, 0.99, 41.5}, {300, 0.9}, {1.9}} {
		t.Run(fmt.Sprint(factors), func(t *testing.T) {
			p := check(t, bars(factors...))
			most := slices.Max(factors)
			longest := slices.IndexFunc(factors, func(f float64) bool { return f == most })
			unit := (p.bars[2*longest].right - p.bars[2*longest].left) / max(most, 1e-9) // pixels of a factor of 1
			for i, f := range factors {
				for _, b := range p.bars[2*i : 2*i+2] {
					if want := map[bool]string{true: "b", false: "w"}[f >= 1]; f > 0 && b.name != want {
						t.Errorf("%v has class %s", f, b.name)
					}
					if b.left != p.bars[0].left {
						t.Errorf("%v begins at %v, not at zero, %v", f, b.left, p.bars[0].left)
					}
					if math.Abs(b.right-b.left-f*unit) > 0.1 {
						t.Errorf("%v is %v long, with %v for 1", f, b.right-b.left, unit)
					}
				}
			}
		})
	}
}

func TestNoBars(t *testing.T) {
	if p := check(t, bars()); len(p.bars) > 0 {
		t.Errorf("%+v", p)
	}
}

func lines(points int, last ...float64) Lines {
	l := Lines{Title: "Title", Subtitle: "Subtitle", Unit: "MB", Note: strings.Repeat("note ", 30)}
	for i := range points {
		l.Points = append(l.Points, Point{fmt.Sprintf("v1.0.%d", i), "2026-01"})
	}
	for k, v := range last {
		x := Line{Label: fmt.Sprintf("policy-%d %g MB", k, v), Color: k}
		for i := range points {
			x.Values = append(x.Values, v*float64(i+1)/float64(points))
		}
		l.Lines = append(l.Lines, x)
	}
	return l
}

func TestLines(t *testing.T) {
	for _, c := range []Lines{
		lines(33, 25119, 2988, 113), lines(2, 1), lines(1, 1), lines(5, 0, 0, 0, 0), lines(100, 7, 7, 7, 7), lines(33, 0.2, 0.21), lines(12, 1, 0.99, 0, 0.01),
	} {
		t.Run(fmt.Sprint(len(c.Points), c.Lines[0].Label), func(t *testing.T) {
			p := check(t, c)
			for k, line := range c.Lines {
				d := p.paths[fmt.Sprint("l", k)]
				if len(d) != 1 || strings.Count(d[0], "L") != len(line.Values)-1 {
					t.Fatalf("line %d: %q", k, d)
				}
			}
			// The first line below the plot is that of zero, and the last one is not below a value.
			zero, top := height(t, p.paths[""][0]), math.Inf(1)
			for _, d := range p.paths[""] {
				top = min(top, height(t, d))
			}
			var most float64
			for _, line := range c.Lines {
				most = max(most, slices.Max(line.Values))
			}
			for k, line := range c.Lines {
				y, v := lastHeight(t, p.paths[fmt.Sprint("l", k)][0]), line.Values[len(line.Values)-1]
				if y < top || y > zero || v == 0 && y != zero {
					t.Errorf("%v is drawn at %v; the axis goes from %v to %v", v, y, zero, top)
				}
				if highest := lastHeight(t, p.paths[fmt.Sprint("l", indexOfMost(c))][0]); most > 0 && math.Abs((zero-y)/(zero-highest)-v/most) > 0.01 {
					t.Errorf("%v of %v is drawn at %v; zero at %v, the greatest at %v", v, most, y, zero, highest)
				}
			}
		})
	}
}

func indexOfMost(c Lines) (best int) {
	for k, line := range c.Lines {
		if slices.Max(line.Values) > slices.Max(c.Lines[best].Values) {
			best = k
		}
	}
	return best
}

var coordinates = regexp.MustCompile(`([\d.]+) ([\d.]+)`)

// height returns where a path begins, from the top; lastHeight, where it ends.
func height(t *testing.T, d string) float64 { return heightOf(t, d, 0) }

func lastHeight(t *testing.T, d string) float64 { return heightOf(t, d, -1) }

func heightOf(t *testing.T, d string, i int) float64 {
	t.Helper()
	all := coordinates.FindAllStringSubmatch(d, -1)
	if i < 0 {
		i += len(all)
	}
	y, err := strconv.ParseFloat(all[i][2], 64)
	if err != nil {
		t.Fatal(err)
	}
	return y
}

func TestTickStep(t *testing.T) {
	for _, c := range []struct {
		most float64
		n    int
		want float64
	}{{25.1, 6, 5}, {926, 6, 200}, {1.3, 6, 0.5}, {7, 6, 2}, {1, 1, 1}, {3, 0, 5}, {0.21, 6, 0.05}, {60, 6, 10}} {
		if got := tickStep(c.most, c.n); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("tickStep(%v, %d) = %v, want %v", c.most, c.n, got, c.want)
		}
	}
}

func TestApart(t *testing.T) {
	for _, c := range []struct{ list, want []float64 }{
		{[]float64{0, 50}, []float64{0, 50}},
		{[]float64{40, 45, 48}, []float64{40, 60, 80}},
		{[]float64{10, 98, 100}, []float64{10, 80, 100}},
		{[]float64{100, 100, 100}, []float64{60, 80, 100}},
	} {
		if got := apart(c.list, 20, 100); !slices.Equal(got, c.want) {
			t.Errorf("apart(%v) = %v, want %v", c.list, got, c.want)
		}
	}
}

// TestContrast: everything can be read on the background of GitHub's theme, as WCAG 2 asks of
// texts. Lines behind the figures need not stand out.
func TestContrast(t *testing.T) {
	for i, background := range []string{"#ffffff", "#0d1117"} {
		theme := Themes[i]
		for _, color := range append([]string{theme.text, theme.muted, theme.worse}, theme.lines[:]...) {
			a, b := luminance(t, color), luminance(t, background)
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < 4.5 {
				t.Errorf("%s: %s on %s has a contrast of %.1f", theme.Name, color, background, ratio)
			}
		}
	}
}

// luminance is as WCAG 2 defines it.
func luminance(t *testing.T, color string) float64 {
	t.Helper()
	rgb, err := strconv.ParseUint(color[1:], 16, 24)
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for i, weight := range []float64{0.0722, 0.7152, 0.2126} {
		v := float64(rgb>>(8*i)&0xff) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}

func TestPicture(t *testing.T) {
	files := Draw("name", bars(1))
	text := Picture("name", `<a> "text"`)
	for name := range files {
		if !strings.Contains(text, `"`+name+`"`) {
			t.Errorf("%s is not in\n%s", name, text)
		}
	}
	if len(files) != 2 || strings.Contains(text, "\n\n") || !strings.Contains(text, `alt="&lt;a&gt; &#34;text&#34;"`) {
		t.Errorf("%d files for\n%s", len(files), text)
	}
}
