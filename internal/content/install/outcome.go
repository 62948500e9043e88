package install

import (
	"errors"
	"fmt"
	"strings"

	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store"
)

// Counts says what became of the entries, modules or files of one kind.
type Counts struct {
	Restored int `json:"restored"`
	Present  int `json:"present"` // already there and whole, or being put there by another process
	Missing  int `json:"missing"` // not in the store
	Refused  int `json:"refused"` // did not pass verification
	// could not be written here: the disk failed, or another program had the file open
	Unwritten int `json:"unwritten"`
}

// Loss names something that the snapshot or go.sum promises and that could not be restored.
type Loss struct {
	What   string `json:"what"`   // a module version or an object
	Reason string `json:"reason"` // why
	Kind   string `json:"kind"`   // "missing", "refused", "locked" or "disk"
}

// Kinds of losses. The last two are due to this machine alone: the stored object is intact, and the
// next save has nothing to mend.
const (
	KindMissing = "missing" // not in the store
	KindRefused = "refused" // did not pass verification
	KindLocked  = "locked"  // another program had the file open for longer than osfile waits
	KindDisk    = "disk"    // it could not be written
)

// KindOf is the kind of loss that an error about an object means: missing or refused.
func KindOf(err error) string {
	if errors.Is(err, store.ErrNotFound) {
		return KindMissing
	}
	return KindRefused
}

// Outcome is what became of one job, of several, or of a whole kind. It is not shared: a job makes
// one, passes it on, and whoever gets several adds them up.
type Outcome struct {
	Counts   Counts
	Losses   []Loss
	Damages  []jobstate.Damage // stored bytes that are missing or wrong, for the next save to mend
	Lost     map[string]string // kinds of losses, by the objects in Damages
	Read     map[string]int    // how many jobs came to their end, by the packs that they read
	Warnings []string
}

// Add adds another outcome.
func (o *Outcome) Add(p Outcome) {
	o.Counts.Restored += p.Counts.Restored
	o.Counts.Present += p.Counts.Present
	o.Counts.Missing += p.Counts.Missing
	o.Counts.Refused += p.Counts.Refused
	o.Counts.Unwritten += p.Counts.Unwritten
	o.Losses = append(o.Losses, p.Losses...)
	o.Damages = append(o.Damages, p.Damages...)
	o.Warnings = append(o.Warnings, p.Warnings...)
	for object, kind := range p.Lost {
		o.mark(object, kind)
	}
	for pack, n := range p.Read {
		for range n {
			o.read(pack)
		}
	}
}

func (o *Outcome) read(pack string) {
	if o.Read == nil {
		o.Read = map[string]int{}
	}
	o.Read[pack]++
}

func (o *Outcome) mark(object, kind string) {
	if o.Lost == nil {
		o.Lost = map[string]string{}
	}
	o.Lost[object] = kind
}

// Warn adds a warning, in one line.
func (o *Outcome) Warn(format string, args ...any) {
	o.Warnings = append(o.Warnings, report.OneLine(fmt.Sprintf(format, args...)))
}

// Lose counts n entries, modules or files as lost.
func (o *Outcome) Lose(n int, kind string) {
	switch kind {
	case KindMissing:
		o.Counts.Missing += n
	case KindDisk, KindLocked:
		o.Counts.Unwritten += n
	default:
		o.Counts.Refused += n
	}
}

// Name adds a loss. What is lost can have any name, but is printed in one line.
func (o *Outcome) Name(what, reason, kind string) {
	o.Losses = append(o.Losses, Loss{What: report.OneLine(what), Reason: report.OneLine(reason), Kind: kind})
}

// Damage records stored bytes that were missing or wrong, and names them as lost. frame is -1 for
// the whole object.
func (o *Outcome) Damage(object string, frame int, reason, kind string) {
	o.Mend(object, frame, reason, kind)
	o.mark(object, kind)
	what := object
	if frame >= 0 {
		what = fmt.Sprintf("%s, frame %d", object, frame)
	}
	o.Name(what, withoutName(reason, object), kind)
}

// Mend records stored bytes for the next save to mend, if the loss has been named already.
func (o *Outcome) Mend(object string, frame int, reason, kind string) {
	o.Damages = append(o.Damages, jobstate.Damage{Object: object, Frame: frame, Reason: reason, Kind: kind})
}

// withoutName removes the name of the object from a reason that is printed behind it: names have a
// hundred bytes and more.
func withoutName(reason, object string) string {
	return strings.TrimPrefix(strings.ReplaceAll(reason, " "+object, ""), object+": ")
}
