package summary

import (
	"fmt"
	"strings"
	"unicode"
)

// Names that people choose, branches and jobs above all, and messages of errors can hold anything.
// They get into a page only through code and text, which leave nothing in them that Markdown, HTML
// or GitHub give a meaning to.

// What of a name, of a message, and of a word that says of which kind something is, is shown at
// most, in runes.
const (
	maxName  = 100
	maxText  = 400
	maxTitle = 30
	maxWord  = 30
)

// code shows a name in monospaced type. What is tame becomes a code span, as it is, so that the
// page can be read without being rendered; whatever could end one, or a cell of a table, is written
// in HTML, each sign as a number.
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

// tame are the runes that mean nothing within a code span of a table.
const tame = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-./:@+~=,;()[]{}#%!?'*^"

// text shows a message in the running text of a line, a cell or an item of a list. What could begin
// a list or a line of another kind there is a number too.
func text(s string) string { return textOf(s, maxText) }

// word is text for what is a word or two.
func word(s string) string { return textOf(s, maxWord) }

func textOf(s string, n int) string {
	s = clean(s, n)
	if s != "" && '0' <= s[0] && s[0] <= '9' { // else it would begin a list
		return fmt.Sprintf("&#%d;", s[0]) + encode(s[1:], plainText)
	}
	if s != "" && strings.IndexByte(plainText, s[0]) >= 0 {
		return encode(s[:1], "") + encode(s[1:], plainText)
	}
	return encode(s, plainText)
}

// plainText are the signs that mean nothing in running text, but at its beginning.
const plainText = " ,;=()/'\"%?-"

// encode writes every sign that is not in plain as a number: such references stand for themselves
// and never begin or end anything. GitHub makes links of what follows an at sign or a hash once the
// page is HTML, so these two are cut off from it.
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

// clean makes a string printable and not too long. Of a very long one the middle goes first, as it
// is not to be seen anyway.
func clean(s string, n int) string {
	if len(s) > 16*n {
		s = s[:8*n] + s[len(s)-8*n:]
	}
	return shorten(printable(s), n)
}

// printable joins lines, and makes visible what has no shape: control characters, and those that
// turn the direction of writing, with which a name can look like another one.
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

// shorten leaves the beginning and the end of what is longer than n runes: the end of a module path
// with its version says as much as the beginning.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	tail := n / 3
	return string(r[:n-tail-1]) + "…" + string(r[len(r)-tail:])
}
