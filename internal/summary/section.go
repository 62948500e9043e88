// Package summary writes what a job got from its cache as a section of Markdown, as GitHub shows it
// on the page of a run and everything else that renders Markdown does. It is pure: plain values in,
// a bounded page out.
//
//   - A section is at most MaxSection bytes, whatever the values: every name and every list in it
//     is cut to a fixed length.
//   - Whatever people can name is shown as it is, and cannot become Markdown, HTML or a link (see
//     code and text).
//   - A heading names the job, the next line says what matters most, all else is folded: the
//     sections of several jobs are read one below the other.
//   - Charts are Mermaid, and hold nothing but numbers and times; the same figures follow in a
//     table, for readers elsewhere.
package summary

import "time"

// Section is what is told of one job.
type Section struct {
	Job     string // name of the job
	Tool    string // name and version of this program
	Restore *Restore
	Save    *Save
	Notes   []Note
	Now     time.Time
}

// Note is a warning, or an error that was no more than a warning, and what to do about it.
type Note struct {
	Text, Hint string
}

// Restore is the half before the job.
type Restore struct {
	Key     string
	Failed  bool   // ended early
	Scope   string // of the snapshot; "" when none was found
	Exact   bool   // the snapshot is of the same module files
	Foreign bool   // the snapshot is of another scope than the job
	Saved   time.Time
	Modules Counts // versions
	Build   Counts // entries
	Size    *Size  // of the snapshot
	Fetched int64  // bytes
	Written int64  // bytes
	Files   int64
	Took    time.Duration
	Lost    []Loss
	Largest []Item // modules
}

// Counts says what became of the things that a restore wanted.
type Counts struct{ Restored, Present, Missing, Refused int }

// Loss is something that should have been restored.
type Loss struct{ What, Kind, Reason string }

// Size is what a snapshot amounts to. Bytes are on disk, but for Stored.
type Size struct {
	Stored                  int64
	Modules, Entries        int
	ModuleBytes, EntryBytes int64
}

// Save is the half after the job.
type Save struct {
	Scope          string
	Failed         bool
	ReadOnly       bool
	Written        bool // with Failed: some of the keys have the snapshot
	Modules, Build Stored
	Uploaded       int64 // bytes
	Took           time.Duration
	Before, After  *Size
	Reuse          *Reuse
	Trim           Trim
	Largest        []Item // modules
	Outputs        []Item // build outputs
	Trend          []Point
}

// Stored says what became of the things that a save found.
type Stored struct{ Uploaded, Stored, Trimmed, Skipped int }

// Reuse is what the job got out of the snapshot.
type Reuse struct {
	Reused, Made int           // build entries
	Saved        time.Duration // an estimate
}

// Trim is what was dropped from the snapshot.
type Trim struct {
	Off      string // why nothing was looked at
	Age      Amount // not used for too long
	Size     Amount // above the limit
	Programs Amount // of go run and go tool, with successors
	Largest  []Dropped
}

// Amount counts things and their bytes on disk.
type Amount struct {
	Count int
	Bytes int64
}

// Dropped is one of the things that were dropped.
type Dropped struct {
	Kind, Name, Reason string
	Bytes              int64
	LastUse            time.Time
}

// Item is something large. Kind is empty where all are of one.
type Item struct {
	Kind, Name string
	Count      int // of outputs in it; 0 and 1 are not mentioned
	Bytes      int64
}

// Point is one save of the trend. Where Reused and Made are both 0 the share of hits is not known.
type Point struct {
	Time         time.Time
	Run          string
	Stored       int64 // bytes
	Uploaded     int64 // bytes
	Reused, Made int
	Unsaved      bool // this run, which had nothing new to save
}

func (p Point) known() bool { return p.Reused+p.Made > 0 }

// share is the part of the used build entries that came from the snapshot, in percent.
func (p Point) share() float64 { return percent(p.Reused, p.Made) }

func percent(reused, made int) float64 {
	if reused+made == 0 {
		return 0
	}
	return 100 * float64(reused) / float64(reused+made)
}
