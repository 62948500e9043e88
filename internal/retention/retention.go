// Package retention decides which items of a cache are kept and which are dropped. It is pure:
// items and a policy in, a verdict for each item out. Save applies it to a snapshot, trim to the
// caches of a machine.
//
// The rules, in this order:
//
//   - an item used since the policy's UsedSince is never dropped for its age;
//   - an item not used for MaxAge is dropped;
//   - a program (go run, go tool) is dropped if it was not used for ProgramAge, or if this job did
//     not use it and it is not among the ProgramsKept most recently used ones of its name;
//   - of the rest, the most recently used items are kept, as far as they fit into the bound of
//     their kind and the bound of all. After the first item that does not fit, nothing older is
//     kept: the order of use decides, not the size. Only an item that is larger than a whole bound
//     is skipped, because it would drop everything older with it;
//   - files of directories other than the two caches are dropped for their age alone;
//   - a pinned item is kept whatever the rules say, and its bytes count towards the bounds.
//
// An item is an action entry with its output, or a module version with its tree. Several entries
// can share an output, which is counted once and kept as long as one of them.
package retention

import (
	"cmp"
	"slices"
	"time"
)

// Kind is the kind of an item. Each kind of the two caches has a bound of its own.
type Kind uint8

// The kinds. Of two items that were used at the same time, a module comes before a build entry,
// because no build starts without its modules.
const (
	Module Kind = iota
	Build
	// Path is a file of a directory other than the two caches. The bounds are those of the caches,
	// so only its age counts, and it takes no room from other items.
	Path
	kinds
)

// Item is kept or dropped as a whole.
type Item struct {
	LastUse int64 // Unix seconds
	Size    int64 // bytes on disk
	// Content identifies the bytes that Size counts, among the items of one Kind: items with the
	// same Content share them.
	Content int32
	// Program numbers the names of programs that the go command linked only to run them; 0: the
	// item is no such program.
	Program int32
	Kind    Kind
	Pinned  bool
	// Ageless items are not dropped for their age, because their LastUse is a guess that only gives
	// them an order.
	Ageless bool
}

// Policy is what a user asks for. A zero bound is no bound.
type Policy struct {
	Now    time.Time
	MaxAge time.Duration
	// UsedSince is when the job began, if that is known. Items used since then were used by the
	// job.
	UsedSince time.Time
	// JobBegan is UsedSince without the margin for uses that the go command does not record.
	JobBegan time.Time
	// MaxSize bounds all items together, MaxModules and MaxBuild those of one kind; in bytes.
	MaxSize, MaxModules, MaxBuild int64
}

// Verdict says what becomes of an item.
type Verdict uint8

// Verdicts.
const (
	Kept Verdict = iota
	TooOld
	TooMuch    // the item does not fit
	Superseded // by newer programs of its name
)

func (v Verdict) String() string { return [...]string{"kept", "age", "size", "superseded"}[v] }

// Skew is how much the clocks of two machines may differ before one of them counts as wrong: a day,
// and another day because a recorded use can be a day old.
const Skew = 48 * time.Hour

// Clamp bounds a last use recorded by a machine whose clock is wrong, so that nothing is kept for
// ever: a time more than Skew in the future counts as now. A smaller difference only keeps the item
// longer by that much.
func Clamp(lastUse int64, now time.Time) int64 {
	if lastUse > now.Add(Skew).Unix() {
		return now.Unix()
	}
	return lastUse
}

// Decide returns a verdict for each item, in their order. It is deterministic: the same items in
// the same order get the same verdicts.
func Decide(items []Item, p Policy) []Verdict {
	verdicts := make([]Verdict, len(items))
	oldest, oldestProgram := p.oldest(), p.oldestProgram()
	for i, it := range items {
		if !it.Pinned && !it.Ageless && (it.LastUse < oldest || it.Program != 0 && it.LastUse < oldestProgram) {
			verdicts[i] = TooOld
		}
	}
	supersede(items, verdicts, p)
	if p.MaxSize <= 0 && p.MaxModules <= 0 && p.MaxBuild <= 0 {
		return verdicts
	}
	order := make([]int32, 0, len(items))
	for i, v := range verdicts {
		if v == Kept && items[i].Kind != Path {
			order = append(order, int32(i))
		}
	}
	slices.SortStableFunc(order, func(a, b int32) int { return before(items[a], items[b]) })
	room := p.room()
	for _, i := range order {
		if !room.take(items[i]) {
			verdicts[i] = TooMuch
		}
	}
	return verdicts
}

// oldest is the earliest last use of an item that is not too old.
func (p Policy) oldest() int64 {
	if p.MaxAge <= 0 {
		return -1 << 62
	}
	oldest := p.Now.Add(-p.MaxAge).Unix()
	if !p.UsedSince.IsZero() {
		oldest = min(oldest, p.UsedSince.Unix())
	}
	return oldest
}

// before compares items in the order in which they get room.
func before(a, b Item) int {
	if a.Pinned != b.Pinned {
		if a.Pinned {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.LastUse, a.LastUse), cmp.Compare(a.Kind, b.Kind))
}

// bound is one of the bounds, and what is left of it.
type bound struct {
	total, left int64
	on, full    bool
}

func newBound(n int64) bound { return bound{total: n, left: n, on: n > 0} }

// room is what is left of all the bounds.
type room struct {
	all    bound
	each   [kinds]bound
	counts [kinds]map[int32]bool
}

func (p Policy) room() *room {
	return &room{
		all: newBound(p.MaxSize), each: [kinds]bound{Module: newBound(p.MaxModules), Build: newBound(p.MaxBuild)},
		counts: [kinds]map[int32]bool{Module: {}, Build: {}},
	}
}

// take reserves room for an item, and reports whether there was any.
func (r *room) take(it Item) bool {
	half := &r.each[it.Kind]
	switch counted := r.counts[it.Kind][it.Content]; {
	case it.Pinned:
		if counted {
			return true
		}
	case r.all.full || half.full:
		return false
	case counted:
		return true
	case r.all.never(it.Size) || half.never(it.Size):
		return false
	case r.all.lacks(it.Size) || half.lacks(it.Size):
		return false
	}
	r.counts[it.Kind][it.Content] = true
	r.all.left -= it.Size
	half.left -= it.Size
	return true
}

// never reports whether an item is larger than the whole bound.
func (b *bound) never(size int64) bool { return b.on && size > b.total }

// lacks reports whether the bound has no room for an item, and closes it if so.
func (b *bound) lacks(size int64) bool {
	if b.on && size > b.left {
		b.full = true
	}
	return b.full
}
