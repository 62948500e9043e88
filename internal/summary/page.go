package summary

import (
	"fmt"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/quantity"
)

// MaxSection bounds a section, in bytes. Since names and lists are cut to fixed lengths, sections
// stay far below it; TestSize has the worst case.
const MaxSection = 384 << 10

// Limits of the rows that lists show; --json has more.
const (
	maxRows  = 10
	maxLost  = 10
	maxNotes = 10
)

// page is a section that is being written.
type page struct{ b strings.Builder }

func (p *page) printf(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

// Markdown renders the section. It ends with a line break.
func (s *Section) Markdown() string {
	p := new(page)
	s.head(p)
	s.figures(p)
	s.notes(p)
	if s.Restore != nil && !s.Restore.empty() {
		s.Restore.details(p)
	}
	if s.Save != nil && s.Save.After != nil {
		s.Save.details(p)
		s.Save.trim(p, s.Now)
		p.trend(s.Save.Trend)
	}
	s.largest(p)
	s.foot(p)
	return p.b.String()
}

// Short is the section without its details, for a file that has no room for them.
func (s *Section) Short() string {
	p := new(page)
	s.head(p)
	s.notes(p)
	return p.b.String()
}

// table writes rows whose cells are Markdown. align has the alignment of each column; its last one
// is also that of the columns that follow.
func (p *page) table(align string, head []string, rows [][]string) {
	marks := strings.Fields(align)
	p.printf("| %s |\n|", strings.Join(head, " | "))
	for i := range head {
		p.printf("%s|", marks[min(i, len(marks)-1)])
	}
	p.printf("\n")
	for _, r := range rows {
		p.printf("| %s |\n", strings.Join(r, " | "))
	}
	p.printf("\n")
}

// fold writes a part that is folded until a click. title and line are HTML, since Markdown has no
// effect before the empty line.
func (p *page) fold(title, line string, body func()) {
	p.printf("<details><summary><b>%s</b>: %s</summary>\n\n", title, line)
	body()
	p.printf("</details>\n\n")
}

// more says how many rows are not shown.
func (p *page) more(all, shown int) {
	if all > shown {
		p.printf("… and %s more; `--json` has more of them.\n\n", quantity.Count(all-shown))
	}
}

// notes shows warnings in one box. Renderers that do not know boxes show a quotation.
func (s *Section) notes(p *page) {
	if len(s.Notes) == 0 {
		return
	}
	p.printf("> [!WARNING]\n")
	for _, n := range s.Notes[:min(len(s.Notes), maxNotes)] {
		p.printf("> - %s", text(n.Text))
		if n.Hint != "" {
			p.printf("<br>**What to do:** %s", text(n.Hint))
		}
		p.printf("\n")
	}
	if n := len(s.Notes) - maxNotes; n > 0 {
		p.printf("> - … and %s more; they are in the log\n", quantity.Count(n))
	}
	p.printf("\n")
}

// largest lists what takes the most space in the snapshot: in the new one after a save, else in the
// restored one.
func (s *Section) largest(p *page) {
	var mods, outs []Item
	if s.Save != nil {
		mods, outs = s.Save.Largest, s.Save.Outputs
	}
	if len(mods) == 0 && s.Restore != nil {
		mods = s.Restore.Largest
	}
	if len(mods)+len(outs) == 0 {
		return
	}
	var top []string
	for _, list := range [][]Item{mods, outs} {
		if len(list) > 0 {
			top = append(top, fmt.Sprintf("%s (%s)", list[0].label(codeTitle), quantity.Bytes(list[0].Bytes)))
		}
	}
	p.fold("Largest modules and packages", strings.Join(top, ", "), func() {
		p.items("Module", mods)
		p.items("Build output", outs)
		if len(outs) > 0 {
			p.printf("<sub>Sizes on disk. Build outputs of one package for several sets of flags, tests or versions of its source are taken together, of the 30 largest.</sub>\n\n")
		}
	})
}

func (p *page) items(head string, list []Item) {
	if len(list) == 0 {
		return
	}
	rows := [][]string{}
	for _, it := range list[:min(len(list), maxRows)] {
		rows = append(rows, []string{it.label(code), quantity.Bytes(it.Bytes)})
	}
	p.table(":-- --:", []string{head, "Size"}, rows)
}

func (it Item) label(show func(string) string) string {
	label := it.Kind // one of a fixed list
	if it.Name != "" {
		label = strings.TrimSpace(label + " " + show(it.Name))
	}
	if it.Count > 1 {
		label += fmt.Sprintf(" × %d", it.Count)
	}
	return label
}

// foot says how reliable the figures are.
func (s *Section) foot(p *page) {
	p.printf("<sub>")
	if s.Save != nil && s.Save.Reuse != nil && s.Save.Reuse.Reused > 0 {
		p.printf("Time saved is an estimate: how long it took to build what this job reused, on the machine that built it, by the times at which it was finished; downloads of modules are not counted. ")
	}
	p.printf("[What the figures mean](https://github.com/org/gocache-action/blob/main/docs/summary.md)")
	if s.Tool != "" {
		p.printf(", %s", text(s.Tool))
	}
	p.printf("</sub>\n")
}

// took writes a duration that was measured.
func took(d time.Duration) string {
	s := quantity.Seconds(d)
	if n, ok := strings.CutSuffix(s, "s"); ok && !strings.Contains(s, "m") {
		return n + " s"
	}
	return s
}

// signed writes a difference with a real minus.
func signed(n int64, show func(int64) string) string {
	switch {
	case n > 0:
		return "+" + show(n)
	case n < 0:
		return "−" + show(-n)
	}
	return "±0"
}
