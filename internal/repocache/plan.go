package repocache

import (
	"cmp"
	"slices"
	"time"

	"github.com/org/gocache-action/internal/store/actions"
)

// A Reason says why an entry goes.
type Reason string

// The reasons.
const (
	ReasonOldVersion Reason = "a later version of the snapshot"
	ReasonUnused     Reason = "snapshot unused"
	ReasonUnnamed    Reason = "no snapshot names it"
	ReasonSelected   Reason = "named by you"
)

// Rules say what may go.
type Rules struct {
	Now time.Time
	// Grace is how long an entry stays after it was replaced, or in which one that no snapshot
	// names was neither written nor read: jobs that have begun may be at it.
	Grace time.Duration
	// MaxAge is how long a snapshot stays that nobody writes; 0: for ever. A save writes it at
	// least once a day, so this is about when a job used it. When it was read says nothing: a
	// collection reads all of them.
	MaxAge time.Duration
}

// unseenGrace is the least grace for bundles that snapshots might name which this job cannot read:
// those of other pull requests, which name bundles of the default branch. Their jobs read these
// bundles, and do so more often than this while somebody works on a pull request. Otherwise they
// find them missing, and store again what they need.
const unseenGrace = 3 * 24 * time.Hour

// Removal is an entry that goes.
type Removal struct {
	Cache
	Kind   actions.EntryKind
	Reason Reason
}

// entry is a cache of this program.
type entry struct {
	Cache
	kind   actions.EntryKind
	object string
	n      uint64
}

// ours picks the entries of this program.
func ours(list []Cache) (entries []entry) {
	for _, c := range list {
		if kind, object, n := actions.ParseKey(c.Key); kind != actions.ForeignEntry {
			entries = append(entries, entry{c, kind, object, n})
		}
	}
	return entries
}

// isNamed reports whether an entry is one that snapshots, or bundles, name.
func (e entry) isNamed() bool { return e.kind == actions.ModuleBundle || e.kind == actions.OtherBundle }

// lastUse is when an entry was written or read last.
func (e entry) lastUse() time.Time {
	if e.Accessed.After(e.Created) {
		return e.Accessed
	}
	return e.Created
}

// replaced decides which versions of what is replaced go, and returns those that stay. A version
// that a later one has replaced goes when that has been there for the grace.
func (r Rules) replaced(list []entry) (stay []entry, gone []Removal) {
	type object struct{ ref, object string }
	versions := map[object][]entry{}
	for _, e := range list {
		if !e.isNamed() {
			o := object{e.Ref, e.object}
			versions[o] = append(versions[o], e)
		}
	}
	for _, all := range versions {
		slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.n, b.n) })
		for i, e := range all {
			switch last := i == len(all)-1; {
			case !last && r.Now.Sub(all[i+1].Created) > r.Grace:
				gone = append(gone, Removal{e.Cache, e.kind, ReasonOldVersion})
			case last && r.MaxAge > 0 && r.Now.Sub(e.Created) > r.MaxAge:
				gone = append(gone, Removal{e.Cache, e.kind, ReasonUnused})
			default:
				stay = append(stay, e)
			}
		}
	}
	return stay, gone
}

// named is what the entries that stay name, as far as that is known.
type named struct {
	keys   map[string]bool
	unseen map[string]bool // refs with entries whose names are not known
}

// unnamed decides which bundles go. Of a ref with snapshots that cannot be read all stay.
func (r Rules) unnamed(list []entry, n named) (gone []Removal) {
	grace := r.Grace
	if len(n.unseen) > 0 {
		grace = max(grace, unseenGrace)
	}
	for _, e := range list {
		if e.isNamed() && !n.keys[e.Key] && !n.unseen[e.Ref] && r.Now.Sub(e.lastUse()) > grace {
			gone = append(gone, Removal{e.Cache, e.kind, ReasonUnnamed})
		}
	}
	return gone
}

// newestModules are the bundles with modules that a lookup finds: the newest of each ref.
func newestModules(list []entry) (newest []entry) {
	byRef := map[string]entry{}
	for _, e := range list {
		if old, ok := byRef[e.Ref]; e.kind == actions.ModuleBundle && (!ok || e.Created.After(old.Created)) {
			byRef[e.Ref] = e
		}
	}
	for _, e := range byRef {
		newest = append(newest, e)
	}
	return newest
}
