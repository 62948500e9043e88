package save

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/goentry"
	"github.com/org/gocache-action/internal/snapshot"
)

// entry is one action entry, stored or here.
type entry struct {
	action, output snapshot.ID
	size           int64  // of the output
	time, lastUse  int64  // ns; Unix seconds
	exec           string // of a program, its name
}

// localEntries are those that are here, sorted by action.
type localEntries struct {
	list []localEntry
	inv  *buildcache.Inventory
}

// localEntry is what of an entry does not stand in the inventory's list of outputs: there can be a
// million.
type localEntry struct {
	action        snapshot.ID
	time, lastUse int64
	output        int32 // index into Outputs of the inventory
}

func (l localEntries) len() int { return len(l.list) }

func (l localEntries) at(i int) entry {
	e := &l.list[i]
	o := &l.inv.Outputs[e.output]
	return entry{e.action, o.ID, o.Size, e.time, e.lastUse, o.Exec}
}

// useMargin: restored files are at least 2 hours older than the restore, and the
// go command renews what is older than 1 hour. Between the two lies the test for "used since".
const useMargin = 90 * time.Minute

// scanBuild lists the build cache, and finds out what the job used.
func (r *run) scanBuild(ctx context.Context) error {
	inv, err := r.build.Scan(ctx, buildcache.ScanOptions{Fuzz: r.Fuzz, Memory: func(n int64) { r.tellMemory(r.previousBytes() + n) }})
	if err != nil {
		return err
	}
	r.inv = inv
	warnUnread(&r.tally, "build cache", r.inv.Unread)
	r.warnUnreadable()
	r.forgetTimed()
	r.forgetIndexes()
	r.local = localEntries{make([]localEntry, len(r.inv.Entries)), r.inv}
	for i, e := range r.inv.Entries {
		output, _ := r.inv.Find(e.Output) // it is there, else the scan had dropped the entry
		r.local.list[i] = localEntry{e.Action, e.Time, r.lastUse(e), int32(output)}
	}
	r.reuse = r.measureReuse()
	r.inv.Entries = nil // r.local has all that is needed from here on
	return nil
}

// warnUnreadable says how many entries this user may not read: a container, sudo or another user of
// the machine made them. They are compiled anew in each job.
func (r *run) warnUnreadable() {
	n, first := 0, ""
	for _, b := range r.inv.Broken {
		if b.Unreadable {
			n++
			first = cmp.Or(first, b.Path)
		}
	}
	if n == 0 {
		return
	}
	r.unreadable = n
	r.tally.warn("%d files of the build cache belong to another user and cannot be read, such as %s: they are not saved; run all steps of the job as one user, or change the owner of %s",
		n, first, r.BuildDir)
}

// forgetIndexes leaves new package indexes out where nothing else was made. The go command names
// the index of a package of the main module by its directory and the times of its files
// (cmd/go/internal/modindex), so that each fresh checkout has new ones, which no other job can use:
// without this, a job that compiled nothing would write a snapshot all the same. Beside other new
// outputs they are saved, as some are of modules; they age.
func (r *run) forgetIndexes() {
	if r.sameKey() == nil {
		return
	}
	// its output may be stored: two indexes can be equal
	isNew := func(e buildcache.Local) bool { return r.prev.lastUse(e.Action) == 0 }
	for _, e := range r.inv.Entries {
		if isNew(e) && !r.isIndex(e.Output) {
			return
		}
	}
	r.inv.Entries = slices.DeleteFunc(r.inv.Entries, isNew)
}

func (r *run) isIndex(output buildcache.ID) bool {
	o, _ := r.inv.Output(output)
	kind, err := r.build.Kind(o)
	return err == nil && kind == goentry.KindIndex
}

// lastUse decides when an entry was used last. The mtime tells it, except for an entry that the
// restore made younger than it is, lest the go command trims it, and that nobody touched since. Of
// all others the restore set the last use or an earlier time.
func (r *run) lastUse(e buildcache.Local) int64 {
	seen := min(e.ActionTime, r.start.UnixNano()) / int64(time.Second)
	before := r.prev.lastUse(e.Action)
	if before != 0 && r.State != nil && seen == buildcache.AgedTime(time.Time{}, r.State.Time).Unix() {
		return before
	}
	return max(before, seen)
}

// mergeEntries joins what is here with what a manifest has; both are sorted by action, and so is
// the result. Of two outputs of one action the newer one wins, and any use counts. The result is no
// list, which would be one more of a million entries, but is made whenever somebody goes through
// it.
func mergeEntries(local localEntries, own *snapshot.Manifest) iter.Seq[entry] {
	if own == nil {
		own = new(snapshot.Manifest)
	}
	return func(yield func(entry) bool) {
		i := 0
		for _, a := range own.Actions {
			for ; i < local.len() && bytes.Compare(local.list[i].action[:], a.ID[:]) < 0; i++ {
				if !yield(local.at(i)) {
					return
				}
			}
			o := &own.Outputs[a.Output]
			e := entry{a.ID, o.ID, o.Size, a.Time, a.LastUse, o.Exec}
			if i < local.len() && local.list[i].action == a.ID {
				e = newer(local.at(i), e)
				i++
			}
			if !yield(e) {
				return
			}
		}
		for ; i < local.len(); i++ {
			if !yield(local.at(i)) {
				return
			}
		}
	}
}

// newer is the same for both orders of its arguments, also where two jobs made different outputs at
// the same moment.
func newer(a, b entry) entry {
	use := max(a.lastUse, b.lastUse)
	if cmp.Or(cmp.Compare(b.time, a.time), bytes.Compare(b.output[:], a.output[:])) > 0 {
		a = b
	}
	a.lastUse = use
	return a
}
