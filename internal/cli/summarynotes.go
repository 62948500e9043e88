package cli

import (
	"cmp"
	"fmt"
	"time"

	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/summary"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
)

// summarySize converts a size; nil stands for no snapshot.
func summarySize(s *snapshot.Size) *summary.Size {
	if s == nil {
		return nil
	}
	return &summary.Size{Stored: s.Stored, Modules: s.Modules, Entries: s.Actions, ModuleBytes: s.ModuleBytes, EntryBytes: s.BuildBytes}
}

func summaryTrim(t save.Trim) summary.Trim {
	trim := summary.Trim{Off: t.Off, Age: summary.Amount(t.Age), Size: summary.Amount(t.Size), Programs: summary.Amount(t.Programs)}
	why := map[string]string{"age": "not used for too long", "size": "above the size limit", "superseded": "newer programs have its name"}
	for _, d := range t.Largest {
		trim.Largest = append(trim.Largest, summary.Dropped{Kind: d.Kind, Name: d.Name, Reason: cmp.Or(why[d.Reason], d.Reason), Bytes: d.Bytes, LastUse: d.LastUse})
	}
	return trim
}

// summaryTrend lists the saves that the snapshot remembers. A run with nothing new to save is not
// among them, and comes last.
func summaryTrend(s *save.Result, run string, now time.Time) (points []summary.Point) {
	for _, t := range s.Trend {
		points = append(points, summary.Point{Time: t.Time, Run: t.Run, Stored: t.Stored, Uploaded: t.Uploaded, Reused: t.Reused, Made: t.Made})
	}
	if !s.Written && s.After != nil {
		p := summary.Point{Time: now, Run: run, Stored: s.After.Stored, Unsaved: true}
		if s.Reuse != nil {
			p.Reused, p.Made = s.Reuse.Reused, s.Reuse.Made
		}
		points = append(points, p)
	}
	return points
}

// restoreNotes lists what went wrong before the job, and what to do about it.
func restoreNotes(o *restoreOutput) []summary.Note {
	notes := errorNote("restore", o.outcome)
	if o.Result == nil {
		return notes
	}
	for _, w := range o.Warnings {
		notes = append(notes, summary.Note{Text: "restore: " + w})
	}
	return append(notes, lossNotes(o.Losses)...)
}

// lossNotes says what each kind of loss means, how often it occurred, and what to do about it.
func lossNotes(losses []restore.Loss) (notes []summary.Note) {
	count := map[string]int{}
	for _, l := range losses {
		count[l.Kind]++
	}
	for _, k := range []struct{ kind, text, hint string }{
		{
			install.KindRefused, "what did not pass verification was not restored (%d times); it is listed under Restore",
			"nothing, if it happens once: the save of this job stores them anew. If it comes back, find out who else writes to the store",
		},
		{
			install.KindMissing, "objects that the snapshot names are gone from the store (%d)",
			"the save of this job stores them anew. Let no lifecycle rule remove packs and modules sooner than snapshots; gocache gc knows what is in use",
		},
		{
			install.KindLocked, "files were not restored because another program had them open (%d); they are listed under Restore",
			"start what uses the caches after the restore, and keep virus scanners out of them",
		},
		{
			install.KindDisk, "files could not be written to the disk of this machine (%d places); they are listed under Restore",
			"look after the disk, its free space, and who owns the directories of the caches; the store is not to blame",
		},
	} {
		if n := count[k.kind]; n > 0 {
			notes = append(notes, summary.Note{Text: fmt.Sprintf(k.text, n), Hint: k.hint})
		}
	}
	return notes
}

// fewReused is the share of reused entries below which something is wrong if the snapshot is of the
// very same module files. It matters only if more than manyMade entries were made.
const (
	fewReused = 0.5
	manyMade  = 200
)

// saveNotes lists what went wrong after the job, and what to do about it. r is nil if only the save
// is known.
func saveNotes(r *restoreOutput, s *saveOutput) []summary.Note {
	notes := errorNote("save", s.outcome)
	if s.Result == nil {
		return notes
	}
	for _, w := range s.Warnings {
		notes = append(notes, summary.Note{Text: "save: " + w})
	}
	if s.Trim.Used.Count > 0 && len(notes) > 0 {
		notes[len(notes)-1].Hint = "raise --max-size, or the bound of the cache that is too small"
	}
	u := s.Reuse
	exact := r != nil && r.Result != nil && r.Matched != nil && r.Matched.Exact
	if exact && u != nil && u.Made > manyMade && float64(u.Reused) < fewReused*float64(u.Reused+u.Made) {
		notes = append(notes, summary.Note{
			Text: fmt.Sprintf("the snapshot is of the same module files, yet the job reused only %d build entries and made %d", u.Reused, u.Made),
			Hint: "check out to the same directory in every job or build with -trimpath, and give jobs with other flags or build tags another --name",
		})
	}
	return notes
}

func errorNote(command string, o outcome) []summary.Note {
	if o.Error == "" {
		return nil
	}
	return []summary.Note{{Text: command + ": " + o.Error, Hint: o.Hint}}
}

func fromSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
