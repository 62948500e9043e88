package stats

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/report"
)

// shownRows is how many rows of a group the text has; JSON and the page have MaxRows.
const shownRows = 10

// barWidth is that of the bars of the text, in columns.
const barWidth = 20

// WriteText shows a report to people.
func (r *Report) WriteText(w io.Writer) error {
	if r.Modules == nil && r.Build == nil && r.Store == nil && len(r.Findings) == 0 {
		return nil // nothing was examined
	}
	t := new(textWriter)
	if m := r.Modules; m != nil {
		t.title("GOMODCACHE %s: %s, %s", m.Dir, quantity.Bytes(m.Total.Bytes), quantity.Counted(m.Total.Count, "version"))
		t.bars("", m.Kinds, m.Total.Bytes)
		t.group("largest modules", m.Paths, m.Total.Bytes)
		t.group("largest versions", m.Versions, m.Total.Bytes)
		t.group("cloned repositories", m.Clones, m.Total.Bytes)
		t.bars(m.ageTitle(), m.Ages, m.Total.Bytes)
	}
	if b := r.Build; b != nil {
		t.title("GOCACHE %s: %s, %s, %s", b.Dir, quantity.Bytes(b.Total.Bytes), quantity.Counted(b.Total.Count, "entry"), quantity.Counted(b.Outputs, "output"))
		t.bars("", b.Kinds, b.Total.Bytes)
		t.group("largest packages", b.Packages, b.Total.Bytes)
		t.bars("last used", b.Ages, b.Total.Bytes)
	}
	if r.Store != nil {
		t.store(r.Store)
	}
	t.facts(freeableTitle, r.freeable())
	t.facts("growth", r.growthFacts())
	if _, err := io.WriteString(w, strings.TrimLeft(t.b.String(), "\n")); err != nil {
		return err
	}
	if len(r.Findings) > 0 {
		io.WriteString(w, "\n")
		if err := r.Findings.Write(w); err != nil {
			return err
		}
	}
	io.WriteString(w, "\n")
	return report.WriteResult(w, r.Findings.Worst().Tone(), r.result())
}

func (t *textWriter) store(s *Store) {
	t.title("store %s: %s, %s, %s", s.Name, quantity.Bytes(s.Total.Bytes), quantity.Counted(s.Total.Count, "object"), quantity.Counted(s.Manifests, "manifest"))
	t.bars("", s.Kinds, s.Total.Bytes)
	if !sameAmounts(s.Repos, s.Scopes) {
		t.group("repositories", s.Repos, s.Total.Bytes)
	}
	t.group("scopes", s.Scopes, s.Total.Bytes)
	t.bars("written or touched", s.Ages, s.Total.Bytes)
	t.snapshots(s.Snapshots)
}

// sameAmounts reports whether two groups have the same amounts in the same order, as repositories
// and scopes where each repository has one scope.
func sameAmounts(a, b Group) bool {
	return a.Others == b.Others && slices.EqualFunc(a.Rows, b.Rows, func(x, y Row) bool { return x.Amount == y.Amount })
}

