// Package retention decides what of a cache stays and what goes. It is pure: items and a policy in,
// a verdict for each item out. Save applies it to a snapshot, trim to the caches of a machine.
//
// The rules, in this order:
//
//   - what is younger than the policy's UsedSince never goes for its age;
//   - what was not used for MaxAge goes;
//   - of programs of one name, those go that are neither of this job nor among the ProgramsKept
//     that others used last, and that were not used for ProgramAge;
//   - of the rest the most recently used stays, as far as it fits into the bounds of its kind and
//     of all together. From the first item on that does not fit, nothing older stays: the order of
//     use decides, not the size. Only what is larger than a bound all by itself is passed over,
//     because it would take everything else with it;
//   - files of directories beside the two caches take no part in that: they go for their age alone;
//   - a pinned item stays whatever the rules say, and takes its bytes from the bounds.
//
// Items are whole: an action entry with its output, a module version with its tree. Several entries
// can share an output, which is counted once and stays as long as one of them.
package retention

import (
	"cmp"
	"slices"
	"time"
)

// Kind is what an item is. Each kind of the two caches has a bound of its own.
type Kind uint8

// The kinds. Of two items that were used at the same time a module comes before a build entry: no
// build starts without it.
const (
	Module Kind = iota
	Build
	// Path is a file of a directory beside the two caches. Its age alone decides: the bounds are
	// those of the caches, so it neither has to fit nor takes room from what has to.
	Path
	kinds
)

// Item is kept or dropped as a whole.
type Item struct {
	LastUse int64 // Unix seconds
	Size    int64 // bytes on disk
	// Content names what Size counts, among the items of one Kind: those with the same one share
	// it.
	Content int32
	// Program numbers the names of programs that the go command has linked to run them; 0:
	// something else.
	Program int32
	Kind    Kind
	Pinned  bool
	// Ageless items do not go for their age: their LastUse is no more than a guess that gives them
	// an order.
	Ageless bool
}

// Policy is what a user asks for. Zero bounds do not bound.
type Policy struct {
	Now    time.Time
	MaxAge time.Duration
	// UsedSince is when the job began, if one is known. What was used since then was used by it.
	UsedSince time.Time
	// JobBegan is UsedSince without the margin for what the go command does not mark as used.
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
	TooMuch    // it does not fit
	Superseded // newer programs have its name
)

func (v Verdict) String() string { return [...]string{"kept", "age", "size", "superseded"}[v] }

// Skew is how far the clocks of two machines may be apart before one of them is taken to be wrong:
// a day, and another one because a recorded use can be a day old.
const Skew = 48 * time.Hour

// Clamp bounds a last use that a machine with a wrong clock recorded, so that nothing is kept for
// ever: what lies further in the future than Skew counts as used now. A difference below that only
// makes the item live longer by as much.
func Clamp(lastUse int64, now time.Time) int64 {
	if lastUse > now.Add(Skew).Unix() {
		return now.Unix()
	}
	return lastUse
}

// Decide returns a verdict for each item, in their order. It is deterministic: equal items in equal
// order get equal verdicts. Memory is 5 bytes an item, and as many for the contents.
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

// oldest is the last use from which on an item is young enough.
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

// before is the order in which items get room.
func before(a, b Item) int {
	if a.Pinned != b.Pinned {
		if a.Pinned {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.LastUse, a.LastUse), cmp.Compare(a.Kind, b.Kind))
}

// bound is what is left of one of the bounds.
type bound struct {
	total, left int64
	on, full    bool
}

func newBound(n int64) bound { return bound{total: n, left: n, on: n > 0} }

// room is what is left of all of them.
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

// take gives an item its room, if there is any.
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
