package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/digest"
)

// replay is the state of a history that is being replayed.
type replay struct {
	*lab
	options
	policies []policy
	shared   shared
	last     map[string]map[digest.ID]bool // entries that the previous run used or made, by policy
	baseline *graphs                       // of the prefix policy, in this release
	provides map[module.Version]bool       // the modules that this release uses
	fresh    string                        // the last release with a new go.sum
	count    int                           // of releases so far
	res      *results
}

// replayAll fetches the releases, and then replays them. It returns nil results if there was no
// run.
func replayAll(ctx context.Context, o options) (res *results, err error) {
	l, err := newLab(ctx, o.work)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	releases, err := listReleases(ctx, l, o)
	if err != nil {
		return nil, err
	}
	if len(releases) < minRuns {
		return nil, fmt.Errorf("%s has only %d such releases, want %d", o.module, len(releases), minRuns)
	}
	r := &replay{lab: l, options: o, last: map[string]map[digest.ID]bool{}, shared: shared{lab: l}}
	r.res = &results{Started: time.Now().UTC(), Module: o.module, MaxAge: o.maxAge, Every: o.real, Machine: describeMachine(ctx)}
	sources, err := r.fetchAll(ctx, releases)
	if err != nil {
		return nil, err
	}
	for i, rel := range releases {
		logf("%d/%d %s of %s", i+1, len(releases), rel.Version, rel.Time.Format(time.DateOnly))
		if err := r.release(ctx, rel, sources[i]); err != nil {
			if len(r.res.Runs) == 0 {
				r.res = nil
			}
			return r.res, fmt.Errorf("release %s: %w", rel.Version, err)
		}
	}
	r.res.Finished = time.Now().UTC()
	return r.res, nil
}

// fetchAll gets all sources and modules, and makes the policies, one of which needs to know all
// go.sum files.
func (r *replay) fetchAll(ctx context.Context, releases []release) (sources []string, err error) {
	needed := map[string]int{}
	for _, rel := range releases {
		logf("fetching %s", rel.Version)
		dir, err := r.fetch(ctx, r.module, rel.Version)
		if err != nil {
			return nil, err
		}
		sum, err := sumOf(dir)
		if err != nil {
			return nil, err
		}
		sources = append(sources, dir)
		if needed[sum]++; needed[sum] == 1 && len(sources) > 1 {
			r.fresh = rel.Version
		}
	}
	prefix, err1 := newPrefixKey(r.lab)
	gocache, err2 := newGocache(r.lab, r.maxAge)
	daily, err3 := newDaily(r.lab, r.maxAge)
	setup, err4 := newSetupGo(r.lab, needed)
	r.policies = []policy{prefix, gocache, daily, setup}
	return sources, errors.Join(err1, err2, err3, err4)
}

func sumOf(dir string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	return fmt.Sprintf("%x", sha256.Sum256(data)), err
}

// release replays one release with each policy.
func (r *replay) release(ctx context.Context, rel release, source string) error {
	if err := r.checkOut(source, time.Now()); err != nil {
		return err
	}
	defer func() { r.count++ }()
	m := moment{release: rel}
	r.provides = nil
	var err error
	if m.sum, err = sumOf(source); err != nil {
		return err
	}
	if m.keys, m.asker, err = r.identify(ctx); err != nil {
		return err
	}
	for _, p := range r.policies {
		m.Time = p.when(rel, r.count)
		m.clock = clockAt(m.Time)
		x, err := r.run(ctx, p, m)
		if err != nil {
			return fmt.Errorf("policy %s: %w", p.name(), err)
		}
		r.res.Runs = append(r.res.Runs, x)
		logf("  %-13s %5.1f MB restored, %5.1f of them used, %4d of %4d compiled, %5.1f MB saved, %6.1f MB in store, %.0f s",
			p.name(), mb(x.Usage.Restored.Bytes), mb(x.Usage.Used.Bytes), x.Compiles.Executed, x.Compiles.Needed, mb(x.Saved.Uploaded), mb(x.Saved.Store), x.Seconds)
	}
	return nil
}

// run is one CI run on a machine with empty caches.
func (r *replay) run(ctx context.Context, p policy, m moment) (run, error) {
	x := run{Policy: p.name(), Release: m.Version, Time: m.Time, Sum: m.sum}
	if err := r.emptyCaches(); err != nil {
		return x, err
	}
	var err error
	began := time.Now()
	if x.Restored, err = p.restore(ctx, m); err != nil {
		return x, fmt.Errorf("restore: %w", err)
	}
	if err := m.toMachine(r.lab, began); err != nil {
		return x, err
	}
	if err := p.beforeJob(); err != nil {
		return x, err
	}
	if x.Modules.Restored, err = r.modules(ctx, nil); err != nil {
		return x, err
	}
	began = time.Now()
	g, u, err := r.job(ctx, p, &x)
	if err != nil {
		return x, err
	}
	x.Seconds = time.Since(began).Seconds()
	x.Usage, x.Compiles, x.Vets = u, g.compiled(), g.vets
	r.account(p, &x, g)
	if x.Modules.Used, err = r.usedModules(ctx, m); err != nil {
		return x, err
	}
	if err := m.toHistory(r.lab); err != nil {
		return x, err
	}
	if x.Saved, err = p.save(ctx, m); err != nil {
		return x, fmt.Errorf("save: %w", err)
	}
	return x, nil
}

// job does what the CI job does, either for real or as derived from the real run of the prefix
// policy.
func (r *replay) job(ctx context.Context, p policy, x *run) (*graphs, usage, error) {
	before, err := r.scan(ctx)
	if err != nil {
		return nil, usage{}, err
	}
	start := time.Now()
	do := r.runJob
	if x.Shared = !r.isReal(p, x); x.Shared {
		do = func(ctx context.Context) (*graphs, error) { return r.shared.replay(ctx, before) }
	}
	g, err := do(ctx)
	if err != nil {
		return nil, usage{}, err
	}
	after, err := r.scan(ctx)
	if err != nil {
		return nil, usage{}, err
	}
	g.prune(after)
	u := inspect(before, after, start, r.last[p.name()])
	switch {
	case p.name() == prefixName:
		err = r.shared.keep(u, g)
	case !x.Shared:
		c := r.shared.compare(p.name(), x.Release, before, u, g)
		logf("  %v", c)
		r.res.Compared = append(r.res.Compared, c)
	}
	return g, u, err
}

// isReal reports whether a run executes the go commands. For setup-go, these are the runs that
// restore something, since the go command then trims while it works, and the last of the others.
func (r *replay) isReal(p policy, x *run) bool {
	switch p.name() {
	case prefixName:
		return true
	case setupGoName:
		return x.Restored.Match != matchNone || x.Release == r.fresh
	}
	return p.name() == gocacheName && x.Restored.Match != matchNone && r.count%r.real == 0
}

// account records what the next runs are compared with.
func (r *replay) account(p policy, x *run, g *graphs) {
	seen := map[digest.ID]bool{}
	for _, e := range x.Usage.working {
		seen[e.Action] = true
	}
	r.last[p.name()] = seen
	if p.name() == prefixName {
		r.baseline = g
		r.res.Needs = append(r.res.Needs, needOf(x.Release, x.Usage))
		return
	}
	for id, c := range g.compiles {
		if c.executed && !r.baseline.compiles[id].executed {
			x.Lost = append(x.Lost, c.pkg)
		}
	}
	slices.Sort(x.Lost)
}
