package main

import (
	"context"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/gc"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
)

// gocachePolicy calls the packages that the commands "gocache restore" and "gocache save" call,
// with a directory store and the clock of the history.
type gocachePolicy struct {
	*lab
	label  string
	every  time.Duration // between two runs; 0: the dates of the releases
	begin  time.Time     // of the first release
	store  store.Store
	maxAge time.Duration
	state  *jobstate.State // of the last restore
}

// These identify the snapshot: one job on the default branch.
const historyRepo, historyScope = "history", "main"

func newGocache(l *lab, maxAge time.Duration) (*gocachePolicy, error) {
	s, err := dir.Open(l.Path("store", gocacheName))
	return &gocachePolicy{lab: l, label: gocacheName, store: s, maxAge: maxAge}, err
}

// newDaily returns the same policy with one release a day: --max-age then keeps entries that many
// releases used.
func newDaily(l *lab, maxAge time.Duration) (*gocachePolicy, error) {
	p, err := newGocache(l, maxAge)
	if err != nil {
		return nil, err
	}
	p.label, p.every = dailyName, 24*time.Hour
	p.store, err = dir.Open(l.Path("store", dailyName))
	return p, err
}

func (p *gocachePolicy) name() string { return p.label }

func (p *gocachePolicy) when(rel release, i int) time.Time {
	if i == 0 {
		p.begin = rel.Time
	}
	if p.every > 0 {
		return p.begin.Add(time.Duration(i) * p.every)
	}
	return rel.Time
}

func (p *gocachePolicy) restore(ctx context.Context, m moment) (restored, error) {
	res, err := restore.Run(ctx, restore.Options{
		Store: p.store, Repo: historyRepo, Scope: historyScope, DefaultScope: historyScope,
		Keys: m.keys, ModDir: p.modDir(), BuildDir: p.buildDir(), Now: m.now,
	})
	if err != nil {
		return restored{}, err
	}
	p.state = &res.State
	r := restored{Match: matchNone, Fetched: res.BytesFetched}
	if res.Matched != nil {
		r.Match = matchOlder
	}
	if res.Exact {
		r.Match = matchExact
	}
	return r, nil
}

func (p *gocachePolicy) beforeJob() error { return nil }

func (p *gocachePolicy) save(ctx context.Context, m moment) (saved, error) {
	began := time.Now()
	res, err := save.Run(ctx, save.Options{
		Store: p.store, Repo: historyRepo, Scope: historyScope, DefaultScope: historyScope,
		Keys: m.keys, ModDir: p.modDir(), BuildDir: p.buildDir(), State: p.state, ModuleUse: m.asker.Ask, MaxAge: p.maxAge,
		Writer: snapshot.Writing{Run: m.Version}, Now: m.now,
	})
	if err != nil {
		return saved{}, err
	}
	s := saved{Uploaded: res.BytesUploaded, Snapshot: res.StoredBytes, Trimmed: res.Build.Trimmed, Dropped: res.Modules.Trimmed}
	return s, p.collect(ctx, m, began, &s)
}

// These are the defaults of "gocache gc".
const (
	gcAge   = 35 * 24 * time.Hour
	gcGrace = 24 * time.Hour
)

// collect removes the garbage of the store, as a job of the same night would. What this save left
// unnamed is noted now and removed by the collection after the next run, so the store is measured
// when it is largest.
func (p *gocachePolicy) collect(ctx context.Context, m moment, began time.Time, s *saved) error {
	root := p.Path("store", p.label)
	// The store gave its objects the time of the machine, but collections and later saves depend on
	// their age in the history.
	if err := m.objectsToHistory(root, began); err != nil {
		return err
	}
	began = time.Now()
	res, err := gc.Run(ctx, gc.Options{Store: p.store.(store.Collector), MaxAge: gcAge, Grace: gcGrace, Now: m.now})
	if err != nil {
		return err
	}
	for _, c := range res.Kinds {
		s.Removed += c.Removed.Bytes
		s.Waiting += c.Waiting.Bytes
	}
	if err := m.objectsToHistory(root, began); err != nil {
		return err
	}
	_, s.Store, err = kit.TreeSize(root)
	return err
}
