package cli

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/summary"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
)

// summaryFile is where the summary goes; "" for nowhere. Inputs of actions are often given as true
// and false, which are not names of files.
func summaryFile(r *run) string {
	switch r.cfg.Summary {
	case "", "true":
		return r.env("GITHUB_STEP_SUMMARY")
	case config.SummaryOff, "false":
		return ""
	}
	return r.cfg.Summary
}

// writeSummary adds one section about a restore, a save, or both, to the file that the
// configuration or the CI system names. Either can be nil. A look-up is left out, since nothing was
// restored. If the summary cannot be written, that is only a warning.
func writeSummary(r *run, before *restoreOutput, after *saveOutput) {
	if before != nil && before.LookupOnly {
		before = nil
	}
	file := summaryFile(r)
	if file == "" || before == nil && after == nil {
		return
	}
	now := time.Now()
	sec := section(r.version, before, after, now)
	sec.Health = summaryHealth(r.cfg, after, now)
	cleanSection(r.out, sec)
	if err := appendSection(file, sec); err != nil {
		r.out.warn(err, "")
	}
}

func appendSection(file string, sec *summary.Section) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("summary: %w", err)
	}
	return summary.Append(file, sec)
}

// cleanSection removes secrets from the messages of errors and servers. The rest of a section
// consists of names and figures.
func cleanSection(out *console, sec *summary.Section) {
	for i := range sec.Notes {
		sec.Notes[i].Text = out.clean(sec.Notes[i].Text)
	}
	if sec.Restore != nil {
		for i := range sec.Restore.Lost {
			sec.Restore.Lost[i].Reason = out.clean(sec.Restore.Lost[i].Reason)
		}
	}
}

// section turns the results of commands into what the summary shows.
func section(v versionInfo, r *restoreOutput, s *saveOutput, now time.Time) *summary.Section {
	sec := &summary.Section{Tool: "gocache " + v.Version, Now: now}
	if r != nil {
		sec.Job = r.Name
		sec.Restore = restoreSection(r)
		sec.Notes = append(sec.Notes, restoreNotes(r)...)
	}
	if s != nil {
		sec.Job = cmp.Or(sec.Job, s.Name)
		sec.Save = saveSection(s, now)
		sec.Notes = append(sec.Notes, saveNotes(r, s)...)
	}
	return sec
}

// restoreSection converts the result of a restore, which is nil if not even the project could be
// read.
func restoreSection(o *restoreOutput) *summary.Restore {
	shown := &summary.Restore{Failed: o.Error != ""}
	r := o.Result
	if r == nil {
		return shown
	}
	counts := func(c restore.Counts) summary.Counts {
		return summary.Counts{Restored: c.Restored, Present: c.Present, Missing: c.Missing, Refused: c.Refused, Unwritten: c.Unwritten}
	}
	shown.Key, shown.Modules, shown.Build, shown.Size = r.Key, counts(r.Modules), counts(r.Build), summarySize(r.Size)
	shown.Fetched, shown.Written, shown.Files, shown.Took = r.BytesFetched, r.BytesWritten, r.FilesWritten, fromSeconds(r.Seconds)
	if m := r.Matched; m != nil {
		shown.Scope, shown.Exact, shown.Saved, shown.Foreign = m.Scope, m.Exact, m.Saved, m.Scope != o.Scope
	}
	for _, l := range spread(r.Losses) {
		shown.Lost = append(shown.Lost, summary.Loss{What: l.What, Kind: l.Kind, Reason: l.Reason})
	}
	for _, m := range r.Largest {
		shown.Largest = append(shown.Largest, summary.Item{Name: m.Name, Bytes: m.Bytes})
	}
	return shown
}

// saveSection converts the result of a save.
func saveSection(o *saveOutput, now time.Time) *summary.Save {
	shown := &summary.Save{Scope: o.Scope, Failed: o.Error != ""}
	s := o.Result
	if s == nil {
		return shown
	}
	counts := func(c save.Counts) summary.Stored {
		return summary.Stored{Uploaded: c.Uploaded, Stored: c.Stored, Trimmed: c.Trimmed, Skipped: c.Skipped}
	}
	shown.ReadOnly, shown.Written, shown.Partial, shown.TooFew = s.ReadOnly, s.Written, s.Partial, s.TooFew
	shown.Modules, shown.Build, shown.Uploaded, shown.Took = counts(s.Modules), counts(s.Build), s.BytesUploaded, fromSeconds(s.Seconds)
	shown.Before, shown.After = summarySize(s.Before), summarySize(s.After)
	if u := s.Reuse; u != nil {
		shown.Reuse = &summary.Reuse{Reused: u.Reused, Made: u.Made, Saved: fromSeconds(u.Seconds)}
	}
	shown.Trim = summaryTrim(s.Trim)
	if l := s.Largest; l != nil {
		for _, m := range l.Modules {
			shown.Largest = append(shown.Largest, summary.Item{Name: m.Name, Bytes: m.Bytes})
		}
		for _, out := range l.Outputs {
			shown.Outputs = append(shown.Outputs, summary.Item{Kind: out.Kind, Name: out.Name, Count: out.Count, Bytes: out.Bytes})
		}
	}
	shown.Trend = summaryTrend(s, o.Run, now)
	return shown
}
