package main

import (
	"bytes"
	"fmt"
	"html"
	"unicode/utf8"
)

// theme is a set of colours, those of GitHub.
type theme struct {
	name, back, border, text, green, yellow, red string
}

var (
	light = theme{"light", "#f6f8fa", "#d1d9e0", "#1f2328", "#1a7f37", "#9a6700", "#cf222e"}
	dark  = theme{"dark", "#151b23", "#3d444d", "#f0f6fc", "#3fb950", "#d29922", "#f85149"}
)

// Sizes in pixels. A character of any fixed-width font is made as wide as cell by textLength.
const (
	cell   = 8.0
	line   = 19
	margin = 16
	font   = 13
)

// draw makes the picture.
func (t theme) draw(title string, lines [][]span) []byte {
	columns := 0
	for _, spans := range lines {
		columns = max(columns, width(spans))
	}
	w, h := cell*float64(columns)+2*margin, line*len(lines)+2*margin
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" viewBox="0 0 %.0f %d" role="img" aria-label="%s">`+"\n",
		w, h, w, h, html.EscapeString("What "+title+" prints"))
	fmt.Fprintf(&b, "<style>text{font:%dpx ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:%s;white-space:pre}"+
		".strong{font-weight:bold}.green{fill:%s}.yellow{fill:%s}.red{fill:%s;font-weight:bold}</style>\n", font, t.text, t.green, t.yellow, t.red)
	fmt.Fprintf(&b, `<rect x=".5" y=".5" width="%.0f" height="%d" rx="6" fill="%s" stroke="%s"/>`+"\n", w-1, h-1, t.back, t.border)
	for i, spans := range lines {
		x, y := float64(margin), margin+line*i+font
		for _, s := range spans {
			n := utf8.RuneCountInString(s.text)
			class := ""
			if s.style != stylePlain {
				class = fmt.Sprintf(` class="%s"`, s.style)
			}
			fmt.Fprintf(&b, `<text%s x="%g" y="%d" textLength="%g" xml:space="preserve">%s</text>`+"\n", class, x, y, cell*float64(n), html.EscapeString(s.text))
			x += cell * float64(n)
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// width is how many columns a line takes.
func width(spans []span) (n int) {
	for _, s := range spans {
		n += utf8.RuneCountInString(s.text)
	}
	return n
}
