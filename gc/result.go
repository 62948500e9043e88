package gc

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
)

// KindUpload is the kind of unfinished uploads in a Result, which are no objects yet.
const KindUpload snapshot.Kind = "upload"

// A Reason why something is removed.
type Reason string

// The reasons.
const (
	ReasonOldManifest  Reason = "manifest not written"
	ReasonUnnamed      Reason = "no manifest names it"
	ReasonUnusedModule Reason = "module unused"
	ReasonUpload       Reason = "upload abandoned"
)

// A Removal is one object that was removed, or in a plan would be.
type Removal struct {
	Object string        `json:"object"`
	Kind   snapshot.Kind `json:"kind"`
	Bytes  int64         `json:"bytes"`
	Reason Reason        `json:"reason"`
	Detail string        `json:"detail"` // for people

	note  int       // index of its note, if noted
	noted bool      // by an earlier collection
	since time.Time // when it was noted
}

// MaxRemovals is how many removals a Result lists, the largest ones. Totals cover all.
const MaxRemovals = 1000

// Amount counts objects.
type Amount struct {
	Objects int64 `json:"objects"`
	Bytes   int64 `json:"bytes"`
}

func (a *Amount) add(bytes int64) { a.Objects++; a.Bytes += bytes }

// Counts says what became of the objects of one kind. Each object is in exactly one of the fields,
// except for manifests that appear or vanish meanwhile.
type Counts struct {
	Kept      Amount `json:"kept"`      // named by a manifest, or a manifest
	Recent    Amount `json:"recent"`    // modules that no manifest names, used within the maximum age
	Waiting   Amount `json:"waiting"`   // unnamed, within the notice period
	Protected Amount `json:"protected"` // unnamed, but a manifest that cannot be read might name it
	Removed   Amount `json:"removed"`
	Refused   Amount `json:"refused"` // the store did not remove it
}

// Unreadable is a manifest that cannot be read, so everything that it might name is protected.
type Unreadable struct {
	Object string `json:"object"`
	Reason string `json:"reason"`
}

// Result is what a collection did, or in a plan would do.
type Result struct {
	DryRun     bool                     `json:"dryRun"`
	Kinds      map[snapshot.Kind]Counts `json:"kinds"`
	Other      Amount                   `json:"other"`    // objects not of this format, which are left alone
	Total      Amount                   `json:"removed"`  // of all kinds
	Reasons    map[Reason]Amount        `json:"reasons"`  // the same, by reason
	Removals   []Removal                `json:"removals"` // the largest first, at most MaxRemovals
	Unreadable []Unreadable             `json:"unreadable,omitempty"`
	Listed     int64                    `json:"listed"` // objects looked at, manifests twice
	Seconds    float64                  `json:"seconds"`
	Requests   map[string]int64         `json:"requests"`
	Warnings   []string                 `json:"warnings,omitempty"`
}

// tally adds up what the workers did. It is safe for concurrent use, and its memory is bounded.
type tally struct {
	mu       sync.Mutex
	kinds    map[snapshot.Kind]*Counts
	others   Amount
	reasons  map[Reason]*Amount
	largest  removals
	unread   []Unreadable
	warnings []string
	dropped  int // warnings beyond maxWarnings
}

// maxWarnings bounds the memory that a broken store can make a collection use.
const maxWarnings = 200

func (t *tally) with(kind snapshot.Kind, f func(*Counts)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kinds == nil {
		t.kinds, t.reasons = map[snapshot.Kind]*Counts{}, map[Reason]*Amount{}
	}
	if t.kinds[kind] == nil {
		t.kinds[kind] = new(Counts)
	}
	f(t.kinds[kind])
}

func (t *tally) keep(k snapshot.Kind, n int64)    { t.with(k, func(c *Counts) { c.Kept.add(n) }) }
func (t *tally) recent(k snapshot.Kind, n int64)  { t.with(k, func(c *Counts) { c.Recent.add(n) }) }
func (t *tally) wait(k snapshot.Kind, n int64)    { t.with(k, func(c *Counts) { c.Waiting.add(n) }) }
func (t *tally) protect(k snapshot.Kind, n int64) { t.with(k, func(c *Counts) { c.Protected.add(n) }) }
func (t *tally) other(n int64)                    { t.with(snapshot.KindOther, func(*Counts) { t.others.add(n) }) }

func (t *tally) removed(r Removal) {
	t.with(r.Kind, func(c *Counts) {
		c.Removed.add(r.Bytes)
		if t.reasons[r.Reason] == nil {
			t.reasons[r.Reason] = new(Amount)
		}
		t.reasons[r.Reason].add(r.Bytes)
		t.largest.add(r)
	})
}

// failed records an object that the store did not remove.
func (t *tally) failed(r Removal, err error) {
	t.with(r.Kind, func(c *Counts) { c.Refused.add(r.Bytes) })
	t.warn("%s is not removed: %v", r.Object, err)
}

func (t *tally) unreadable(object string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.unread) < MaxRemovals {
		t.unread = append(t.unread, Unreadable{object, report.OneLine(err.Error())})
	}
}

func (t *tally) warn(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.warnings) == maxWarnings {
		t.dropped++
		return
	}
	t.warnings = append(t.warnings, fmt.Sprintf(format, args...))
}

// removals is a heap with the smallest removal on top, the one to replace by a larger one.
type removals []Removal

func (h removals) Len() int           { return len(h) }
func (h removals) Less(i, j int) bool { return byBytes(h[i], h[j]) > 0 }
func (h removals) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *removals) Push(x any)        { *h = append(*h, x.(Removal)) }
func (h *removals) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}

func byBytes(a, b Removal) int {
	return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Object, b.Object))
}

func (h *removals) add(r Removal) {
	if len(*h) < MaxRemovals {
		heap.Push(h, r)
	} else if byBytes(r, (*h)[0]) < 0 {
		(*h)[0] = r
		heap.Fix(h, 0)
	}
}

func (r *run) result() *Result {
	t := &r.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	res := &Result{
		DryRun: r.dry, Kinds: map[snapshot.Kind]Counts{}, Reasons: map[Reason]Amount{}, Other: t.others,
		Removals: slices.AppendSeq(make([]Removal, 0, len(t.largest)), slices.Values(t.largest)), Unreadable: t.unread, Warnings: t.warnings,
		Listed: r.Meter.Files.Load(), Seconds: time.Since(r.started).Seconds(), Requests: r.Store.Requests(),
	}
	slices.SortFunc(res.Removals, byBytes)
	for _, k := range append(slices.Clone(kinds), KindUpload) {
		res.Kinds[k] = Counts{}
		if c := t.kinds[k]; c != nil {
			res.Kinds[k] = *c
		}
	}
	for reason, a := range t.reasons {
		res.Reasons[reason] = *a
		res.Total.Objects += a.Objects
		res.Total.Bytes += a.Bytes
	}
	slices.SortFunc(res.Unreadable, func(a, b Unreadable) int { return cmp.Compare(a.Object, b.Object) })
	if t.dropped > 0 {
		res.Warnings = append(res.Warnings, fmt.Sprintf("and %d more", t.dropped))
	}
	return res
}
