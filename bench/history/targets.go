package main

import "fmt"

// target is a limit that the project set itself, and what was measured.
type target struct {
	Text  string
	Limit float64
	Value float64
	Unit  string // after both figures
	Least bool   // the value must be at least the limit
}

func (t target) met() bool {
	if t.Least {
		return t.Value >= t.Limit
	}
	return t.Value <= t.Limit
}

func (t target) String() string {
	return fmt.Sprintf("%s: %.3f%s, limit %.3f%s", t.Text, t.Value, t.Unit, t.Limit, t.Unit)
}

// targets leave out the first run, before which nothing is stored.
func (r *results) targets() []target {
	ours, daily, theirs := r.warm(gocacheName), r.warm(dailyName), r.warm(prefixName)
	return []target{
		{Text: "restored bytes / bytes of the entries that the runs use, all runs", Limit: 1.15, Value: sum(ours, restoredBytes) / max(1, sum(ours, workingBytes))},
		{Text: "restored bytes / bytes of the restored entries that the runs use, all runs", Limit: 1.15, Value: sum(ours, restoredBytes) / max(1, sum(ours, usedBytes))},
		{Text: "with a release a day: restored bytes / bytes of the entries that the runs use", Limit: 1.15, Value: sum(daily, restoredBytes) / max(1, sum(daily, workingBytes))},
		{Text: "hit share of compile actions, less that of the untrimmed policy, all runs", Limit: -1, Value: 100 * (hits(ours) - hits(theirs)), Unit: " points", Least: true},
		{Text: "the same, worst run", Limit: -1, Value: 100 * worstHits(ours, theirs), Unit: " points", Least: true},
		{Text: "snapshot, last ten runs / first ten, for as much project", Limit: 1.2, Value: growth(r.of(gocacheName), snapshotSize)},
		{Text: "with a release a day: snapshot, last ten runs / first ten", Limit: 1.2, Value: growth(r.of(dailyName), snapshotSize)},
		{Text: "whole store, last ten runs / first ten, for as much project", Limit: 1.2, Value: growth(r.of(gocacheName), storeSize)},
	}
}

// worstHits is the least difference of the hit shares of two policies in one release.
func worstHits(ours, theirs []run) (worst float64) {
	for i := range min(len(ours), len(theirs)) {
		worst = min(worst, ours[i].Compiles.hitShare()-theirs[i].Compiles.hitShare())
	}
	return worst
}

func (r *results) missed() (list []string) {
	for _, t := range r.targets() {
		if !t.met() {
			list = append(list, t.String())
		}
	}
	return list
}
