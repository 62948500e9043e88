package save

import (
	"slices"
	"time"
)

// Reuse says what the job got out of the snapshot that its restore found.
type Reuse struct {
	Reused int `json:"reused"` // build entries of the snapshot that the job used
	Made   int `json:"made"`   // build entries that the job made, or made again
	// Seconds estimates how long it took to make what was reused: see docs/summary.md.
	Seconds float64 `json:"seconds"`
}

// maxGap is the longest distance between two entries that counts as the time it took to make the
// second. In a longer one the time passed with something else: a link, tests, another step of the
// job, the night before the next commit. An action that takes longer all by itself is not counted
// then, so that the estimate is rather too low.
const maxGap = 10 * time.Second

// measureReuse compares the build cache with the snapshot. It returns nil where nothing can be
// known: without the notes of a restore, and without a build cache.
//
// That an entry was used, its mtime tells: the restore made it old, and the go command renewed it.
// How long it took to make is stored nowhere, but when it was made is, and the entry before it:
// while a build runs, the distances between the entries in the order of their times add up to the
// time of the build, on as many cores as it had.
func (r *run) measureReuse() *Reuse {
	if r.State == nil || r.inv == nil {
		return nil
	}
	u := new(Reuse)
	began, usedSince, ended := r.State.Time.UnixNano(), r.usedSince().UnixNano(), r.start.UnixNano()
	times := make([]int64, 0, 2*len(r.inv.Entries))
	var reused []int64
	for _, e := range r.inv.Entries {
		times = append(times, e.Time)
		switch {
		case e.Time >= ended: // by the go command that this save asks which modules are in use
		case e.Time >= began:
			u.Made++
		case r.State.Matched != nil && e.ActionTime >= usedSince && e.ActionTime < ended && r.prev.lastUse(e.Action) != 0:
			u.Reused++
			reused = append(reused, e.Time)
		}
	}
	for _, m := range r.prev.manifests {
		for _, a := range m.Actions {
			times = append(times, a.Time)
		}
	}
	u.Seconds = builtIn(times, reused).Seconds()
	return u
}

// builtIn adds up the distances from each of the entries made at the times in reused to the one
// before it, of all that are known. It sorts both.
func builtIn(times, reused []int64) (sum time.Duration) {
	slices.Sort(times)
	slices.Sort(reused)
	for _, t := range slices.Compact(reused) {
		if i, _ := slices.BinarySearch(times, t); i > 0 {
			if gap := time.Duration(t - times[i-1]); gap <= maxGap {
				sum += gap
			}
		}
	}
	return sum
}
