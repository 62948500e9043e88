// Package metrics counts what a module proxy does, for Prometheus. No label has the name of a
// module.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/org/gocache-action/internal/metrics"
)

// Set defines the metrics.
var Set = metrics.Set{
	Title: "Module proxy",
	About: "At `/metrics` of `gocache proxy`, with those of Go and of the process (`go_...`, `process_...`).",
	Metrics: []metrics.Metric{
		proxy("requests_total", metrics.Counter, "Requests by operation and status.", "op", "status"),
		proxy("request_seconds", metrics.Histogram, "Time until a request was answered.", "op"),
		proxy("sent_bytes_total", metrics.Counter, "Bytes of bodies sent to clients.", "op"),
		proxy("requests_in_flight", metrics.Gauge, "Requests that are being answered."),
		proxy("found_total", metrics.Counter, "Where answers came from: memory, disk, store, upstream, or stale.", "what", "where"),
		proxy("upstream_seconds", metrics.Histogram, "Time that upstreams took, by what they were asked for and how they answered.", "source", "what", "result"),
		proxy("store_errors_total", metrics.Counter, "Operations of the store that failed.", "op"),
		proxy("disk_errors_total", metrics.Counter, "Zips that the local disk did not take; meanwhile they pass from the store to clients."),
		proxy("zip_cache_bytes", metrics.Gauge, "Bytes of zips on the local disk."),
		proxy("memory_cache_bytes", metrics.Gauge, "Bytes of small files in memory."),
		proxy("zip_cache_evictions_total", metrics.Counter, "Zips that were removed to make room."),
	},
}

func proxy(name string, t metrics.Type, help string, labels ...string) metrics.Metric {
	return metrics.Metric{Name: "gocache_proxy_" + name, Type: t, Help: help, Labels: labels}
}

func named(name string) metrics.Metric { return Set.Named("gocache_proxy_" + name) }

// Metrics is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	sent      *prometheus.CounterVec
	inFlight  prometheus.Gauge
	found     *prometheus.CounterVec
	upstream  *prometheus.HistogramVec
	storeErrs *prometheus.CounterVec
	diskErrs  prometheus.Counter
}

// Sizes are figures that are asked for when somebody looks.
type Sizes struct {
	ZipBytes, ZipsEvicted, MemoryBytes func() float64
}

// New returns metrics that are all 0.
func New(s Sizes) *Metrics {
	m := &Metrics{
		registry:  prometheus.NewRegistry(),
		requests:  named("requests_total").Counters(),
		seconds:   named("request_seconds").Histograms(),
		sent:      named("sent_bytes_total").Counters(),
		inFlight:  named("requests_in_flight").Gauge(),
		found:     named("found_total").Counters(),
		upstream:  named("upstream_seconds").Histograms(),
		storeErrs: named("store_errors_total").Counters(),
		diskErrs:  named("disk_errors_total").Counter(),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.sent, m.inFlight, m.found, m.upstream, m.storeErrs, m.diskErrs,
		named("zip_cache_bytes").Func(s.ZipBytes), named("memory_cache_bytes").Func(s.MemoryBytes),
		named("zip_cache_evictions_total").Func(s.ZipsEvicted),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// Handler shows the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Begin counts a request that begins, and returns what counts its end.
func (m *Metrics) Begin() func(op string, status int, sent int64, took time.Duration) {
	m.inFlight.Inc()
	return func(op string, status int, sent int64, took time.Duration) {
		m.inFlight.Dec()
		m.requests.WithLabelValues(op, strconv.Itoa(status)).Inc()
		m.seconds.WithLabelValues(op).Observe(took.Seconds())
		m.sent.WithLabelValues(op).Add(float64(sent))
	}
}

// Found implements proxy.Watcher.
func (m *Metrics) Found(what, where string) { m.found.WithLabelValues(what, where).Inc() }

// Asked implements proxy.Watcher.
func (m *Metrics) Asked(source, what, result string, took time.Duration) {
	m.upstream.WithLabelValues(source, what, result).Observe(took.Seconds())
}

// StoreFailed implements proxy.Watcher.
func (m *Metrics) StoreFailed(op string) { m.storeErrs.WithLabelValues(op).Inc() }

// DiskFailed implements proxy.Watcher.
func (m *Metrics) DiskFailed() { m.diskErrs.Inc() }
