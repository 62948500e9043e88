package stats

import (
	"fmt"
	"time"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/quantity"
)

// Thresholds of what is judged.
const (
	// soon is how far off a full disk or a quota is when somebody should do something.
	soon = 14 * day
	// lowDisk is the share of a disk that should be free: builds write, too.
	lowDisk = 0.05
)

// Check says what is wrong: a quota that is exceeded, a disk that is full or will be soon.
func Check(r *Report, now time.Time) finding.Findings {
	list := finding.Findings{}
	for _, d := range r.Disks {
		list = append(list, checkDisk(d))
	}
	for _, g := range r.Growth {
		// of a disk whose pace is not known, its space is said already
		if g.Limit > 0 && (g.LimitName != diskLimit || g.PerDay != nil) {
			list = append(list, checkLimit(g, now))
		}
	}
	return list
}

// Remedies. Both commands have --dry-run.
var (
	remedyTrim = finding.Run("gocache trim --max-age 14d")
	remedyGC   = finding.Advise("gocache gc --store URL")
)

func checkDisk(d Disk) finding.Finding {
	f := finding.Finding{
		Check:    "disk-space",
		Evidence: fmt.Sprintf("%s of %s free where %s lies", quantity.Bytes(d.Free), quantity.Bytes(d.Total), d.name()),
	}
	switch {
	case d.Free == 0:
		f.Status, f.Remedy = finding.Fail, remedyTrim
	case float64(d.Free) < lowDisk*float64(d.Total):
		f.Status, f.Remedy = finding.Warn, remedyTrim
	}
	return f
}

func checkLimit(g Growth, now time.Time) finding.Finding {
	f := finding.Finding{Check: "growth", Evidence: fmt.Sprintf("%s: %s, %s", g.Of, quantity.Bytes(g.Bytes), g.Text(now))}
	remedy := remedyTrim
	if g.LimitName == quotaStore {
		remedy = remedyGC
	}
	switch {
	case g.Bytes >= g.Limit:
		f.Status, f.Remedy = finding.Fail, remedy
	case !g.Reached.IsZero() && g.Reached.Sub(now) < soon:
		f.Status, f.Remedy = finding.Warn, remedy
	}
	return f
}

// The names of limits.
const (
	quotaCaches = "quota"
	quotaStore  = "quota of the store"
	diskLimit   = "disk"
)

// pace says how fast it grows, or that nobody knows.
func (g Growth) pace() string {
	if g.PerDay == nil {
		return fmt.Sprintf("too few points to tell growth (%d of %d days)", g.Points, minPoints)
	}
	return pace(*g.PerDay)
}

// Text says the pace, and when a limit is reached.
func (g Growth) Text(now time.Time) string {
	text := g.pace()
	if g.Limit == 0 {
		return text
	}
	switch {
	case g.Bytes >= g.Limit && g.LimitName == diskLimit:
		text += ", full"
	case g.Bytes >= g.Limit:
		text += fmt.Sprintf(", exceeds the %s of %s", g.LimitName, quantity.Bytes(g.Limit))
	case g.Reached.IsZero() && g.LimitName != diskLimit:
		text += fmt.Sprintf(", %.0f %% of the %s of %s", 100*float64(g.Bytes)/float64(g.Limit), g.LimitName, quantity.Bytes(g.Limit))
	case g.Reached.IsZero():
	case g.LimitName == diskLimit:
		text += ", full " + when(g.Reached, now)
	default:
		text += fmt.Sprintf(", reaches the %s of %s %s", g.LimitName, quantity.Bytes(g.Limit), when(g.Reached, now))
	}
	return text
}

func pace(perDay float64) string {
	switch n := int64(perDay); {
	case n > 0:
		return "grows by " + quantity.Bytes(n) + " a day"
	case n < 0:
		return "shrinks by " + quantity.Bytes(-n) + " a day"
	}
	return "does not grow"
}

// when names a day that is to come.
func when(at, now time.Time) string {
	days := int(at.Sub(now) / day)
	switch {
	case days < 1:
		return "within a day"
	case days == 1:
		return "in a day, on " + at.Format("2006-01-02")
	}
	return fmt.Sprintf("in %d days, on %s", days, at.Format("2006-01-02"))
}
