// Package metrics is what gocache tells Prometheus about restores, saves and caches: definitions,
// from which documentation is generated, and the ways for figures to get there: a file for the
// textfile collector of the node exporter, a push gateway, a page to scrape.
//
// Names end in their unit, in base units, and those of counters in _total. Labels have few values:
// no label has the name of a module, a ref or a commit. Samples have no timestamps: when something
// happened is a value.
//
// Nothing here knows what a restore or a save is; others fill in a Run.
package metrics

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// A Type says how values of a metric are to be read.
type Type string

// The types.
const (
	Counter   Type = "counter"   // only grows, but for a new start from 0
	Gauge     Type = "gauge"     // is what it is now
	Histogram Type = "histogram" // counts durations
)

// A Metric is the definition of one.
type Metric struct {
	Name   string
	Type   Type
	Help   string
	Labels []string
}

// A Set is the metrics of one origin.
type Set struct {
	Title   string
	About   string // Markdown
	Metrics []Metric
}

// Named returns the metric of a set with this name.
func (s Set) Named(name string) Metric {
	for _, m := range s.Metrics {
		if m.Name == name {
			return m
		}
	}
	panic("no metric " + name) // the program is wrong
}

// DurationBuckets are those of all histograms, in seconds: from a file on the disk to a download
// that somebody gives up.
var DurationBuckets = []float64{.001, .005, .02, .1, .5, 2, 10, 60, 300}

// Counters makes the counters of a metric.
func (m Metric) Counters() *prometheus.CounterVec {
	m.must(Counter)
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, m.Labels)
}

// Histograms makes the histograms of a metric.
func (m Metric) Histograms() *prometheus.HistogramVec {
	m.must(Histogram)
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: m.Name, Help: m.Help, Buckets: DurationBuckets}, m.Labels)
}

// Counter makes a counter without labels.
func (m Metric) Counter() prometheus.Counter {
	m.must(Counter)
	return prometheus.NewCounter(prometheus.CounterOpts{Name: m.Name, Help: m.Help})
}

// Gauge makes the gauge of a metric without labels.
func (m Metric) Gauge() prometheus.Gauge {
	m.must(Gauge)
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: m.Name, Help: m.Help})
}

// Func makes a metric without labels whose value is asked for when somebody looks.
func (m Metric) Func(value func() float64) prometheus.Collector {
	if m.Type == Counter {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, value)
	}
	m.must(Gauge)
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: m.Name, Help: m.Help}, value)
}

func (m Metric) must(t Type) {
	if m.Type != t {
		panic(fmt.Sprintf("%s is a %s, not a %s", m.Name, m.Type, t)) // the program is wrong
	}
}

// A Sample is one value.
type Sample struct {
	Metric Metric
	Labels []string // values, in the order of those of the metric
	Value  float64
}

// Samples is a prometheus.Collector of values that do not change.
type Samples []Sample

// Describe implements prometheus.Collector. It describes nothing: which series there are depends on
// what happened.
func (Samples) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (list Samples) Collect(to chan<- prometheus.Metric) {
	for _, s := range list {
		kind := prometheus.GaugeValue
		if s.Metric.Type == Counter {
			kind = prometheus.CounterValue
		}
		values := make([]string, len(s.Labels))
		for i, v := range s.Labels {
			values[i] = labelValue(v)
		}
		desc := prometheus.NewDesc(s.Metric.Name, s.Metric.Help, s.Metric.Labels, nil)
		to <- prometheus.MustNewConstMetric(desc, kind, s.Value, values...)
	}
}

// labelValue makes UTF-8 of a name that is none, as directories may have. Each has its own: two
// series with the same labels would be an error of the whole page.
func labelValue(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}
