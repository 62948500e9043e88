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
	"github.com/org/gocache-action/internal/repocache"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/stats"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/actions"
	"github.com/org/gocache-action/internal/usage"
)

// storeLook looks at a store.
type storeLook func(ctx context.Context, meter *report.Meter, now time.Time) (*stats.Store, error)

// findStore returns how to look at the store; nil where there is none to look at. Its errors are
// wrong usage: any other is that of the look, and so said beside what else is found out. A store
// that cannot be listed is a warning if no flag names it, as variables are for other commands, too.
func findStore(ctx context.Context, r *run, named bool) (look storeLook, warnings []string, err error) {
	switch {
	case r.cfg.Stats.NoStore:
		return nil, nil, nil
	case r.cleansCaches():
		look, err = findCaches(ctx, r)
		return look, nil, err
	case r.cfg.Store == "" && defaultStore() == "":
		return nil, nil, nil
	}
	st, err := openStore(ctx, r)
	if usage.Is(err) {
		return nil, nil, err
	}
	if err != nil {
		return noLook(err), nil, nil
	}
	c, ok := st.(store.Collector)
	if !ok {
		err := fmt.Errorf("stats cannot list %s: give --no-store", st)
		if named {
			return nil, nil, usage.Wrap(err)
		}
		return nil, []string{err.Error()}, nil
	}
	return func(ctx context.Context, meter *report.Meter, now time.Time) (*stats.Store, error) {
		if err := isThere(st); err != nil {
			return nil, err
		}
		return objectStats(ctx, c, r.cfg.Concurrency, meter, now)
	}, nil, nil
}

// noLook is a look that fails.
func noLook(err error) storeLook {
	return func(context.Context, *report.Meter, time.Time) (*stats.Store, error) { return nil, err }
}

// findCaches is findStore for the cache that GitHub gives a repository.
func findCaches(ctx context.Context, r *run) (storeLook, error) {
	api, err := cachesAPI(ctx, r)
	switch {
	case err == nil:
		return func(ctx context.Context, _ *report.Meter, now time.Time) (*stats.Store, error) {
			return cachesStats(ctx, api, now)
		}, nil
	case r.cfg.Store == "" && errors.Is(err, errNoGitHubToken):
		return nil, nil // nobody has asked for it
	case usage.Is(err):
		return nil, err
	}
	return noLook(err), nil
}

// defaultStore is the directory that a command without --store uses; "" if it is not there.
func defaultStore() string {
	dir, err := userCache("store")
	if err == nil {
		_, err = os.Stat(dir)
	}
	if err != nil {
		return ""
	}
	return dir
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

// entryTitles are what tables call the entries of a kind.
var entryTitles = map[actions.EntryKind]string{
	actions.SnapshotEntry: "snapshots", actions.ModuleBundle: "bundles of modules",
	actions.OtherBundle: "other bundles", actions.ObjectEntry: "other entries",
}

// cachesStats sums up the entries of gocache in the cache that GitHub gives a repository.
func cachesStats(ctx context.Context, api *repocache.API, now time.Time) (*stats.Store, error) {
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
		seen.Add(cmp.Or(entryTitles[kind], "other entries"), api.Repo, c.Ref, c.Size, c.Accessed)
	}
	s := seen.Store(api.String())
	s.Manifests = snapshots
	return s, nil
}
