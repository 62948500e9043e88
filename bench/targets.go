package main

import "github.com/org/gocache-action/bench/internal/kit"

// targets are judged by the median of the ratios; memory and written objects by the worst run.
func (r *results) targets() []kit.Target {
	list := []kit.Target{
		r.ratioTarget("restore into empty directories, loopback: wall time", 0.5, loopback, restoreEmpty, wall),
		r.ratioTarget("restore into empty directories, shaped link: wall time", 0.4, shaped, restoreEmpty, wall),
	}
	for _, link := range linkNames {
		list = append(list,
			r.ratioTarget("first save, "+link+": wall time", 0.8, link, firstSave, wall),
			r.ratioTarget("first save, "+link+": bytes in the store", 0.6, link, firstSave, storedBytes),
			r.ratioTarget("save after one changed file, "+link+": wall time", 0.2, link, editSave, wall),
			r.ratioTarget("save after one changed file, "+link+": bytes uploaded", 0.05, link, editSave, uploaded),
		)
	}
	return append(list,
		r.worstTarget("save with nothing changed: objects written", 0, unchangedSave, written, 1, ""),
		r.worstTarget("largest peak memory of any command", 512, "", maxRSS, 1e6, " MB"),
		r.callsTarget())
}

func (r *results) ratioTarget(text string, limit float64, link, scenario string, m metric) kit.Target {
	value, ok := r.ratio(link, scenario, m)
	return kit.Target{Text: text, Limit: limit, Value: value, Unmeasured: !ok}
}

// worstTarget looks at all runs of gocache in a scenario, or in all scenarios where it is empty.
func (r *results) worstTarget(text string, limit float64, scenario string, m metric, scale float64, unit string) kit.Target {
	t := kit.Target{Text: text, Limit: limit, Unit: unit, Unmeasured: true}
	for _, x := range r.Runs {
		if x.Tool == gocacheName && (scenario == "" || x.Scenario == scenario) {
			t.Value, t.Unmeasured = max(t.Value, m(x)/scale), false
		}
	}
	return t
}

func (r *results) callsTarget() kit.Target {
	t := kit.Target{Text: "restore: system calls that create, write or close, per file", Limit: 3, Unmeasured: r.Calls == nil}
	if r.Calls != nil {
		t.Value = r.Calls.perFile()
	}
	return t
}

// missed names the targets that were measured and not met.
func (r *results) missed() []string { return kit.Missed(r.targets(), "%.3g") }
