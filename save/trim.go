package save

import (
	"fmt"
	"time"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/retention"
	"github.com/org/gocache-action/internal/snapshot"
)

// What a report of dropped content is made of.
type (
	Amount  = retention.Amount
	Dropped = retention.Dropped
)

// Trim says what was dropped from the snapshot, and why.
type Trim struct {
	// Off says why nothing was looked at: the job failed, or the clock of this machine cannot be
	// right.
	Off  string `json:"off,omitempty"`
	Age  Amount `json:"age"`  // not used for MaxAge
	Size Amount `json:"size"` // did not fit
	// Programs of go run and go tool went because newer ones have their names.
	Programs Amount `json:"programs"`
	// Used is the part of Size that this job used.
	Used    Amount            `json:"used"`
	Largest retention.Largest `json:"largest,omitempty"`
	// Modules and Build are what stays, with its bytes on disk.
	Modules Amount `json:"modules"`
	Build   Amount `json:"build"`
}

// policy is what the rules ask for when own is replaced. off says why nothing may be dropped.
func (r rules) policy(own *snapshot.Manifest) (p retention.Policy, off string) {
	switch {
	case r.failed:
		return p, "the job failed"
	case r.isBefore(own):
		// Either this clock is wrong or that of the last save was. The next save finds this one's
		// time, and clamps.
		return p, "the clock of this machine is behind the last save"
	}
	return retention.Policy{
		Now: r.start, MaxAge: r.maxAge, UsedSince: r.usedSince, JobBegan: r.began,
		MaxSize: r.maxSize, MaxModules: r.maxModules, MaxBuild: r.maxBuild,
	}, ""
}

// isBefore reports whether a manifest lies in the future of this machine, by more than clocks may
// differ.
func (r rules) isBefore(m *snapshot.Manifest) bool {
	return m != nil && r.start.Add(retention.Skew).Before(m.Writer.Time)
}

func clockWarning(own *snapshot.Manifest) string {
	return fmt.Sprintf("nothing is trimmed: the last save was at %s, which is in the future of this machine", own.Writer.Time.Format(time.RFC3339))
}

// describeTrim counts what goes, and what stays of the two caches.
func describeTrim(kept [kinds]collect.Kept, r rules) (t Trim) {
	used := r.start.Add(-time.Hour).Unix() // without a restore to tell, that will do for a warning
	if !r.began.IsZero() {
		// without the margin of usedSince, in which jobs just before this one may have used things
		used = r.began.Unix()
	}
	for _, k := range kept {
		k.Gone(func(v retention.Verdict, d Dropped) {
			switch v {
			case retention.TooOld:
				t.Age.Add(d.Bytes)
			case retention.Superseded:
				t.Programs.Add(d.Bytes)
			default:
				if t.Size.Add(d.Bytes); d.LastUse.Unix() >= used {
					t.Used.Add(d.Bytes)
				}
			}
			t.Largest.Add(d)
		})
	}
	t.Modules, t.Build = kept[kindModules].Stays(), kept[kindBuild].Stays()
	return t
}

// warnUsed tells when the bounds are too small for the job itself.
func (t Trim) warnUsed(warn collect.Warn) {
	if t.Used.Count > 0 {
		warn("the size limit is less than what this job used: %d of the modules and build entries that it used are not kept", t.Used.Count)
	}
}
