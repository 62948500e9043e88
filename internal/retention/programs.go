package retention

import (
	"cmp"
	"slices"
	"time"
)

// Programs that the go command linked only to run them (go run, go tool) are large, change with
// every change of their sources, and take a second to link again. So they are kept for a shorter
// time than other outputs.
const (
	// ProgramAge covers a weekend, plus a day because a recorded use can be a day old.
	ProgramAge = 4 * 24 * time.Hour
	// ProgramsKept is how many programs of one name are kept besides those that this job used. One
	// would not suffice for two jobs that share a snapshot.
	ProgramsKept = 2
)

// oldestProgram is oldest for programs.
func (p Policy) oldestProgram() int64 {
	if p.MaxAge > 0 {
		p.MaxAge = min(p.MaxAge, ProgramAge)
	}
	return p.oldest()
}

// supersede marks the programs that this job did not use and that are not among the ProgramsKept
// most recently used ones of their name either. Entries with the same content are one program. If
// the job did not begin with a restore, it is not known which programs it used, and age alone
// decides.
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
		// A use within the second in which the job began is mostly one of the previous job.
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
