package retention

import (
	"cmp"
	"slices"
	"time"
)

// Programs that the go command has linked to run them once (go run, go tool) are large, made anew
// with every change, and linked again in a second. So they live shorter than what is compiled:
const (
	// ProgramAge spans a weekend with a recorded use that is a day old.
	ProgramAge = 4 * 24 * time.Hour
	// ProgramsKept is how many of one name stay, beside those that this job used. One would not do
	// for two jobs that share a snapshot.
	ProgramsKept = 2
)

// oldestProgram is oldest for programs.
func (p Policy) oldestProgram() int64 {
	if p.MaxAge > 0 {
		p.MaxAge = min(p.MaxAge, ProgramAge)
	}
	return p.oldest()
}

// supersede marks programs that are neither of this job nor among the ProgramsKept of their name
// that others used last. Entries with the same content are one program. Without a restore that
// began the job, nobody knows what is of this job, and age alone decides.
func supersede(items []Item, verdicts []Verdict, p Policy) {
	if p.JobBegan.IsZero() {
		return
	}
	ofJob, kept := map[int32]bool{}, map[int32]bool{} // contents
	var programs []int32
	for i, it := range items {
		if it.Program == 0 || verdicts[i] != Kept || it.Pinned {
			continue
		}
		programs = append(programs, int32(i))
		// What was used within the second in which the job began is mostly the work of the job
		// before.
		if it.LastUse > p.JobBegan.Unix() {
			ofJob[it.Content] = true
		}
	}
	slices.SortStableFunc(programs, func(a, b int32) int {
		x, y := items[a], items[b]
		return cmp.Or(cmp.Compare(x.Program, y.Program), cmp.Compare(y.LastUse, x.LastUse), cmp.Compare(x.Content, y.Content))
	})
	for n, i := range programs {
		it := items[i]
		if n > 0 && it.Program != items[programs[n-1]].Program {
			clear(kept)
		}
		switch {
		case ofJob[it.Content] || kept[it.Content]:
		case len(kept) < ProgramsKept:
			kept[it.Content] = true
		default:
			verdicts[i] = Superseded
		}
	}
}
