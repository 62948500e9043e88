package report

import (
	"strings"
	"unicode"
)

// OneLine makes a text fit for a line of a log. Names and messages can come from stored bytes, and
// a line that begins with "::", or that has "##[" anywhere in it, is a command to a runner of
// GitHub.
func OneLine(s string) string {
	if !strings.ContainsFunc(s, unicode.IsControl) && !strings.Contains(s, "##[") {
		return s
	}
	s = strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "; ")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
	return strings.ReplaceAll(s, "##[", "# #[")
}
