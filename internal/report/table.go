package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// A Table is text in columns: the first is aligned to the left, the others, which are
// mostly numbers, to the right.
type Table struct {
	Head []string
	Rows [][]string
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
			if i == 0 {
				line.WriteString(cell + pad)
			} else {
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

// A Summary is what a command says at its end.
type Summary struct {
	Title  string
	Counts Table
	Facts  [][2]string // name and value, below the table
	// Losses and warnings are printed last, where people look first in a log.
	Losses, Warnings []string
	LossTitle        string // "lost" if empty
}

// maxListed bounds how many losses or warnings are printed; --json has all.
const maxListed = 20

// Write prints the summary.
func (s Summary) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintln(&b, s.Title)
	if len(s.Counts.Rows) > 0 {
		fmt.Fprintln(&b)
		s.Counts.Write(&b)
	}
	if len(s.Facts) > 0 {
		fmt.Fprintln(&b)
		writeFacts(&b, s.Facts)
	}
	writeList(&b, cmp.Or(s.LossTitle, "lost"), s.Losses)
	writeList(&b, "warnings", s.Warnings)
	_, err := io.WriteString(w, b.String())
	return err
}

// writeFacts prints facts with aligned values.
func writeFacts(b *strings.Builder, facts [][2]string) {
	longest := 0
	for _, f := range facts {
		longest = max(longest, utf8.RuneCountInString(f[0]))
	}
	for _, f := range facts {
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

// Count writes a number for people: 12,345.
func Count[N ~int | ~int64](n N) string { return humanize.Comma(int64(n)) }

// Seconds writes a duration for people: 0.42s, 12.3s, 2m5s.
func Seconds(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}
