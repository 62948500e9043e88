package main

import (
	"context"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
)

// amount is a number of build cache entries and their size on disk: the action entries and their
// outputs, each output counted once, in bytes before compression, without blocks or directories.
type amount struct {
	Entries int   `json:"entries"`
	Bytes   int64 `json:"bytes"`
}

func measure(entries []buildcache.Local) (a amount) {
	seen := make(map[digest.ID]bool, len(entries))
	for _, e := range entries {
		a.Entries++
		a.Bytes += int64(buildcache.EntrySize)
		if !seen[e.Output] {
			seen[e.Output] = true
			a.Bytes += e.Size
		}
	}
	return a
}

// usage says what became of the build cache in a run.
type usage struct {
	Restored amount `json:"restored"`
	Used     amount `json:"used"` // restored entries that the run used
	// restored entries that it did not use; an output counts as used if another entry uses it
	Unused amount `json:"unused"`
	// part of Unused that the previous run used, as any policy would restore
	Latest  amount `json:"latest"`
	Made    amount `json:"made"`    // by the run
	Working amount `json:"working"` // used or made: what a cache for exactly this run would hold

	used, made []digest.ID
	// working lists these entries.
	working []buildcache.Local
}

// inspect compares a build cache before and after a run that began at start. An entry was used if
// its action entry was touched: the go command sets its time when it looks up an action and the
// time is an hour old, as it is for everything restored. It touches outputs only when it reads
// them; here they count with their entries, since they are restored together.
func inspect(before, after *buildcache.Inventory, start time.Time, last map[digest.ID]bool) usage {
	restored := make(map[digest.ID]bool, len(before.Entries))
	for _, e := range before.Entries {
		restored[e.Action] = true
	}
	var used, made []buildcache.Local
	var u usage
	for _, e := range after.Entries {
		switch {
		case !restored[e.Action]:
			made = append(made, e)
			u.made = append(u.made, e.Action)
		case e.ActionTime >= start.UnixNano():
			used = append(used, e)
			u.used = append(u.used, e.Action)
		}
	}
	u.working = append(append(u.working, used...), made...)
	u.Restored, u.Used, u.Made, u.Working = measure(before.Entries), measure(used), measure(made), measure(u.working)
	u.Unused, u.Latest = unused(before.Entries, used, last)
	return u
}

// unused measures what was restored but not used, and the part of it that the previous run used.
func unused(restored, used []buildcache.Local, last map[digest.ID]bool) (all, latest amount) {
	inUse, outputs := map[digest.ID]bool{}, map[digest.ID]bool{}
	for _, e := range used {
		inUse[e.Action], outputs[e.Output] = true, true
	}
	var list, recent []buildcache.Local
	for _, e := range restored {
		if inUse[e.Action] {
			continue
		}
		if outputs[e.Output] {
			e.Size = 0
		}
		list = append(list, e)
		if last[e.Action] {
			recent = append(recent, e)
		}
	}
	return measure(list), measure(recent)
}

// scan lists the build cache.
func (l *lab) scan(ctx context.Context) (*buildcache.Inventory, error) {
	return buildcache.Open(l.buildDir()).Scan(ctx, buildcache.ScanOptions{})
}
