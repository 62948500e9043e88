package svgchart

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"unicode"
)

// Width of all charts, in pixels. A phone shows them at half of it, where the text can still be
// read.
const Width = 640

const (
	fontSize  = 15
	titleSize = 18
	lineStep  = 20 // from one line of text to the next
)

// textWidth estimates the width of a text in a system font that only the reader's machine knows.
func textWidth(s string, size float64) (width float64) {
	for _, r := range s {
		width += advance(r) * size
	}
	return width
}

// advance is how wide a character is, in parts of the font size. The figures are those of DejaVu
// Sans, one of the widest system fonts, so that what has room by them has room everywhere.
func advance(r rune) float64 {
	switch {
	case strings.ContainsRune(" .,:;'()/|ijlft", r):
		return 0.4
	case strings.ContainsRune("mw%MW", r):
		return 1
	case unicode.IsUpper(r), r == '×':
		return 0.8
	}
	return 0.65
}

// wrap breaks a text into lines that have room in a chart.
func wrap(s string) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(s) {
		longer := strings.TrimPrefix(line+" "+word, " ")
		if line != "" && textWidth(longer, fontSize) > Width {
			lines, longer = append(lines, line), word
		}
		line = longer
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// canvas collects the elements of a picture. Coordinates grow to the right and downwards.
type canvas struct {
	strings.Builder
	bottom float64 // of what was written from top to bottom so far
}

// Anchors of texts: which part of the text is at its position.
const (
	start  = ""
	middle = ` text-anchor="middle"`
	end    = ` text-anchor="end"`
)

// text writes a text whose baseline is at y. class may be empty.
func (c *canvas) text(x, y float64, class, anchor, s string) {
	fmt.Fprintf(c, "<text x=\"%s\" y=\"%s\"%s%s>%s</text>\n", num(x), num(y), attribute(class), anchor, escape(s))
}

func attribute(class string) string {
	if class == "" {
		return ""
	}
	return fmt.Sprintf(" class=%q", class)
}

func (c *canvas) rect(x, y, width, height float64, class string) {
	fmt.Fprintf(c, "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"%s/>\n", num(x), num(y), num(width), num(height), attribute(class))
}

// path draws lines from point to point; without a class, those of axes.
func (c *canvas) path(class string, points ...[2]float64) {
	text := make([]string, len(points))
	for i, p := range points {
		text[i] = num(p[0]) + " " + num(p[1])
	}
	fmt.Fprintf(c, "<path%s d=\"M%s\"/>\n", attribute(class), strings.Join(text, "L"))
}

// paragraph adds a text below what was written before, in as many lines as it needs.
func (c *canvas) paragraph(class, s string) {
	for _, line := range wrap(s) {
		c.bottom += lineStep
		c.text(0, c.bottom-5, class, start, line)
	}
}

// heading adds the title, and a line or more below it.
func (c *canvas) heading(title, subtitle string) {
	c.bottom = titleSize + 6
	c.text(0, c.bottom-6, "t", start, title)
	c.paragraph("m", subtitle)
}

// finish returns the picture as a file.
func (c *canvas) finish(t Theme, title, style string) []byte {
	height := num(c.bottom)
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %s" width="%d" height="%s" role="img">
<title>%s</title>
<style>
text{font:%dpx -apple-system,BlinkMacSystemFont,"Segoe UI","Noto Sans",Roboto,Helvetica,Arial,sans-serif;fill:%s}
.t{font-size:%dpx;font-weight:600}
.m{fill:%s}
path{fill:none;stroke:%s}
%s</style>
%s</svg>
`, Width, height, Width, height, escape(title), fontSize, t.text, titleSize, t.muted, t.grid, style, c.String())
}

// num writes a coordinate to a tenth of a pixel.
func num(x float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0")
}

func escape(s string) string { return html.EscapeString(s) }
