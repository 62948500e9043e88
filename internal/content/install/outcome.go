package install

import (
	"errors"
	"fmt"
	"strings"

	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store"
)

// Counts says how many entries, modules or files of one kind met which end.
type Counts struct {
	Restored int `json:"restored"`
	Present  int `json:"present"` // already there, and whole
	Missing  int `json:"missing"` // not in the store
	Refused  int `json:"refused"` // did not pass verification, or could not be written
}

// Loss names something that the snapshot or go.sum promises and that could not be restored.
type Loss struct {
	What   string `json:"what"`   // a module version or an object
	Reason string `json:"reason"` // why
	Kind   string `json:"kind"`   // "missing", "refused", "locked" or "disk"
}

// Kinds of losses. With the last two only this machine is to blame: the stored object is whole, and
// the next save has nothing to mend.
const (
	KindMissing = "missing" // not in the store
	KindRefused = "refused" // did not pass verification
	KindLocked  = "locked"  // another program had the file open for longer than osfile waits
	KindDisk    = "disk"    // it could not be written
)

// KindOf tells a loss that is no more than an absence from bytes that were refused.
func KindOf(err error) string {
	if errors.Is(err, store.ErrNotFound) {
		return KindMissing
	}
	return KindRefused
}

// Outcome is what became of a job, of several, or of a whole kind. It belongs to whoever has it;
// outcomes are passed on as values and added up.
type Outcome struct {
	Counts   Counts
	Losses   []Loss
	Damages  []jobstate.Damage // stored bytes that are missing or wrong, for the next save to mend
	Lost     map[string]string // kinds of losses, by the objects in Damages
	Warnings []string
}

// Add adds what became of something else.
func (o *Outcome) Add(p Outcome) {
	o.Counts.Restored += p.Counts.Restored
	o.Counts.Present += p.Counts.Present
	o.Counts.Missing += p.Counts.Missing
	o.Counts.Refused += p.Counts.Refused
	o.Losses = append(o.Losses, p.Losses...)
	o.Damages = append(o.Damages, p.Damages...)
	o.Warnings = append(o.Warnings, p.Warnings...)
	for object, kind := range p.Lost {
		o.mark(object, kind)
	}
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

// Lose counts n losses of a kind.
func (o *Outcome) Lose(n int, kind string) {
	if kind == KindMissing {
		o.Counts.Missing += n
	} else {
		o.Counts.Refused += n
	}
}

// Name names a loss. What is lost can have any name, and is printed in one line.
func (o *Outcome) Name(what, reason, kind string) {
	o.Losses = append(o.Losses, Loss{What: report.OneLine(what), Reason: report.OneLine(reason), Kind: kind})
}

// Damage records stored bytes that were missing or wrong, and names them as lost. frame is -1 for
// the whole object.
func (o *Outcome) Damage(object string, frame int, reason, kind string) {
	o.Mend(object, frame, reason)
	o.mark(object, kind)
	what := object
	if frame >= 0 {
		what = fmt.Sprintf("%s, frame %d", object, frame)
	}
	o.Name(what, withoutName(reason, object), kind)
}

// Mend records stored bytes for the next save to mend, where what lies in them was named already.
func (o *Outcome) Mend(object string, frame int, reason string) {
	o.Damages = append(o.Damages, jobstate.Damage{Object: object, Frame: frame, Reason: reason})
}

// withoutName drops from a reason the name of the object that it is the reason of: names of a
// hundred and more bytes are said once.
func withoutName(reason, object string) string {
	return strings.TrimPrefix(strings.ReplaceAll(reason, " "+object, ""), object+": ")
}
