package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Table is text in columns: the first is aligned to the left, the others, which are
// mostly numbers, to the right.
type Table struct {
	Head []string
	Rows [][]string
	// Words is how many columns after the first have words too, and are aligned to the left.
	Words int
	// Remarks says that the last column has words about the others, and is aligned to the left.
	Remarks bool
}

// Write prints the table. Rows may be shorter than the head.
func (t Table) Write(w io.Writer) error {
	rows := t.Rows
	if len(t.Head) > 0 {
		rows = append([][]string{t.Head}, rows...)
	}
	widths := columnWidths(rows)
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			switch {
			case i == 0:
				line.WriteString(cell + pad)
			case i <= t.Words:
				line.WriteString("  " + cell + pad)
			case t.Remarks && i == len(widths)-1:
				line.WriteString("  " + cell)
			default:
				line.WriteString("  " + pad + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// columnWidths counts runes, not bytes: names of modules and jobs may be in any script.
func columnWidths(rows [][]string) []int {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// A Summary is what a command says at its end: what it worked on, figures, what is wrong, and in
// the last line, where people look first, what came of it.
type Summary struct {
	Title            string
	Counts           Table
	Facts            [][2]string // name and value, below the table
	Reverse          bool        // facts stand above the table
	Notes            []string    // lines, below both
	Losses, Warnings []string
	LossTitle        string // "lost" if empty
	Also             string // paragraphs above the result
	Result           string
	Tone             Tone // of Result; Strong if it is not set
}

// maxListed bounds how many losses or warnings are printed; --json has all.
const maxListed = 20

// Write prints the summary.
func (s Summary) Write(w io.Writer) error {
	var b strings.Builder
	if s.Title != "" {
		fmt.Fprintln(&b, s.Title)
	}
	parts := []func(){func() { s.writeCounts(&b) }, func() { s.writeFacts(&b) }}
	if s.Reverse {
		slices.Reverse(parts)
	}
	for _, write := range parts {
		write()
	}
	if len(s.Notes) > 0 {
		fmt.Fprintf(&b, "\n%s\n", strings.Join(s.Notes, "\n"))
	}
	writeList(&b, cmp.Or(s.LossTitle, "lost"), s.Losses)
	writeList(&b, "warnings", s.Warnings)
	b.WriteString(s.Also)
	if _, err := io.WriteString(w, strings.TrimPrefix(b.String(), "\n")); err != nil || s.Result == "" {
		return err
	}
	if b.Len() > 0 {
		io.WriteString(w, "\n")
	}
	return WriteResult(w, s.Tone, s.Result)
}

// WriteResult prints the last line of a command.
func WriteResult(w io.Writer, tone Tone, text string) error {
	_, err := io.WriteString(w, Paint(w, cmp.Or(tone, Strong), text)+"\n")
	return err
}

func (s Summary) writeCounts(b *strings.Builder) {
	if len(s.Counts.Rows) > 0 {
		fmt.Fprintln(b)
		s.Counts.Write(b)
	}
}

// writeFacts prints facts with aligned values.
func (s Summary) writeFacts(b *strings.Builder) {
	if len(s.Facts) > 0 {
		fmt.Fprintln(b)
	}
	longest := 0
	for _, f := range s.Facts {
		longest = max(longest, utf8.RuneCountInString(f[0]))
	}
	for _, f := range s.Facts {
		fmt.Fprintf(b, "%-*s  %s\n", longest, f[0], f[1])
	}
}

// writeList prints a list. It indents the further lines of an item.
func writeList(b *strings.Builder, title string, list []string) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", title)
	for i, item := range list {
		if i == maxListed {
			fmt.Fprintf(b, "  and %d more, see --json\n", len(list)-maxListed)
			return
		}
		fmt.Fprintf(b, "  %s\n", strings.ReplaceAll(item, "\n", "\n    "))
	}
}
