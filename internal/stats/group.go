package stats

import (
	"cmp"
	"slices"
	"time"
)

// MaxRows bounds what a report lists of anything: what is smaller is summed up.
const MaxRows = 200

// Row is one line of a table.
type Row struct {
	Name string `json:"name"`
	Amount
}

// Group is a list of rows, the largest first, and the sum of those that are not listed.
type Group struct {
	Rows   []Row  `json:"rows"`
	Names  int    `json:"names"`  // how many different ones there are
	Others Amount `json:"others"` // of the names that are not listed
}

// sums adds up amounts by name.
type sums map[string]*Amount

func (s sums) add(name string, count int, bytes int64) {
	a := s[name]
	if a == nil {
		a = new(Amount)
		s[name] = a
	}
	a.Count += count
	a.Bytes += bytes
}

// group lists the n largest.
func (s sums) group(n int) Group {
	g := Group{Rows: make([]Row, 0, len(s)), Names: len(s)}
	for name, a := range s {
		g.Rows = append(g.Rows, Row{name, *a})
	}
	slices.SortFunc(g.Rows, largest)
	for _, r := range g.Rows[min(n, len(g.Rows)):] {
		g.Others.Count += r.Count
		g.Others.Bytes += r.Bytes
	}
	g.Rows = slices.Clone(g.Rows[:min(n, len(g.Rows))])
	return g
}

func largest(a, b Row) int {
	return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
}

// rows lists all of them.
func (s sums) rows() []Row { return s.group(len(s)).Rows }

const day = 24 * time.Hour

// ageNames and ageBounds are the classes of ages, of which the last has no bound. The go command
// itself removes build entries after five days.
var (
	ageNames  = [...]string{"up to 1 day", "1 to 2 days", "2 to 5 days", "5 to 14 days", "14 to 30 days", "30 to 90 days", "over 90 days"}
	ageBounds = [...]time.Duration{day, 2 * day, 5 * day, 14 * day, 30 * day, 90 * day}
)

// ages adds up amounts by age.
type ages struct {
	now  time.Time
	sums [len(ageNames)]Amount
}

// add counts what was used, or written, at a time. Times in the future are today.
func (a *ages) add(at time.Time, count int, bytes int64) {
	i := 0
	for i < len(ageBounds) && a.now.Sub(at) > ageBounds[i] {
		i++
	}
	a.sums[i].Count += count
	a.sums[i].Bytes += bytes
}

// rows lists the classes in order, also those with nothing in them.
func (a *ages) rows() []Row {
	list := make([]Row, len(ageNames))
	for i, name := range ageNames {
		list[i] = Row{name, a.sums[i]}
	}
	return list
}
