package main

import (
	"fmt"
	"strings"
)

// style is how a piece of text looks.
type style string

const (
	stylePlain  style = ""
	styleStrong style = "strong"
	styleGreen  style = "green"
	styleYellow style = "yellow"
	styleRed    style = "red"
)

// styles are those of the escape sequences that gocache prints.
var styles = map[string]style{"0": stylePlain, "1": styleStrong, "32": styleGreen, "33": styleYellow, "1;31": styleRed}

// span is text of one style.
type span struct {
	text  string
	style style
}

// parse splits what was printed into lines. What it cannot draw is an error, lest a picture shows
// something else than a terminal.
func parse(text string) (lines [][]span, err error) {
	now := stylePlain
	for _, line := range strings.Split(strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n") {
		var spans []span
		if spans, now, err = parseLine(line, now); err != nil {
			return nil, err
		}
		lines = append(lines, spans)
	}
	return lines, nil
}

// parseLine also returns the style in which the next line begins.
func parseLine(line string, now style) (spans []span, next style, err error) {
	for line != "" {
		before, rest, escaped := strings.Cut(line, "\x1b[")
		if strings.ContainsAny(before, "\x1b\r\b") {
			return nil, now, fmt.Errorf("%q moves the cursor", line)
		}
		if before != "" {
			spans = append(spans, span{before, now})
		}
		if !escaped {
			break
		}
		code, after, ok := strings.Cut(rest, "m")
		s, known := styles[code]
		if !ok || !known {
			return nil, now, fmt.Errorf("escape sequence in %q", line)
		}
		now, line = s, after
	}
	return spans, now, nil
}
