package main

import "github.com/org/gocache-action/bench/internal/kit"

// targets are judged by the median of the ratios, except memory and written objects, which are
// judged by the worst run.
func (r *figures) targets() []kit.Target {
	list := []kit.Target{
		r.ratioTarget("first save: bytes in the store", r.Limits.Stored, loopback, firstSave, storedBytes, smaller),
		r.ratioTarget("first save, loopback: wall time", r.Limits.FirstSave, loopback, firstSave, wall, faster),
		r.ratioTarget("restore into empty directories, loopback: wall time", r.Limits.Restore, loopback, restoreEmpty, wall, faster),
		r.ratioTarget("restore into empty directories, shaped link: wall time", r.Limits.RestoreShaped, shaped, restoreEmpty, wall, faster),
		r.worstTarget("save after the next patch release: bytes uploaded", r.Limits.Release/1e6, releaseSave, uploaded, 1e6, " MB"),
	}
	for _, link := range linkNames {
		list = append(list,
			r.ratioTarget("save after one changed file, "+link+": wall time", 0.2, link, editSave, wall, faster),
			r.ratioTarget("save after one changed file, "+link+": bytes uploaded", 0.05, link, editSave, uploaded, smaller))
	}
	return append(list,
		r.worstTarget("save with nothing changed: objects written", 0, unchangedSave, written, 1, ""),
		r.worstTarget("largest peak memory of any command", 512, "", maxRSS, 1e6, " MB"),
		r.callsTarget())
}

// Names for a ratio of gocache to tar, inverted.
const (
	faster  = " times faster"
	smaller = " times smaller"
)

// ratioTarget returns a target for a ratio of at most limit, which is shown as how many times
// better gocache is.
func (r *figures) ratioTarget(text string, limit float64, link, scenario string, m metric, better string) kit.Target {
	ratio, ok := r.ratio(link, scenario, m)
	if ratio == 0 {
		ok = false
	}
	return kit.Target{Text: text, Limit: 1 / limit, Value: 1 / ratio, Least: true, Unit: better, Unmeasured: !ok}
}

// worstTarget returns a target for all runs of gocache in a scenario, or in all scenarios if that
// is empty.
func (r *figures) worstTarget(text string, limit float64, scenario string, m metric, scale float64, unit string) kit.Target {
	t := kit.Target{Text: text, Limit: limit, Unit: unit, Unmeasured: true}
	for _, x := range r.Runs {
		if x.Tool == gocacheName && (scenario == "" || x.Scenario == scenario) {
			t.Value, t.Unmeasured = max(t.Value, m(x)/scale), false
		}
	}
	return t
}

func (r *figures) callsTarget() kit.Target {
	const text = "restore: system calls that create, write or close, per file that lies in one frame"
	t := kit.Target{Text: text, Limit: 3, Unmeasured: r.Calls == nil}
	if r.Calls != nil {
		t.Value = r.Calls.perFile()
	}
	return t
}

// missed names the targets that were measured and missed.
func (r *results) missed() (list []string) {
	for _, p := range r.Projects {
		for _, text := range kit.Missed(p.targets(), "%.3g") {
			list = append(list, p.Name+": "+text)
		}
	}
	return list
}
