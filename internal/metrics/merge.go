package metrics

import (
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// forgetAfter is how long a job that does not run any more is told of.
const forgetAfter = 35 * 24 * time.Hour

// merge adds what a run has to tell to what earlier runs have told: counters go on from there,
// gauges are replaced, and what the run says nothing of stays. A job is forgotten if none of its
// runs ended within forgetAfter. Neither argument is changed.
func merge(before, run []*dto.MetricFamily, now time.Time) []*dto.MetricFamily {
	families := map[string]*dto.MetricFamily{}
	for _, f := range before {
		if strings.HasPrefix(f.GetName(), "gocache_") {
			families[f.GetName()] = proto.Clone(f).(*dto.MetricFamily)
		}
	}
	for _, f := range run {
		families[f.GetName()] = mergeFamily(families[f.GetName()], f)
	}
	old := forgotten(families[runTime.Name], now)
	var list []*dto.MetricFamily
	for _, name := range sorted(families) {
		f := families[name]
		f.Metric = slices.DeleteFunc(f.Metric, func(m *dto.Metric) bool { return old[jobOf(m)] })
		if len(f.Metric) > 0 {
			list = append(list, f)
		}
	}
	return list
}

// mergeFamily does so for one metric. One that was of another type, as of another version of this
// program, is replaced.
func mergeFamily(before, run *dto.MetricFamily) *dto.MetricFamily {
	run = proto.Clone(run).(*dto.MetricFamily)
	if before == nil || before.GetType() != run.GetType() {
		return run
	}
	series := map[string]*dto.Metric{}
	for _, m := range before.Metric {
		m.TimestampMs = nil
		series[labelsOf(m)] = m
	}
	for _, m := range run.Metric {
		if b := series[labelsOf(m)]; b != nil && run.GetType() == dto.MetricType_COUNTER && b.GetCounter().GetValue() > 0 {
			m.Counter.Value = proto.Float64(m.GetCounter().GetValue() + b.GetCounter().GetValue())
		}
		series[labelsOf(m)] = m
	}
	run.Metric = nil
	for _, key := range sorted(series) {
		run.Metric = append(run.Metric, series[key])
	}
	return run
}

// forgotten are the jobs that did not run for too long.
func forgotten(times *dto.MetricFamily, now time.Time) map[string]bool {
	last := map[string]float64{}
	for _, m := range times.GetMetric() {
		last[jobOf(m)] = max(last[jobOf(m)], m.GetGauge().GetValue())
	}
	old := map[string]bool{}
	for job, t := range last {
		old[job] = t < stamp(now.Add(-forgetAfter))
	}
	return old
}

// jobOf names the job of a series by its repository and name.
func jobOf(m *dto.Metric) string {
	var values [2]string
	for _, l := range m.Label {
		if i := slices.Index(jobLabels, l.GetName()); i >= 0 {
			values[i] = l.GetValue()
		}
	}
	return strings.Join(values[:], "\x00")
}

// labelsOf names a series within its metric.
func labelsOf(m *dto.Metric) string {
	var b strings.Builder
	labels := slices.Clone(m.Label)
	slices.SortFunc(labels, func(x, y *dto.LabelPair) int { return strings.Compare(x.GetName(), y.GetName()) })
	for _, l := range labels {
		b.WriteString(l.GetName() + "\x00" + l.GetValue() + "\x00")
	}
	return b.String()
}
