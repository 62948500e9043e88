package stats

import (
	"math"
	"slices"
	"time"
)

// Growth says how something grows. It is judged by the median of the slopes between each two
// measurements (Theil and Sen), of which up to 29 % may be anything without moving it much: a trim,
// or a day on which somebody tried three toolchains, is no trend.
type Growth struct {
	Of     string  `json:"of"`     // what grows
	Points int     `json:"points"` // days with a measurement
	Days   float64 `json:"days"`   // from the first to the last of them
	Bytes  int64   `json:"bytes"`  // at the last
	// PerDay is in bytes; nil: there are too few points.
	PerDay *float64 `json:"perDay,omitempty"`
	// Limit is what may not be exceeded: a quota, or the size at which the disk is full. Reached is
	// when that is so at this pace; zero: never, not within ten years, or not known.
	Limit     int64     `json:"limit,omitempty"`
	LimitName string    `json:"limitName,omitempty"`
	Reached   time.Time `json:"reached,omitzero"`
}

const (
	// minPoints and minDays are what a pace can be told from.
	minPoints = 3
	minDays   = 1.5 // from the first to the last
	// maxPoints bounds the pairs.
	maxPoints = 400
	horizon   = 3650 * day
)

// growthOf judges measurements, in the order of time.
func growthOf(of string, points []Point) Growth {
	points = daily(points)
	g := Growth{Of: of, Points: len(points)}
	if len(points) == 0 {
		return g
	}
	last := points[len(points)-1]
	g.Bytes = last.Bytes
	g.Days = math.Round(last.Time.Sub(points[0].Time).Hours()/24*10) / 10
	if len(points) >= minPoints && g.Days >= minDays {
		perDay := slope(points)
		g.PerDay = &perDay
	}
	return g
}

// daily keeps the last measurement of each day of UTC, of the last maxPoints days.
func daily(points []Point) []Point {
	list := make([]Point, 0, len(points))
	for _, p := range points {
		p.Time = p.Time.UTC()
		if n := len(list); n > 0 && list[n-1].Time.Truncate(day).Equal(p.Time.Truncate(day)) {
			list[n-1] = p
			continue
		}
		list = append(list, p)
	}
	return list[max(0, len(list)-maxPoints):]
}

// slope is the median slope of all pairs, in bytes a day.
func slope(points []Point) float64 {
	var all []float64
	for i, a := range points {
		for _, b := range points[i+1:] {
			if days := b.Time.Sub(a.Time).Hours() / 24; days > 0 {
				all = append(all, float64(b.Bytes-a.Bytes)/days)
			}
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	n := len(all)
	return (all[(n-1)/2] + all[n/2]) / 2
}

// within says when a limit is reached.
func (g Growth) within(limit int64, name string, now time.Time) Growth {
	if limit <= 0 {
		return g
	}
	g.Limit, g.LimitName = limit, name
	switch {
	case g.Bytes >= limit:
		g.Reached = now
	case g.PerDay != nil && *g.PerDay > 0:
		days := float64(limit-g.Bytes) / *g.PerDay
		if left := days * float64(day); left < float64(horizon) {
			g.Reached = now.Add(time.Duration(left)).UTC().Truncate(time.Second)
		}
	}
	return g
}

// Limits are what must not be exceeded, in bytes; 0: nothing.
type Limits struct {
	Local int64 // both caches
	Store int64
}

// Judge makes the growth of the history, of which the last record is of now.
func Judge(history []Record, limits Limits, disks []Disk, now time.Time) []Growth {
	if len(history) == 0 {
		return nil
	}
	var list []Growth
	add := func(of string, points []Point, limit int64, name string) {
		if len(points) > 0 {
			list = append(list, growthOf(of, points).within(limit, name, now))
		}
	}
	caches := pointsOf(history, Record.local)
	add("both caches", caches, limits.Local, quotaCaches)
	add("modules", pointsOf(history, func(r Record) (int64, bool) { return r.Modules, r.ModDir != "" }), 0, "")
	add("build cache", pointsOf(history, func(r Record) (int64, bool) { return r.Build, r.BuildDir != "" }), 0, "")
	add("store", pointsOf(history, func(r Record) (int64, bool) { return r.Stored, r.Store != "" }), limits.Store, quotaStore)
	for _, d := range disks {
		// what other programs write counts as well
		used := pointsOf(history, func(r Record) (int64, bool) {
			free, ok := r.Free[d.name()]
			return d.Total - free, ok
		})
		add("disk of "+d.name(), used, d.Total, diskLimit)
	}
	return list
}

// name tells disks apart in the history: by the first cache on it.
func (d Disk) name() string { return d.Dirs[0] }
