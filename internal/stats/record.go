package stats

import (
	"slices"
	"time"
)

// Record is one measurement, a line of the history. What was not measured has no name.
type Record struct {
	Time     time.Time `json:"time"`
	ModDir   string    `json:"modDir,omitempty"`
	Modules  int64     `json:"modules,omitempty"` // bytes
	BuildDir string    `json:"buildDir,omitempty"`
	Build    int64     `json:"build,omitempty"` // bytes
	Store    string    `json:"store,omitempty"`
	Stored   int64     `json:"stored,omitempty"` // bytes
	// Free bytes of disks, by the first cache on it.
	Free map[string]int64 `json:"free,omitempty"`
}

// local is the size of both caches, if both were measured, or the only one that is.
func (r Record) local() (int64, bool) { return r.Modules + r.Build, r.ModDir != "" || r.BuildDir != "" }

// RecordOf is the record of a report.
func RecordOf(r *Report) Record {
	rec := Record{Time: r.Time.UTC().Truncate(time.Second)}
	if r.Modules != nil {
		rec.ModDir, rec.Modules = r.Modules.Dir, r.Modules.Total.Bytes
	}
	if r.Build != nil {
		rec.BuildDir, rec.Build = r.Build.Dir, r.Build.Total.Bytes
	}
	if r.Store != nil {
		rec.Store, rec.Stored = r.Store.Name, r.Store.Total.Bytes
	}
	for _, d := range r.Disks {
		if rec.Free == nil {
			rec.Free = map[string]int64{}
		}
		rec.Free[d.name()] = d.Free
	}
	return rec
}

// Comparable returns of each record of the history what it has of the same caches and the same
// store as this one, in the order of time, the last of each day, and this one at the end.
func Comparable(history []Record, now Record) []Record {
	var list []Record
	for _, r := range history {
		if !r.Time.Before(now.Time) {
			continue // its clock was wrong, or it is this one
		}
		same := Record{Time: r.Time, Free: r.Free}
		// the sum of both would jump where only one was measured
		if r.ModDir == now.ModDir && r.BuildDir == now.BuildDir {
			same.ModDir, same.Modules, same.BuildDir, same.Build = r.ModDir, r.Modules, r.BuildDir, r.Build
		}
		if now.Store != "" && r.Store == now.Store {
			same.Store, same.Stored = r.Store, r.Stored
		}
		if same.ModDir+same.BuildDir+same.Store != "" {
			list = append(list, same)
		}
	}
	slices.SortStableFunc(list, func(a, b Record) int { return a.Time.Compare(b.Time) })
	return lastOfDays(append(list, now), maxPoints)
}

// lastOfDays keeps the last record of each day of UTC that measured the same things, of the last
// days.
func lastOfDays(list []Record, days int) []Record {
	out := make([]Record, 0, len(list))
	for _, r := range list {
		if n := len(out); n > 0 && sameDay(out[n-1], r) && sameThings(out[n-1], r) {
			out[n-1] = r
			continue
		}
		out = append(out, r)
	}
	return out[max(0, len(out)-days):]
}

func sameDay(a, b Record) bool { return a.Time.UTC().Truncate(day).Equal(b.Time.UTC().Truncate(day)) }

func sameThings(a, b Record) bool {
	return a.ModDir == b.ModDir && a.BuildDir == b.BuildDir && a.Store == b.Store
}
