package cli

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/metrics"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/stats"
	"github.com/org/gocache-action/internal/usage"
)

// statsDrain is how long scrapes may take when the command is told to end.
const statsDrain = 3 * time.Second

// statsServer shows what stats finds out to Prometheus, until ctx ends.
func statsServer(ctx context.Context, r *run, named bool) error {
	if _, err := planStats(ctx, r, named); usage.Is(err) {
		return err // no collection could do anything about it
	}
	log := proxyLog(r)
	listener, err := listen(r.cfg.Stats.Listen)
	if err != nil {
		return err
	}
	r.out.quiet = true // collecting shows no progress
	page := statsPage(r, named, log)
	collecting, stop := context.WithCancel(ctx)
	defer page.Wait()
	defer stop()
	log.Info("serving", "address", listener.Addr().String(), "every", quantity.Duration(r.cfg.Stats.Every), "pid", os.Getpid())
	return service{handler: page.Handler(collecting), log: log, drain: statsDrain}.until(ctx, listener)
}

// statsPage is the page with what stats finds out.
func statsPage(r *run, named bool, log *slog.Logger) *metrics.Live {
	return &metrics.Live{
		Every: r.cfg.Stats.Every,
		Collect: func(ctx context.Context) (metrics.Samples, error) {
			ctx, cancel := withTimeout(ctx, r.cfg.Timeout)
			defer cancel()
			rep, err := runStats(ctx, r, named, time.Now())
			if rep == nil {
				return nil, err
			}
			for _, w := range rep.Warnings {
				log.Warn("stats", "warning", w)
			}
			return machineOf(rep, r.cfg).Samples(), err
		},
		Failed: func(err error) { log.Error("stats", "error", err.Error()) },
	}
}

// machineOf is what a report tells Prometheus.
func machineOf(rep *stats.Report, cfg *config.Config) metrics.Machine {
	m := metrics.Machine{Quotas: map[string]int64{}}
	sizes := func(of string, rows []stats.Row) (list []metrics.Size) {
		for _, row := range rows {
			list = append(list, metrics.Size{Of: of, Kind: row.Name, Bytes: row.Bytes, Entries: int64(row.Count)})
		}
		return list
	}
	if rep.Modules != nil {
		m.Caches = append(m.Caches, sizes("modules", rep.Modules.Kinds)...)
	}
	if rep.Build != nil {
		m.Caches = append(m.Caches, sizes("build", rep.Build.Kinds)...)
	}
	if rep.Store != nil {
		m.Store = sizes("", rep.Store.Kinds)
	}
	if t := rep.Trim; t != nil {
		m.Trimmable = map[string]int64{"modules": t.Modules.Bytes, "build": t.Build.Bytes}
	}
	for _, d := range rep.Disks {
		if len(d.Dirs) > 0 {
			m.Disks = append(m.Disks, metrics.Disk{Dir: d.Dirs[0], Total: d.Total, Free: d.Free})
		}
	}
	for of, bytes := range map[string]int64{"caches": cfg.Stats.Quota.Caches, "store": cfg.Stats.Quota.Store} {
		if bytes > 0 {
			m.Quotas[of] = bytes
		}
	}
	return m
}
