package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/health"
	"github.com/org/gocache-action/internal/lookup"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/summary"
	"github.com/org/gocache-action/save"
)

// healthSaves are the saves of a trend.
func healthSaves(trend []snapshot.Saved) (list []health.Save) {
	for _, t := range trend {
		list = append(list, health.Save{
			Time: t.Time, Reused: t.Reused, Made: t.Made, Restore: fromSeconds(t.RestoreSeconds), Save: fromSeconds(t.SaveSeconds),
			Lost: t.Lost, Refused: t.Refused,
		})
	}
	return list
}

// sizeAndBound are the bytes on disk of a snapshot, and the bound that comes closest. Without one,
// both are 0.
func sizeAndBound(s *snapshot.Size, max config.Sizes) (size, bound int64) {
	if s == nil {
		return 0, 0
	}
	for _, b := range []struct{ size, bound int64 }{
		{s.ModuleBytes + s.BuildBytes, max.All}, {s.ModuleBytes, max.Modules}, {s.BuildBytes, max.Build},
	} {
		if b.bound > 0 && (bound == 0 || float64(b.size)/float64(b.bound) > float64(size)/float64(bound)) {
			size, bound = b.size, b.bound
		}
	}
	return size, bound
}

// saveHealth judges by what a save knows; nil if that is nothing.
func saveHealth(cfg *config.Config, s *save.Result, now time.Time) *health.Report {
	f := health.Figures{Now: now, Saves: healthSaves(s.Trend)}
	f.Size, f.Bound = sizeAndBound(s.After, cfg.MaxSize)
	rep := health.Judge(f, health.Defaults())
	if rep.Grade == health.Unknown {
		return nil
	}
	return &rep
}

// summaryHealth is the line of the summary.
func summaryHealth(cfg *config.Config, o *saveOutput, now time.Time) *summary.Health {
	if o == nil || o.Result == nil {
		return nil
	}
	rep := saveHealth(cfg, o.Result, now)
	if rep == nil {
		return nil
	}
	line := &summary.Health{Grade: string(rep.Grade), Score: rep.Score}
	if worst := rep.Worst(); rep.Grade != health.Healthy && worst != nil {
		line.Worst = worst.Evidence
	}
	return line
}

// storeProbes is how often the store is asked for the measure of its latency, beside once before,
// which opens the connection.
const storeProbes = 5

// readHealth finds the newest snapshot of the project, and measures how the store answers. That it
// does not answer is a figure; the error says why.
func readHealth(ctx context.Context, r *run, p *project, st store.Store) (health.Figures, *lookup.Found, error) {
	f := health.Figures{Now: time.Now()}
	reader := lookup.Reader{Store: st, Repo: p.id.Repo, Trust: r.keys.trust()}
	if err := isThere(st); err != nil && r.cfg.Store != "" { // a typo, or a disk that is not mounted
		f.Store = health.Store{Failed: r.out.clean(err.Error()), Remedy: hintFor(err)}
		return f, nil, err
	}
	k := p.key.Key
	found, _, err := newest(ctx, reader, lookup.Candidates(p.id.Repo, []string{p.id.Scope, p.id.BaseScope, p.id.DefaultScope}, k.Exact(), k.Latest()))
	if err == nil {
		f.Store.Times, err = probe(ctx, st, p)
	}
	if err != nil {
		if store.IsFailure(err) && ctx.Err() == nil {
			f.Store = health.Store{Failed: r.out.clean(err.Error()), Remedy: hintFor(err)}
		}
		return f, nil, err
	}
	if found == nil {
		return f, nil, nil
	}
	m := found.Manifest
	size := m.Size()
	f.Saves = healthSaves(m.Trend)
	f.Size, f.Bound = sizeAndBound(&size, r.cfg.MaxSize)
	return f, found, nil
}

// newest returns the snapshot that was written last in the first scope that has one; nil: none has.
// The one of these very module files may be older than that of others.
func newest(ctx context.Context, reader lookup.Reader, cands []lookup.Candidate) (*lookup.Found, []lookup.Found, error) {
	found, passed, err := reader.First(ctx, cands)
	if err != nil || found.Manifest == nil {
		return nil, passed, err
	}
	for _, c := range cands {
		if c.Scope != found.Scope || c.Exact == found.Exact {
			continue
		}
		other, _, err := reader.First(ctx, []lookup.Candidate{c})
		if err == nil && other.Manifest != nil && other.Manifest.Writer.Time.After(found.Manifest.Writer.Time) {
			return &other, passed, nil
		}
	}
	return &found, passed, nil
}

// probe measures round trips to the store.
func probe(ctx context.Context, st store.Store, p *project) (times []time.Duration, err error) {
	object := snapshot.HealthObject(p.id.Repo, p.id.Scope, p.id.Name)
	for i := range storeProbes + 1 {
		begin := time.Now()
		if _, err := st.Stat(ctx, object); err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrHidden) {
			if store.IsFailure(err) {
				return nil, err
			}
			return nil, fmt.Errorf("ask the store: %w", err)
		}
		if i > 0 {
			times = append(times, time.Since(begin))
		}
	}
	return times, nil
}
