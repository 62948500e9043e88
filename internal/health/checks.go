package health

import (
	"fmt"
	"slices"
	"time"

	"github.com/org/gocache-action/internal/quantity"
)

// Names of the parts.
const (
	partHits      = "hits"
	partSize      = "size"
	partRestore   = "restore"
	partSave      = "save"
	partStore     = "store"
	partLosses    = "losses"
	partRefusals  = "refusals"
	partFreshness = "freshness"
)

// measured is the value of a part.
type measured struct {
	value    float64 // a share, or seconds
	evidence string
	broken   bool   // there is no value, as nothing works
	remedy   string // "": that of the check
}

// A check measures one part.
type check struct {
	name    string
	measure func(Figures) (m measured, known bool)
	remedy  string
}

// checks lists the parts in the order in which people should read them.
var checks = []check{
	{partHits, hits, "run 'gocache plan' in the job to see its key; build in the same directory or with -trimpath, and give jobs with other flags or build tags another --name"},
	{partSize, size, "raise --max-size of the save, or lower its --max-age, so that what is used fits"},
	{partRestore, func(f Figures) (measured, bool) {
		return duration("restore", f, func(s Save) time.Duration { return s.Restore })
	}, "use a store near the runners, or keep less: --max-age, --max-size, fewer --path"},
	{partSave, func(f Figures) (measured, bool) {
		return duration("save", f, func(s Save) time.Duration { return s.Save })
	}, "use a store near the runners; build with -trimpath, so that less is new"},
	{partStore, latency, "check the network, and that the store is in the region of the runners"},
	{partLosses, func(f Figures) (measured, bool) {
		return share("lost something", f, func(s Save) int { return s.Lost })
	}, "let no lifecycle rule remove packs and modules sooner than snapshots, and look after the disks of the runners"},
	{partRefusals, func(f Figures) (measured, bool) {
		return share("refused what did not pass verification", f, func(s Save) int { return s.Refused })
	}, "find out who else writes to the store"},
	{partFreshness, freshness, "look at the warnings of the last jobs: did they save, and with rights to write?"},
}

// hits is the median share of build entries that came from the snapshot.
func hits(f Figures) (measured, bool) {
	var list []float64
	for _, s := range f.Saves {
		if n := s.Reused + s.Made; n > 0 {
			list = append(list, float64(s.Reused)/float64(n))
		}
	}
	m := median(list)
	return measured{value: m, evidence: fmt.Sprintf("%.0f %% of the build entries that jobs used came from the cache (median of %s)", 100*m, quantity.Counted(len(list), "save"))}, len(list) > 0
}

// size compares the snapshot with its bound.
func size(f Figures) (measured, bool) {
	if f.Size == 0 || f.Bound == 0 {
		return measured{}, false
	}
	m := float64(f.Size) / float64(f.Bound)
	return measured{value: m, evidence: fmt.Sprintf("%s on disk, %.0f %% of the bound of %s", quantity.Bytes(f.Size), 100*m, quantity.Bytes(f.Bound))}, true
}

// duration is the median of what jobs took.
func duration(what string, f Figures, of func(Save) time.Duration) (measured, bool) {
	var list []float64
	for _, s := range f.Saves {
		if d := of(s); d > 0 {
			list = append(list, d.Seconds())
		}
	}
	m := median(list)
	return measured{value: m, evidence: fmt.Sprintf("a %s takes %s (median of %d)", what, quantity.Seconds(inDuration(m)), len(list))}, len(list) > 0
}

// latency is the median of round trips to the store.
func latency(f Figures) (measured, bool) {
	if f.Store.Failed != "" {
		return measured{evidence: f.Store.Failed, broken: true, remedy: f.Store.Remedy}, true
	}
	var list []float64
	for _, d := range f.Store.Times {
		list = append(list, d.Seconds())
	}
	m := median(list)
	return measured{value: m, evidence: fmt.Sprintf("the store answers within %s (median of %s)", inDuration(m).Round(10*time.Microsecond), quantity.Counted(len(list), "request"))}, len(list) > 0
}

// share is the part of the jobs with something that should not be. A job whose restore took no time
// had none.
func share(what string, f Figures, of func(Save) int) (measured, bool) {
	with, all := 0, 0
	for _, s := range f.Saves {
		if s.Restore == 0 && of(s) == 0 {
			continue
		}
		all++
		if of(s) > 0 {
			with++
		}
	}
	if all == 0 {
		return measured{}, false
	}
	return measured{value: float64(with) / float64(all), evidence: fmt.Sprintf("%d of the last %d restores %s", with, all, what)}, true
}

// freshness is the age of the last save.
func freshness(f Figures) (measured, bool) {
	if len(f.Saves) == 0 {
		return measured{}, false
	}
	last := slices.MaxFunc(f.Saves, func(a, b Save) int { return a.Time.Compare(b.Time) }).Time
	return measured{
		value: max(f.Now.Sub(last).Seconds(), 0), evidence: "the last save was " + quantity.Ago(last, f.Now),
	}, true
}

func inDuration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// median of an even number of values is the mean of the two in the middle; 0 of none.
func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	n := len(list)
	return (list[(n-1)/2] + list[n/2]) / 2
}