// result sums up a report in a line.
func (r *Report) result() string {
	var parts []string
	if r.Modules != nil {
		parts = append(parts, "GOMODCACHE "+quantity.Bytes(r.Modules.Total.Bytes))
	}
	if r.Build != nil {
		parts = append(parts, "GOCACHE "+quantity.Bytes(r.Build.Total.Bytes))
	}
	if r.Store != nil {
		parts = append(parts, "store "+quantity.Bytes(r.Store.Total.Bytes))
	}
	n := map[finding.Status]int{}
	for _, f := range r.Findings {
		n[f.Status]++
	}
	for _, s := range []finding.Status{finding.Fail, finding.Warn} {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	return strings.Join(parts, ", ")
}

func (m *Modules) ageTitle() string {
	if m.UnknownUse {
		return "arrived (this file system does not tell when modules are read)"
	}
	return "last used"
}

const freeableTitle = "unused, or there more than once"

// freeable lists what need not be there.
func (r *Report) freeable() (facts [][2]string) {
	add := func(name string, a Amount, noun, what string) {
		if a.Count > 0 {
			facts = append(facts, [2]string{name, fmt.Sprintf("%s, %s%s", quantity.Bytes(a.Bytes), quantity.Counted(a.Count, noun), what)})
		}
	}
	if t := r.Trim; t != nil {
		why := " not used for " + t.MaxAge + t.sizeText()
		add("trim of modules", t.Modules, "version", why)
		add("trim of the build cache", t.Build, "entry", why)
	}
	if m := r.Modules; m != nil {
		add("zips beside their trees", m.Duplicates.Zips, "zip", " that only 'go mod download' looks at")
		add("clones", m.Duplicates.Clones, "clone", " of a repository with versions here")
		add("same in several versions", m.Duplicates.versions(), "file", ", which an older version has, too")
		add("alike in several versions", m.Duplicates.Alike, "file", " of the same name and size, not compared")
	}
	if b := r.Build; b != nil {
		add("outputs without an entry", b.Unnamed, "output", " of the build cache")
	}
	if s := r.Store; s != nil {
		add("garbage in the store", s.Garbage, "object", ", removed by gc")
		add("unnamed in the store", s.Unnamed, "object", ", which gc removes when it has noted them for long enough")
		add("not gocache's", s.Other, "object", " in the store")
		if s.Unreadable > 0 {
			facts = append(facts, [2]string{"unreadable in the store", quantity.Counted(s.Unreadable, "manifest") + ", which protect what they might name"})
		}
	}
	return facts
}

func (t *Trim) sizeText() string {
	if t.MaxSize == "" {
		return ""
	}
	return " or are beyond " + t.MaxSize
}

// versions sums up all rows.
func (d *Duplicates) versions() Amount {
	a := d.Versions.Others
	for _, r := range d.Versions.Rows {
		a.Count += r.Count
		a.Bytes += r.Bytes
	}
	return a
}

func (r *Report) growthFacts() (facts [][2]string) {
	told := "" // there are usually as few points of everything, which is worth one line
	for _, g := range r.Growth {
		text := g.Text(r.Time)
		if few := g.pace(); g.PerDay == nil && few == told {
			text = strings.TrimPrefix(strings.TrimPrefix(text, few), ", ")
		} else {
			told = few
		}
		facts = append(facts, [2]string{g.Of, strings.TrimSuffix(quantity.Bytes(g.Bytes)+", "+text, ", ")})
	}
	return facts
}

// textWriter writes sections.
type textWriter struct{ b strings.Builder }

func (t *textWriter) title(format string, args ...any) {
	fmt.Fprintf(&t.b, "\n%s\n", report.OneLine(fmt.Sprintf(format, args...)))
}

// bars shows rows with their shares of a total.
func (t *textWriter) bars(title string, rows []Row, total int64) {
	table := report.Table{}
	for _, r := range rows {
		if r.Count > 0 {
			table.Rows = append(table.Rows, barRow(r, total))
		}
	}
	t.table(title, table)
}

// group shows the largest of a group, and the sum of the others.
func (t *textWriter) group(title string, g Group, total int64) {
	shown := g.Rows[:min(len(g.Rows), shownRows)]
	others := g.Others
	for _, r := range g.Rows[len(shown):] {
		others.Count += r.Count
		others.Bytes += r.Bytes
	}
	table := report.Table{}
	for _, r := range shown {
		table.Rows = append(table.Rows, barRow(r, total))
	}
	if others.Count > 0 && len(shown) > 0 {
		table.Rows = append(table.Rows, barRow(Row{"others", others}, total))
	}
	t.table(title, table)
}

func (t *textWriter) table(title string, table report.Table) {
	if len(table.Rows) == 0 {
		return
	}
	t.b.WriteString("\n")
	if title != "" {
		fmt.Fprintf(&t.b, "  %s\n", title)
	}
	table.Write(&t.b)
}

func barRow(r Row, total int64) []string {
	share := 100 * float64(r.Bytes) / float64(max(total, 1))
	return []string{"  " + shortName(r.Name), quantity.Count(r.Count), quantity.Bytes(r.Bytes), fmt.Sprintf("%.0f %%", share), report.Bar(share, barWidth)}
}

// maxShown is how long a name may be in a table, in runes.
const maxShown = 60

func shortName(s string) string { return report.Shorten(report.OneLine(s), maxShown) }

// snapshots shows those that were saved last.
func (t *textWriter) snapshots(list []Snapshot) {
	table := report.Table{}
	for _, s := range list[:min(len(list), shownRows)] {
		table.Rows = append(table.Rows, []string{
			"  " + shortName(s.Repo+" "+s.Scope+" "+s.Key), quantity.Bytes(s.Stored), s.Saved.Format("2006-01-02"), sparks(s.Trend), paceText(s.Growth),
		})
	}
	t.table("snapshots that were saved last", table)
}

func paceText(g Growth) string {
	if g.PerDay == nil {
		return "too few days"
	}
	return pace(*g.PerDay)
}

// sparks draws a trend in one line of text, at most 15 columns.
func sparks(points []Point) string {
	points = points[max(0, len(points)-15):]
	var most int64 = 1
	for _, p := range points {
		most = max(most, p.Bytes)
	}
	var values []float64
	for _, p := range points {
		values = append(values, float64(p.Bytes))
	}
	return report.Sparks(values, float64(most))
}

// facts shows names and values.
func (t *textWriter) facts(title string, facts [][2]string) {
	if len(facts) == 0 {
		return
	}
	t.title("%s", title)
	t.b.WriteString("\n")
	longest := 0
	for _, f := range facts {
		longest = max(longest, utf8.RuneCountInString(f[0]))
	}
	for _, f := range facts {
		fmt.Fprintf(&t.b, "  %-*s  %s\n", longest, f[0], report.OneLine(f[1]))
	}
}
