package report

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// A Tone is what colour says of a word that is also there without it: logs, files and people who
// set NO_COLOR lose nothing. Only the state of a thing and the last line have one.
type Tone int

const (
	Plain  Tone = iota
	Strong      // the result
	Good
	Doubtful
	Bad
)

// What terminals take for the tones. The colours are the 16 that the user has chosen, so that they
// can be read on any background.
var escapes = [...]string{Strong: "\x1b[1m", Good: "\x1b[32m", Doubtful: "\x1b[33m", Bad: "\x1b[1;31m"}

const escapeEnd = "\x1b[0m"

// Canvas collects what a command prints, and knows what it is printed on. Functions that write for
// people take any io.Writer; on others than a Canvas there are no colours, and lines have any
// length.
type Canvas struct {
	bytes.Buffer
	Colours bool
	Columns int // of a terminal; 0: lines may have any length, as in logs
}

// Paint returns a text with its tone, if w shows that. It has columns that cannot be counted
// afterwards, so padding comes first.
func Paint(w io.Writer, tone Tone, text string) string {
	if c, ok := w.(*Canvas); !ok || !c.Colours || tone == Plain || text == "" {
		return text
	}
	return escapes[tone] + text + escapeEnd
}

// Wrap breaks a text between words where w ends. The first line begins in column indent, and so do
// the others, by spaces. Words that are too long stay whole, so that they can be copied.
func Wrap(w io.Writer, indent int, text string) string {
	c, ok := w.(*Canvas)
	if !ok || c.Columns-indent < leastColumns {
		return text
	}
	return Fold(text, c.Columns-indent, "\n"+strings.Repeat(" ", indent))
}

// leastColumns is below which a text becomes no easier to read.
const leastColumns = 30

// Fold breaks a text between words into lines of some columns, with end between them.
func Fold(text string, columns int, end string) string {
	var b strings.Builder
	line := 0
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case line+1+n > columns:
			b.WriteString(end)
			line = 0
		default:
			b.WriteByte(' ')
			line++
		}
		b.WriteString(word)
		line += n
	}
	return b.String()
}

// Columns is how wide a terminal is; 0 for what is none.
func Columns(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil {
			return columns
		}
	}
	return 0
}

// HasColours reports whether a writer, usually os.Stdout, is a terminal whose user does not mind
// colours (https://no-color.org). Older consoles of Windows print escape sequences literally.
func HasColours(w io.Writer, env func(string) string) bool {
	return env("NO_COLOR") == "" && env("TERM") != "dumb" && isTerminal(w)
}

// isTerminal reports whether lines can be redrawn and coloured.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && runtime.GOOS != "windows" && term.IsTerminal(int(f.Fd()))
}
