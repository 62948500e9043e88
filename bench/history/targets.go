package main

import "github.com/org/gocache-action/bench/internal/kit"

// targets about what was restored leave out the first run, before which nothing is stored.
func (r *results) targets() []kit.Target {
	ours, daily, theirs := r.warm(gocacheName), r.warm(dailyName), r.warm(prefixName)
	perWorking := func(list []run) float64 { return sum(list, restoredBytes) / max(1, sum(list, workingBytes)) }
	perUsed := func(list []run) float64 { return sum(list, restoredBytes) / max(1, sum(list, usedBytes)) }
	const (
		restored = "restored bytes / bytes of entries that the run used: found or made"
		strict   = "stricter, restored bytes / bytes of restored entries that the run found"
		hitShare = "hit share of compile actions, less that of the untrimmed policy"
		store    = "store, last ten runs / first ten, at equal project size"
		paced    = "with a release a day: "
	)
	return []kit.Target{
		{Text: "(a) " + restored, Limit: 1.15, Value: perWorking(ours)},
		{Text: "(a) " + strict, Limit: 1.15, Value: perUsed(ours)},
		{Text: "(a) " + paced + restored, Limit: 1.15, Value: perWorking(daily)},
		{Text: "(b) " + hitShare + ", all runs", Limit: -1, Value: 100 * (hits(ours) - hits(theirs)), Unit: " points", Least: true},
		{Text: "(b) the same, worst run", Limit: -1, Value: 100 * worstHits(ours, theirs), Unit: " points", Least: true},
		{Text: "(b) " + paced + hitShare + ", all runs", Limit: -1, Value: 100 * (hits(daily) - hits(theirs)), Unit: " points", Least: true},
		{Text: "(c) " + store, Limit: 1.2, Value: growth(r.of(gocacheName), storeSize)},
		{Text: "(c) the newest snapshot alone, which is what a run fetches", Limit: 1.2, Value: growth(r.of(gocacheName), snapshotSize)},
		{Text: "(c) " + paced + store, Limit: 1.2, Value: growth(r.of(dailyName), storeSize)},
		{Text: "(c) " + paced + "the newest snapshot, of the runs after the first --max-age", Limit: 1.2, Value: growth(r.settled(dailyName), snapshotSize)},
	}
}

// worstHits returns the least difference between the hit shares of two policies in one release.
func worstHits(ours, theirs []run) (worst float64) {
	for i := range min(len(ours), len(theirs)) {
		worst = min(worst, ours[i].Compiles.hitShare()-theirs[i].Compiles.hitShare())
	}
	return worst
}

func (r *results) missed() []string { return kit.Missed(r.targets(), "%.3f") }
