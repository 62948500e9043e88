package main

import (
	"fmt"
	"slices"
)

// target is a limit that the project set itself, and what was measured.
type target struct {
	Text     string
	Limit    float64
	Value    float64
	Measured bool
	Unit     string // after both figures
}

func (t target) met() bool { return t.Value <= t.Limit }

// verdict is for the table of the report.
func (t target) verdict() string {
	switch {
	case !t.Measured:
		return "not measured"
	case t.met():
		return "met"
	}
	return "**missed**"
}

// targets are judged by the median of the ratios; memory and written objects by the worst run.
func (r *results) targets() []target {
	list := []target{
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

func (r *results) ratioTarget(text string, limit float64, link, scenario string, m metric) target {
	t := target{Text: text, Limit: limit}
	t.Value, t.Measured = r.ratio(link, scenario, m)
	return t
}

// worstTarget looks at all runs of gocache in a scenario, or in all scenarios where it is empty.
func (r *results) worstTarget(text string, limit float64, scenario string, m metric, scale float64, unit string) target {
	t := target{Text: text, Limit: limit, Unit: unit}
	for _, x := range r.Runs {
		if x.Tool == gocacheName && (scenario == "" || x.Scenario == scenario) {
			t.Value, t.Measured = max(t.Value, m(x)/scale), true
		}
	}
	return t
}

func (r *results) callsTarget() target {
	t := target{Text: "restore: system calls that create, write or close, per file", Limit: 3, Measured: r.Calls != nil}
	if t.Measured {
		t.Value = r.Calls.perFile()
	}
	return t
}

// missed names the targets that were measured and not met.
func (r *results) missed() []string {
	var list []string
	for _, t := range r.targets() {
		if t.Measured && !t.met() {
			list = append(list, fmt.Sprintf("%s: %.3g%s, limit %.3g%s", t.Text, t.Value, t.Unit, t.Limit, t.Unit))
		}
	}
	return slices.Clip(list)
}
