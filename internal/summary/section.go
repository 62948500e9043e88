// Package summary writes what a job got from its cache as a section of Markdown, for the page of a
// run on GitHub and for other programs that render Markdown. It is pure: plain values in, a bounded
// text out.
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

// Section is what a summary says about one job.
type Section struct {
	Job     string // name of the job
	Tool    string // name and version of this program
	Restore *Restore
	Save    *Save
	Notes   []Note
	Health  *Health // nil: not known
	Now     time.Time
}

// Note is a warning, or an error that was treated as a warning, and what to do about it.
type Note struct {
	Text, Hint string
}

// Health is the grade of the cache.
type Health struct {
	Grade string
	Score int    // of 100
	Worst string // what is worst; "" if all is well
}

// Restore is what the restore before the job did.
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

// Counts counts what a restore wanted, by what became of it.
type Counts struct{ Restored, Present, Missing, Refused, Unwritten int }

// Loss is a module or entry that should have been restored.
type Loss struct{ What, Kind, Reason string }

// Size is the size of a snapshot. All bytes except Stored are bytes on disk.
type Size struct {
	Stored                  int64
	Modules, Entries        int
	ModuleBytes, EntryBytes int64
}

// Save is what the save after the job did.
type Save struct {
	Scope          string
	Failed         bool
	ReadOnly       bool
	Written        bool  // with Failed: some of the keys have the snapshot
	Partial        bool  // the job failed, and what it has would be in the way of others
	TooFew         int64 // bytes that are new, and too few to be saved
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

// Stored counts what a save found, by what became of it.
type Stored struct{ Uploaded, Stored, Trimmed, Skipped int }

// Reuse says what the job used of the snapshot.
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

// Amount is a number of modules or entries, and their bytes on disk.
type Amount struct {
	Count int
	Bytes int64
}

// Dropped is a module or entry that was dropped.
type Dropped struct {
	Kind, Name, Reason string
	Bytes              int64
	LastUse            time.Time
}

// Item is a row of a list of the largest. Kind is empty if all rows are of one kind.
type Item struct {
	Kind, Name string
	Count      int // of outputs in it; 0 and 1 are not mentioned
	Bytes      int64
}

// Point is one save of the trend. If Reused and Made are both 0, the share of hits is unknown.
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
