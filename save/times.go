package save

import (
	"math"

	"github.com/org/gocache-action/internal/snapshot"
)

// maxSeconds is above what a job can take; a clock that was set meanwhile shows more, or less
// than 0.
const maxSeconds = 7 * 24 * 3600

// times adds to the last save of a trend how long it took, and how the restore of the same job
// went.
func times(j job, last *snapshot.Saved) {
	last.SaveSeconds = plausible(j.Now().Sub(j.start).Seconds())
	if j.State == nil {
		return
	}
	last.RestoreSeconds, last.Lost, last.Refused = plausible(j.State.Seconds), max(j.State.Lost, 0), max(j.State.Refused, 0)
}

// plausible rounds to milliseconds, and returns 0 for a duration that cannot be.
func plausible(seconds float64) float64 {
	if seconds > 0 && seconds <= maxSeconds {
		return math.Round(1000*seconds) / 1000
	}
	return 0
}
