package collect

import (
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/jobstate"
)

// Env is what every scan is told of the job and of the store.
type Env struct {
	Stock *Stock
	State *jobstate.State // what the restore of this job left; nil: there was none
	Start time.Time       // of the save
	Warn  Warn
}

// UseMargin lies between the two ages that tell a use: restored files are at least 2 hours older
// than the restore, and the go command renews what is older than 1 hour.
const UseMargin = 90 * time.Minute

// UsedSince is the time from which on a use is one of this job; zero when there was no restore to
// tell.
func (e Env) UsedSince() time.Time {
	if e.State == nil {
		return time.Time{}
	}
	return e.State.Time.Add(-UseMargin)
}

// IsUnused reports whether a build entry with this mark of its last use was not used by this job.
// If no snapshot has it either, it is of another project, on a machine that keeps its caches.
// Without a restore nobody can tell, and nothing is unused.
func (e Env) IsUnused(mark time.Time) bool { return mark.Before(e.UsedSince()) }

// clockMargin is how much earlier a file may seem to have been written than it was: file systems
// round times, and a server of files has a clock of its own.
const clockMargin = time.Minute

// IsBefore reports whether a time at which the file system recorded a read or a write was before
// this job. Without a restore nobody can tell, and nothing is.
func (e Env) IsBefore(t time.Time) bool {
	return e.State != nil && t.Before(e.State.Time.Add(-clockMargin))
}

// LastUse decides when a file of another directory than the caches was used last, in Unix seconds.
// Its time, in nanoseconds, tells it, except for a file that the restore made younger than it is
// and that nobody touched since. Of all others the restore set the last use or an earlier time.
// before is what previous saves know, 0 for nothing.
func (e Env) LastUse(mtime, before int64) int64 {
	seen := min(mtime, e.Start.UnixNano()) / int64(time.Second)
	if before != 0 && e.State != nil && seen == buildcache.AgedTime(time.Time{}, e.State.Time).Unix() {
		return before
	}
	return max(before, seen)
}
