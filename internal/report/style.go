package report

import (
	"bytes"
	"io"
	"os"
	"runtime"

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

// Canvas collects what a command prints, and knows whether it may have colours. Functions that
// write for people take any io.Writer; on others than a Canvas there are none.
type Canvas struct {
	bytes.Buffer
	Colours bool
}

// Paint returns a text with its tone, if w shows that. It has columns that cannot be counted
// afterwards, so padding comes first.
func Paint(w io.Writer, tone Tone, text string) string {
	if c, ok := w.(*Canvas); !ok || !c.Colours || tone == Plain || text == "" {
		return text
	}
	return escapes[tone] + text + escapeEnd
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
