package summary

import (
	"fmt"
	"strings"

	"github.com/org/gocache-action/internal/quantity"
)

// head writes the heading and the line that matters most.
func (s *Section) head(p *page) {
	p.printf("### %s Go cache: %s\n\n", s.sign(), code(s.Job))
	var lines []string
	if s.Restore != nil {
		lines = append(lines, s.Restore.line(s))
	}
	if s.Save != nil {
		lines = append(lines, s.Save.line())
	}
	if len(lines) > 0 {
		p.printf("%s\n\n", strings.Join(lines, " "))
	}
	if s.Health != nil {
		p.printf("%s\n\n", s.Health.line())
	}
}

// line says how the cache does.
func (h *Health) line() string {
	line := fmt.Sprintf("Health: **%s**, %d of 100", word(h.Grade), h.Score)
	if h.Worst != "" {
		line += ": " + text(h.Worst)
	}
	return line + "."
}

// sign is the symbol in the heading.
func (s *Section) sign() string {
	switch {
	case len(s.Notes) > 0:
		return "⚠️"
	case s.Restore != nil && s.Restore.Scope == "":
		return "🌱"
	}
	return "✅"
}

// empty reports whether no snapshot was found and nothing was restored.
func (r *Restore) empty() bool {
	nothing := func(c Counts) bool { return c.Restored+c.Present+c.Refused+c.Unwritten == 0 }
	return r.Scope == "" && nothing(r.Modules) && nothing(r.Build) && len(r.Lost) == 0
}

// line says what was found.
func (r *Restore) line(s *Section) string {
	switch {
	case r.Failed && r.Scope == "":
		return "**Nothing was restored.**"
	case r.Scope == "" && r.Modules.Restored > 0:
		return fmt.Sprintf("**No snapshot was found**; %s came by go.sum alone.", quantity.Counted(r.Modules.Restored, "module"))
	case r.Scope == "":
		return "**No snapshot was found**, so this job starts cold."
	}
	what := "Restored the snapshot of the same module files"
	switch {
	case r.Failed:
		what = "Restored only a part of the snapshot"
	case !r.Exact:
		what = "Restored the latest snapshot"
	}
	from := code(r.Scope)
	if r.Foreign {
		from = "another scope, " + from
	}
	age := quantity.Ago(r.Saved, s.Now)
	line := fmt.Sprintf("**%s** from %s, saved %s", what, from, age)
	if !r.Exact && !r.Failed {
		line += "; the module files have changed since"
	}
	return line + "."
}

// line says what was stored.
func (s *Save) line() string {
	switch {
	case s.ReadOnly:
		return "Read-only: nothing is saved."
	case s.Failed && !s.Written:
		return "**Not saved.**"
	case s.Partial:
		return "Not saved: the job failed before it had all that other jobs start from."
	case s.TooFew > 0:
		return fmt.Sprintf("Not saved: %s are new, which is not worth an entry in a pull request.", quantity.Bytes(s.TooFew))
	case !s.Written:
		return "Nothing new to save."
	}
	line := "Saved the snapshot to " + code(s.Scope) + "; all that is in it was stored already"
	if news := s.news(); news != "" {
		line = "Saved " + news + " to " + code(s.Scope)
	}
	if s.Failed {
		line += ", **but not under every key**"
	}
	return line + "."
}

// news names what was uploaded. It may be nothing: a job can have made what others have stored.
func (s *Save) news() string {
	var list []string
	if s.Build.Uploaded > 0 {
		list = append(list, quantity.Counted(s.Build.Uploaded, "new build output"))
	}
	if s.Modules.Uploaded > 0 {
		list = append(list, quantity.Counted(s.Modules.Uploaded, "new module"))
	}
	return strings.Join(list, " and ")
}

// figure is one cell of the row of large figures.
type figure struct{ title, value, below string }

// figures writes the figures that are known.
func (s *Section) figures(p *page) {
	var list []figure
	add := func(f figure, ok bool) {
		if ok {
			list = append(list, f)
		}
	}
	add(s.reused())
	add(s.timeSaved())
	add(s.spent())
	add(s.moved())
	add(s.size())
	if len(list) == 0 {
		return
	}
	var titles, cells []string
	for _, f := range list {
		titles = append(titles, f.title)
		cells = append(cells, fmt.Sprintf("**%s**<br><sub>%s</sub>", f.value, f.below))
	}
	p.table(":-:", titles, [][]string{cells})
}

// reused is the share of hits, or, before the job has run, the number of entries that it can hit.
func (s *Section) reused() (figure, bool) {
	if s.Save != nil && s.Save.Reuse != nil && s.Save.Reuse.Reused+s.Save.Reuse.Made > 0 {
		u := s.Save.Reuse
		return figure{"Reused", quantity.Percent(percent(u.Reused, u.Made)), fmt.Sprintf("%s of %s build entries", quantity.Count(u.Reused), quantity.Count(u.Reused+u.Made))}, true
	}
	if r := s.Restore; r != nil && r.Scope != "" {
		return figure{"Restored", quantity.Counted(r.Build.Restored, "build entry"), quantity.Counted(r.Modules.Restored, "module")}, true
	}
	return figure{}, false
}

func (s *Section) timeSaved() (figure, bool) {
	if s.Save == nil || s.Save.Reuse == nil || s.Save.Reuse.Reused == 0 {
		return figure{}, false
	}
	return figure{"Time saved", about(s.Save.Reuse.Saved), "of building, an estimate"}, true
}

func (s *Section) spent() (figure, bool) {
	switch {
	case s.Restore != nil && s.Save != nil && s.Restore.Took+s.Save.Took > 0:
		return figure{"Time spent", took(s.Restore.Took + s.Save.Took), fmt.Sprintf("restore %s, save %s", took(s.Restore.Took), took(s.Save.Took))}, true
	case s.Restore != nil && s.Restore.Took > 0:
		return figure{"Time spent", took(s.Restore.Took), "restore"}, true
	case s.Save != nil && s.Save.Took > 0:
		return figure{"Time spent", took(s.Save.Took), "save"}, true
	}
	return figure{}, false
}

func (s *Section) moved() (figure, bool) {
	switch {
	case s.Restore == nil && s.Save == nil || s.Save == nil && s.Restore.Fetched == 0 || s.Save != nil && s.Save.After == nil:
		return figure{}, false
	case s.Restore != nil && s.Save != nil:
		return figure{"Transferred", quantity.Bytes(s.Restore.Fetched + s.Save.Uploaded), fmt.Sprintf("↓ %s, ↑ %s", quantity.Bytes(s.Restore.Fetched), quantity.Bytes(s.Save.Uploaded))}, true
	case s.Save == nil:
		return figure{"Fetched", quantity.Bytes(s.Restore.Fetched), quantity.Bytes(s.Restore.Written) + " on disk"}, true
	}
	return figure{"Uploaded", quantity.Bytes(s.Save.Uploaded), quantity.Counted(s.Save.Build.Uploaded, "build output")}, true
}

func (s *Section) size() (figure, bool) {
	if s.Save != nil && s.Save.After != nil {
		below := "in the store"
		if b := s.Save.Before; b != nil {
			below = signed(s.Save.After.Stored-b.Stored, quantity.Bytes) + " in the store"
		}
		return figure{"Snapshot", quantity.Bytes(s.Save.After.Stored), below}, true
	}
	if s.Restore != nil && s.Restore.Size != nil {
		return figure{"Snapshot", quantity.Bytes(s.Restore.Size.Stored), "in the store"}, true
	}
	return figure{}, false
}
