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
)

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
}

// Sizes are figures that are asked for when somebody looks.
type Sizes struct {
	ZipBytes, ZipsEvicted, MemoryBytes func() float64
}

// New returns metrics that are all 0.
func New(s Sizes) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "gocache_proxy", Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "gocache_proxy", Name: name, Help: help, Buckets: []float64{.001, .005, .02, .1, .5, 2, 10, 60, 300},
		}, labels)
	}
	m := &Metrics{
		registry:  prometheus.NewRegistry(),
		requests:  counter("requests_total", "Requests by operation and status.", "op", "status"),
		seconds:   histogram("request_seconds", "Time until a request was answered.", "op"),
		sent:      counter("sent_bytes_total", "Bytes of bodies sent to clients.", "op"),
		inFlight:  prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "gocache_proxy", Name: "requests_in_flight", Help: "Requests that are being answered."}),
		found:     counter("found_total", "Where answers came from: memory, disk, store, upstream, or stale.", "what", "where"),
		upstream:  histogram("upstream_seconds", "Time that upstreams took, by what they were asked for and how they answered.", "source", "what", "result"),
		storeErrs: counter("store_errors_total", "Operations of the store that failed.", "op"),
	}
	value := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "gocache_proxy", Name: name, Help: help}, f)
	}
	m.registry.MustRegister(m.requests, m.seconds, m.sent, m.inFlight, m.found, m.upstream, m.storeErrs,
		value("zip_cache_bytes", "Bytes of zips on the local disk.", s.ZipBytes),
		value("memory_cache_bytes", "Bytes of small files in memory.", s.MemoryBytes),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "gocache_proxy", Name: "zip_cache_evictions_total", Help: "Zips that were removed to make room."}, s.ZipsEvicted),
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
