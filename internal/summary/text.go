package summary

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/org/gocache-action/internal/report"
)

// Names that people choose, branches and jobs above all, and messages of errors can hold anything.
// They get into a page only through code and text, which remove everything that has a meaning in
// Markdown, in HTML or on GitHub.

// Longest name, message, and word for a kind that are shown, in runes.
const (
	maxName  = 100
	maxText  = 400
	maxTitle = 30
	maxWord  = 30
)

// code shows a name in monospaced type. A name of harmless characters becomes a code span, so that
// the page can be read without being rendered. Any other, which could end a code span or a cell of
// a table, becomes HTML with each special character as a numeric reference.
func code(s string) string {
	s = clean(s, maxName)
	if s == "" {
		return "–"
	}
	if strings.Trim(s, tame) == "" && strings.TrimSpace(s) == s {
		return "`" + s + "`"
	}
	return codeHTML(s)
}

// codeHTML is code within a block of HTML, where Markdown means nothing.
func codeHTML(s string) string {
	return "<code>" + encode(clean(s, maxName), "") + "</code>"
}

// codeTitle is codeHTML for the title of a fold, which should be a single line.
func codeTitle(s string) string { return codeHTML(clean(s, maxTitle)) }

// tame are the runes that have no meaning within a code span in a table.
const tame = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-./:@+~=,;()[]{}#%!?'*^"

// text shows a message within a line, a cell or an item of a list. Characters that could begin a
// list or another block there become numeric references, too.
func text(s string) string { return textOf(s, maxText) }

// word is like text, for one or two words.
func word(s string) string { return textOf(s, maxWord) }

func textOf(s string, n int) string {
	s = clean(s, n)
	if s != "" && '0' <= s[0] && s[0] <= '9' { // a digit could begin a list
		return fmt.Sprintf("&#%d;", s[0]) + encode(s[1:], plainText)
	}
	if s != "" && strings.IndexByte(plainText, s[0]) >= 0 {
		return encode(s[:1], "") + encode(s[1:], plainText)
	}
	return encode(s, plainText)
}

// plainText are the characters that have no meaning in running text, except at its beginning.
const plainText = " ,;=()/'\"%?-"

// encode writes every character that is not in plain as a numeric reference, which never begins or
// ends a construct. GitHub turns what follows an at sign or a hash into a link even when it is HTML
// already, so encode separates these two from what follows.
func encode(s, plain string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r >= 0x80 || unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(plain, r):
			b.WriteRune(r)
		case r == '.' && (i == 0 || !strings.HasSuffix(strings.ToLower(s[:i]), "www")) && plain != "":
			b.WriteByte('.') // but not that of www., which makes a link
		case r == '@' || r == '#':
			fmt.Fprintf(&b, "<span>&#%d;</span>", r)
		default:
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	return b.String()
}

// clean makes a string printable and not too long. It first cuts out the middle of a very long one,
// which would not be shown anyway.
func clean(s string, n int) string {
	if len(s) > 16*n {
		s = s[:8*n] + s[len(s)-8*n:]
	}
	return report.Shorten(printable(s), n)
}

// printable joins lines, and makes invisible characters visible: control characters, and those that
// change the direction of writing, with which one name can look like another.
func printable(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool { return r == '\n' || r == '\r' }), " ")
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\t':
			b.WriteByte(' ')
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "\\u%04x", r)
		}
	}
	return strings.TrimSpace(b.String())
}
