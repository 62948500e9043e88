package restore

import (
	"fmt"
	"strings"
	"sync"

	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/report"
)

// tally collects what the workers did. Safe for concurrent use.
type tally struct {
	mu       sync.Mutex
	modules  Counts
	build    Counts
	packs    Counts
	files    Counts
	losses   []Loss
	damages  []jobstate.Damage
	warnings []string
	lost     map[string]string // object -> kind of its loss
	locked   int               // losses of kindLocked
}

func (t *tally) add(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f()
}

// damage records stored bytes that were missing or wrong, so that the next save can mend them.
func (t *tally) damage(d jobstate.Damage, kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.damages = append(t.damages, d)
	if t.lost == nil {
		t.lost = map[string]string{}
	}
	t.lost[d.Object] = kind
	d.Reason = withoutName(d.Reason, d.Object)
	what := d.Object
	if d.Frame >= 0 {
		what = fmt.Sprintf("%s, frame %d", d.Object, d.Frame)
	}
	t.losses = append(t.losses, Loss{What: what, Reason: d.Reason, Kind: kind})
}

// withoutName drops from a reason the name of the object that it is the reason of: names of a
// hundred and more bytes are said once.
func withoutName(reason, object string) string {
	return strings.TrimPrefix(strings.ReplaceAll(reason, " "+object, ""), object+": ")
}

func (t *tally) warn(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.warnings = append(t.warnings, report.OneLine(fmt.Sprintf(format, args...)))
}

func (t *tally) into(r *Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.Modules, r.Build, r.Packs, r.Files = t.modules, t.build, t.packs, t.files
	r.Losses, r.Warnings = t.named(), t.warnings
}

// named returns the losses such that they can be printed: what is lost can have any name.
func (t *tally) named() []Loss {
	for i, l := range t.losses {
		t.losses[i].What, t.losses[i].Reason = report.OneLine(l.What), report.OneLine(l.Reason)
	}
	return t.losses
}

// lost counts a thing of the given kind as lost.
func (c *Counts) lost(kind string) {
	if kind == "missing" {
		c.Missing++
	} else {
		c.Refused++
	}
}
