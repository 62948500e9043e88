package metrics

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// Live shows figures that take long to collect. A scrape never waits for them: it gets the last
// ones, and if these are older than Every, collecting begins in the background. So somebody who
// scrapes every few seconds costs no more than who scrapes once in Every, and without scrapes
// nothing is done.
type Live struct {
	// Collect reads the figures. One call at a time. Without any, those from before stay; beside an
	// error they are what could be found out.
	Collect func(context.Context) (Samples, error)
	Every   time.Duration
	Failed  func(error) // is told why Collect failed

	mu      sync.Mutex // held to use what follows
	begun   time.Time  // of the last collection; zero: there was none
	running bool
	last    Samples
	failed  prometheus.Counter
	done    sync.WaitGroup
}

// Handler shows the figures, and those of the process. Collections end with ctx. The first begins
// now.
func (p *Live) Handler(ctx context.Context) http.Handler {
	p.last = uncollected()
	p.failed = prometheus.NewCounter(prometheus.CounterOpts{Name: collectFailed.Name, Help: collectFailed.Help})
	reg := prometheus.NewRegistry()
	reg.MustRegister(p.failed, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	shown := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return gather(p.figures()) })
	page := promhttp.HandlerFor(prometheus.Gatherers{reg, shown}, promhttp.HandlerOpts{})
	p.refresh(ctx)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		p.refresh(ctx)
		page.ServeHTTP(w, r)
	})
	return mux
}

// Wait returns when no collection is running any more.
func (p *Live) Wait() { p.done.Wait() }

func (p *Live) figures() Samples {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// refresh begins a collection if it is time for one.
func (p *Live) refresh(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running || !p.begun.IsZero() && time.Since(p.begun) < p.Every || ctx.Err() != nil {
		return
	}
	p.running, p.begun = true, time.Now()
	p.done.Go(func() { p.collect(ctx) })
}

func (p *Live) collect(ctx context.Context) {
	begin := time.Now()
	list, err := p.Collect(ctx)
	end := time.Now()
	if err != nil && ctx.Err() == nil {
		p.failed.Inc()
		p.Failed(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = false
	if list != nil {
		p.last = append(list, collected(end, end.Sub(begin))...)
	}
}
