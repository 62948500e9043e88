package snapshot

import (
	"fmt"
	"time"
)

// Saved records one save, for the trend.
type Saved struct {
	Time     time.Time `json:"time"`
	Run      string    `json:"run,omitempty"`
	Stored   int64     `json:"stored"`   // bytes of the objects that the manifest names
	Uploaded int64     `json:"uploaded"` // bytes
	Actions  int       `json:"actions"`
	Modules  int       `json:"modules"`
	// Of the build entries that the job used: Reused came from the snapshot that it restored, Made
	// it made itself. Both are 0 where that is not known.
	Reused int `json:"reused,omitempty"`
	Made   int `json:"made,omitempty"`
	// How long the restore of the job took, and the save until it wrote the manifest. 0: not known.
	RestoreSeconds float64 `json:"restoreSeconds,omitempty"`
	SaveSeconds    float64 `json:"saveSeconds,omitempty"`
	// What that restore lost: Lost was missing or could not be written, Refused did not pass
	// verification.
	Lost    int `json:"lost,omitempty"`
	Refused int `json:"refused,omitempty"`
}

// maxSeconds bounds what a trend says of durations: a year.
const maxSeconds = 366 * 24 * 3600

// check refuses what no save can have been.
func (s Saved) check() error {
	for _, n := range []int64{s.Stored, s.Uploaded, int64(s.Actions), int64(s.Modules), int64(s.Reused), int64(s.Made), int64(s.Lost), int64(s.Refused)} {
		if n < 0 || n > 1<<61 { // two of them can be added up
			return fmt.Errorf("count %d", n)
		}
	}
	for _, n := range []float64{s.RestoreSeconds, s.SaveSeconds} {
		if !(n >= 0 && n <= maxSeconds) {
			return fmt.Errorf("%g seconds", n)
		}
	}
	return nil
}

// MaxTrend is how many saves the trend remembers.
const MaxTrend = 30

func checkTrend(trend []Saved) error {
	for i, t := range trend {
		if err := t.check(); err != nil {
			return fmt.Errorf("%w: save %d of the trend: %w", ErrCorrupt, i, err)
		}
	}
	return nil
}
