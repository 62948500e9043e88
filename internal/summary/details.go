package summary

import (
	"fmt"
	"time"

	"github.com/org/gocache-action/internal/quantity"
)

// details writes the details of a restore.
func (r *Restore) details(p *page) {
	line := fmt.Sprintf("%s, %s, %s on disk in %s", quantity.Counted(r.Modules.Restored, "module"), quantity.Counted(r.Build.Restored, "build entry"), quantity.Bytes(r.Written), took(r.Took))
	p.fold("Restore", line, func() {
		head := []string{"", "Restored", "Already there", "Missing", "Refused"}
		unwritten := r.Modules.Unwritten+r.Build.Unwritten > 0
		if unwritten {
			head = append(head, "Not written")
		}
		row := func(name string, c Counts) []string {
			cells := []string{name, quantity.Count(c.Restored), quantity.Count(c.Present), quantity.Count(c.Missing), quantity.Count(c.Refused)}
			if unwritten {
				cells = append(cells, quantity.Count(c.Unwritten))
			}
			return cells
		}
		p.table(":-- --:", head, [][]string{row("Modules", r.Modules), row("Build entries", r.Build)})
		p.printf("Fetched %s, wrote %s in %s. Key: %s\n\n", quantity.Bytes(r.Fetched), quantity.Bytes(r.Written), quantity.Counted(int(r.Files), "file"), code(r.Key))
		r.lost(p)
	})
}

// lost lists what should have been restored.
func (r *Restore) lost(p *page) {
	if len(r.Lost) == 0 {
		return
	}
	rows := [][]string{}
	for _, l := range r.Lost[:min(len(r.Lost), maxLost)] {
		rows = append(rows, []string{code(l.What), word(l.Kind), text(l.Reason)})
	}
	p.table(":--", []string{"Lost", "", "Why"}, rows)
	p.more(len(r.Lost), maxLost)
}

// details writes the details of a save.
func (s *Save) details(p *page) {
	line := fmt.Sprintf("%s and %s uploaded, %s in %s", quantity.Counted(s.Modules.Uploaded, "module"), quantity.Counted(s.Build.Uploaded, "build output"), quantity.Bytes(s.Uploaded), took(s.Took))
	p.fold("Save", line, func() {
		row := func(name string, c Stored) []string {
			return []string{name, quantity.Count(c.Uploaded), quantity.Count(c.Stored), quantity.Count(c.Trimmed), quantity.Count(c.Skipped)}
		}
		p.table(":-- --:", []string{"", "Uploaded", "Already stored", "Trimmed", "Skipped"},
			[][]string{row("Modules", s.Modules), row("Build entries", s.Build)})
		s.sizes(p)
	})
}

// sizes compares the snapshot with the one before.
func (s *Save) sizes(p *page) {
	before := Size{}
	if s.Before != nil {
		before = *s.Before
	}
	a := *s.After
	both := func(n int, b int64) string { return fmt.Sprintf("%s, %s", quantity.Count(n), quantity.Bytes(b)) }
	change := func(n int, b int64) string {
		return fmt.Sprintf("%s, %s", signed(int64(n), quantity.Count[int64]), signed(b, quantity.Bytes))
	}
	p.table(":-- --:", []string{"Snapshot", "Before", "After", "Change"}, [][]string{
		{"Modules", both(before.Modules, before.ModuleBytes), both(a.Modules, a.ModuleBytes), change(a.Modules-before.Modules, a.ModuleBytes-before.ModuleBytes)},
		{"Build entries", both(before.Entries, before.EntryBytes), both(a.Entries, a.EntryBytes), change(a.Entries-before.Entries, a.EntryBytes-before.EntryBytes)},
		{"In the store, compressed", quantity.Bytes(before.Stored), quantity.Bytes(a.Stored), signed(a.Stored-before.Stored, quantity.Bytes)},
	})
}

// trim says what was dropped and why.
func (s *Save) trim(p *page, now time.Time) {
	t := s.Trim
	if t.Off != "" {
		p.printf("Nothing was trimmed: %s.\n\n", text(t.Off))
		return
	}
	all := t.Age.Count + t.Size.Count + t.Programs.Count
	if all == 0 {
		return
	}
	line := fmt.Sprintf("%s of modules and build entries", quantity.Bytes(t.Age.Bytes+t.Size.Bytes+t.Programs.Bytes))
	p.fold("Trimmed", line, func() {
		rows := [][]string{
			{"Not used for too long", quantity.Count(t.Age.Count), quantity.Bytes(t.Age.Bytes)},
			{"Above the size limit", quantity.Count(t.Size.Count), quantity.Bytes(t.Size.Bytes)},
		}
		if t.Programs.Count > 0 {
			rows = append(rows, []string{"Programs with successors", quantity.Count(t.Programs.Count), quantity.Bytes(t.Programs.Bytes)})
		}
		p.table(":-- --:", []string{"Why", "Count", "Size"}, rows)
		rows = nil
		for _, d := range t.Largest[:min(len(t.Largest), maxRows)] {
			rows = append(rows, []string{word(d.Kind) + " " + code(d.Name), quantity.Bytes(d.Bytes), quantity.Ago(d.LastUse, now), word(d.Reason)})
		}
		p.table(":-- --: :--", []string{"Largest of it", "Size", "Last used", "Why"}, rows)
		p.more(all, len(rows))
	})
}
