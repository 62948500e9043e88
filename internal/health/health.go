// Package health judges a cache by a few figures: a score from 0 to 100, a grade, and the parts
// that they are made of, each with its evidence and what to do about it.
//
// A part has a score of 100 at its good value and of 0 at its bad one. The score of the whole is
// the mean of the parts by their weights, but no more than the cap of any part: the lower the score
// of that part, the lower its cap, so that what is broken is not made up for by what works. Parts
// of which nothing is known are left out, and the weights of the others count as if they were all.
//
// Judging is pure. Beside it the package has what tells others of a new grade: Notify, and Keeper
// for the last one.
package health

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/org/gocache-action/internal/finding"
)

// A Grade sums up a score.
type Grade string

// The grades.
const (
	Healthy   Grade = "healthy"
	Warning   Grade = "warning"
	Unhealthy Grade = "unhealthy"
	Unknown   Grade = "unknown" // there is nothing to judge by
)

// Figures are what is known of a cache. Zero values are not known.
type Figures struct {
	Now   time.Time
	Saves []Save // the last ones, oldest first
	// Bytes on disk of the last snapshot, and the bound that it should stay below.
	Size, Bound int64
	Store       Store
}

// A Save is one of the trend of a snapshot, with the restore of the same job.
type Save struct {
	Time          time.Time
	Reused, Made  int // build entries; both 0: not known
	Restore, Save time.Duration
	Lost, Refused int // by the restore
}

// Store is how the store answers now.
type Store struct {
	Times  []time.Duration // of round trips
	Failed string          // why it does not answer
	Remedy string          // what to do about that; "": what helps where it is slow
}

// Report is the judgement.
type Report struct {
	Grade Grade   `json:"grade"`
	Score int     `json:"score"`
	Parts []Part  `json:"parts"`
	Saves int     `json:"saves"` // that were looked at
	Cap   *string `json:"cap"`   // the part that holds the score down; null: none
	// Missing are the parts of which nothing is known.
	Missing []string `json:"missing,omitempty"`
}

// A Part of the score.
type Part struct {
	finding.Finding
	Score  int     `json:"score"`
	Weight float64 `json:"weight"` // share of the whole, 0 to 1
	Cap    int     `json:"cap"`    // what the score of the whole cannot be above, because of this part
}

// Judge makes a report of figures.
func Judge(f Figures, s Settings) Report {
	f.Saves = withoutFirst(f.Saves)
	f.Saves = f.Saves[max(0, len(f.Saves)-s.Saves):]
	r := Report{Grade: Unknown, Saves: len(f.Saves)}
	var parts []judged
	var sum, weights float64
	for _, c := range checks {
		if s.Parts[c.name].Weight == 0 {
			continue
		}
		p, known := s.judge(c, f)
		if !known {
			r.Missing = append(r.Missing, c.name)
			continue
		}
		sum, weights = sum+p.score*p.Weight, weights+p.Weight
		parts = append(parts, p)
	}
	for _, p := range parts {
		p.Weight /= weights
		r.Parts = append(r.Parts, p.Part)
	}
	if len(f.Saves) == 0 && f.Store.Failed == "" || len(parts) == 0 {
		return r
	}
	lowest := sum / weights
	for _, p := range parts {
		if p.cap < lowest {
			lowest, r.Cap = p.cap, &p.Check
		}
	}
	r.Score, r.Grade = whole(lowest), s.grade(lowest)
	return r
}

// judged is a part before its figures are rounded.
type judged struct {
	Part
	score, cap float64
}

// judge judges one part, whose weight is still that of the settings.
func (s Settings) judge(c check, f Figures) (p judged, known bool) {
	m, known := c.measure(f)
	if !known {
		return p, false
	}
	rule := s.Parts[c.name]
	p.score = rule.score(m.value)
	p.cap = rule.capAt(p.score)
	if m.broken {
		p.score, p.cap = 0, 0
	}
	p.Finding = finding.Finding{Check: c.name, Status: s.status(p.score), Evidence: m.evidence}
	if p.Status != finding.OK {
		p.Remedy = finding.Advise(cmp.Or(m.remedy, c.remedy))
	}
	p.Part.Score, p.Part.Cap, p.Weight = whole(p.score), whole(p.cap), rule.Weight
	return p, true
}

// withoutFirst takes the hits out of a first save that had none: that job began cold, as each first
// job does, which says nothing of the cache.
func withoutFirst(saves []Save) []Save {
	if len(saves) == 0 || saves[0].Reused > 0 {
		return saves
	}
	saves = slices.Clone(saves)
	saves[0].Made = 0
	return saves
}

// whole rounds down, so that what is shown as 90 is 90; what floating point lost by the way to a
// whole number does not count.
func whole(score float64) int { return int(math.Floor(score + 1e-9)) }

// Gone makes of a report about no saves one about saves that are gone: there was a grade before, so
// there were some. It is the worst there is, as every job begins cold.
func (r Report) Gone() Report {
	name := partFreshness
	r.Grade, r.Score, r.Cap = Unhealthy, 0, &name
	r.Missing = slices.DeleteFunc(slices.Clone(r.Missing), func(s string) bool { return s == name })
	r.Parts = append(slices.Clone(r.Parts), Part{Finding: finding.Finding{
		Check: name, Status: finding.Fail, Evidence: "no snapshot any more",
		Remedy: finding.Advise("look whether the key of the jobs has changed ('gocache plan' shows it), or whether something removes snapshots: gc, a lifecycle rule"),
	}})
	return r
}

// Findings are those of the parts.
func (r Report) Findings() finding.Findings {
	var list finding.Findings
	for _, p := range r.Parts {
		list = append(list, p.Finding)
	}
	return list
}

// Worst is the part with the lowest score; nil if there is none.
func (r Report) Worst() *Part {
	var worst *Part
	for i := range r.Parts {
		if worst == nil || r.Parts[i].Score < worst.Score {
			worst = &r.Parts[i]
		}
	}
	return worst
}
