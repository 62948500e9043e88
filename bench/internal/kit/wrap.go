package kit

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// pageWidth is where the lines of pages end, in characters.
const pageWidth = 100

// item is the beginning of a list item, whose other lines are indented as deep as its text.
var item = regexp.MustCompile(`^ *(?:[-*]|\d+\.) +`)

// WrapPage breaks the paragraphs and list items of a page in Markdown at pageWidth. Tables,
// headings, code, comments and HTML stay as they are.
func WrapPage(page string) string {
	var out strings.Builder
	var first, rest string // indentation of the paragraph
	var words []string
	flush := func() {
		writeWrapped(&out, first, rest, words)
		words = nil
	}
	fenced := false
	for line := range strings.Lines(page) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		} else if mark := item.FindString(line); !fenced && mark != "" {
			flush()
			first, rest = mark, strings.Repeat(" ", len(mark))
			words = strings.Fields(line[len(mark):])
			continue
		} else if !fenced && isText(line, len(words) > 0) {
			if len(words) == 0 {
				first, rest = "", ""
			}
			words = append(words, strings.Fields(line)...)
			continue
		}
		flush()
		out.WriteString(line + "\n")
	}
	flush()
	if !strings.HasSuffix(page, "\n") {
		return strings.TrimSuffix(out.String(), "\n")
	}
	return out.String()
}

// isText reports whether a line belongs to a paragraph. Within one, indentation does not matter;
// elsewhere four spaces begin code.
func isText(line string, within bool) bool {
	trimmed := strings.TrimSpace(line)
	if trimmed == "" || strings.ContainsRune("|#<>!", rune(trimmed[0])) {
		return false
	}
	return within || !strings.HasPrefix(line, "    ")
}

func writeWrapped(out *strings.Builder, first, rest string, words []string) {
	if len(words) == 0 {
		return
	}
	line, indent := first+words[0], rest
	for _, word := range words[1:] {
		if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > pageWidth && !item.MatchString(word+" ") {
			out.WriteString(line + "\n")
			line = indent + word
			continue
		}
		line += " " + word
	}
	out.WriteString(line + "\n")
}
