package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/org/gocache-action/gc"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/stats"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/actions"
	"github.com/org/gocache-action/internal/usage"
)

// storeStats looks at the store. It is nil where there is none to look at.
func storeStats(ctx context.Context, r *run, meter *report.Meter, now time.Time) (*stats.Store, error) {
	switch {
	case r.cfg.Stats.NoStore:
		return nil, nil
	case r.cleansCaches():
		s, err := cachesStats(ctx, r, now)
		if r.cfg.Store == "" && errors.Is(err, errNoGitHubToken) {
			return nil, nil // nobody has asked for it
		}
		return s, err
	case r.cfg.Store == "" && !hasDefaultStore():
		return nil, nil
	}
	st, err := openStore(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := isThere(st); err != nil {
		return nil, err
	}
	c, ok := st.(store.Collector)
	if !ok {
		return nil, usage.Errorf("stats cannot list %s: give --no-store", st)
	}
	return objectStats(ctx, c, r.cfg.Concurrency, meter, now)
}

// hasDefaultStore reports whether there is a directory that a command without --store uses.
func hasDefaultStore() bool {
	dir, err := userCache("store")
	if err == nil {
		_, err = os.Stat(dir)
	}
	return err == nil
}

// objectStats goes through a store as gc does, and removes nothing. Its rules are the defaults of
// gc.
func objectStats(ctx context.Context, c store.Collector, concurrency int, meter *report.Meter, now time.Time) (*stats.Store, error) {
	seen := stats.NewStoreCollector(now)
	rules := config.New(config.GC)
	plan, err := gc.Plan(ctx, gc.Options{
		Store: c, MaxAge: rules.MaxAge, Grace: rules.Grace, Concurrency: concurrency, Meter: meter, Watch: seen,
	})
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := seen.Store(c.String())
	s.Unreadable = len(plan.Unreadable)
	s.Garbage, s.Other = amountOf(plan.Total), amountOf(plan.Other)
	for _, counts := range plan.Kinds {
		s.Unnamed.Count += int(counts.Waiting.Objects)
		s.Unnamed.Bytes += counts.Waiting.Bytes
	}
	return s, nil
}

func amountOf(a gc.Amount) stats.Amount {
	return stats.Amount{Count: int(a.Objects), Bytes: a.Bytes}
}

// entryKinds are for people.
var entryKinds = map[actions.EntryKind]string{
	actions.SnapshotEntry: "snapshots", actions.ModuleBundle: "bundles of modules",
	actions.OtherBundle: "other bundles", actions.ObjectEntry: "other entries",
}

// cachesStats sums up the entries of gocache in the cache that GitHub gives a repository.
func cachesStats(ctx context.Context, r *run, now time.Time) (*stats.Store, error) {
	api, err := cachesAPI(ctx, r)
	if err != nil {
		return nil, err
	}
	list, err := api.List(ctx, "")
	if err != nil {
		return nil, err
	}
	seen := stats.NewStoreCollector(now)
	snapshots := 0
	for _, c := range list {
		kind, _, _ := actions.ParseKey(c.Key)
		if kind == actions.ForeignEntry {
			continue
		}
		if kind == actions.SnapshotEntry {
			snapshots++
		}
		seen.Add(cmp.Or(entryKinds[kind], "other entries"), api.Repo, c.Ref, c.Size, c.Accessed)
	}
	s := seen.Store(api.String())
	s.Manifests = snapshots
	return s, nil
}
