package save

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/content/build"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/graph"
	"github.com/org/gocache-action/internal/content/modules"
	"github.com/org/gocache-action/internal/content/paths"
	"github.com/org/gocache-action/internal/lookup"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// gathered is what is stored and what is here.
type gathered struct {
	facts   facts
	latest  lookup.Found  // in the own scope, under the key without the digest
	version store.Version // of facts.exact
	memory  shared
	reuse   *Reuse
	timed   int // see Result.Timed
	// see Result.Withheld
	withheld LeftOut
	unused   LeftOut // see Result.Unused
	foreign  Foreign // see Result.Foreign
	// what could not be read or is not fit to be stored
	unreadable, skippedModules int
}

// gatherer is the first phase of a save.
type gatherer struct{ job }

// gather reads what is stored and what is here.
func (j gatherer) gather(ctx context.Context) (gathered, error) {
	j.Meter.SetPhase("look up")
	if err := j.probe(ctx); err != nil {
		return gathered{}, err
	}
	prev, err := j.readPrevious(ctx)
	if err != nil {
		return gathered{}, err
	}
	j.Meter.SetPhase("scan")
	l, err := j.scan(ctx, prev)
	if err != nil {
		return gathered{}, err
	}
	g := gathered{
		withheld: LeftOut{l.modules.Withheld, l.build.Withheld},
		unused:   LeftOut{l.modules.Foreign, l.build.Unused},
		foreign:  Foreign{l.build.Foreign, l.build.ForeignModules[:min(shownForeign, len(l.build.ForeignModules))]},
		facts:    j.facts(prev, l), latest: prev.latest, version: prev.exact.Version,
		reuse: l.build.Reuse, timed: l.build.Timed, unreadable: l.build.Unreadable, skippedModules: l.modules.Skipped,
	}
	g.memory = j.shareMemory(g.facts.stock, l.build.Local, g.facts.exact)
	return g, nil
}

// probeTime is how long a save waits for a store that did not answer the restore of the same job.
const probeTime = 5 * time.Second

// probe asks for one object first, if the restore of this job found that the store does not answer:
// all timeouts and retries of a whole save would only hold up a job that has waited for them once.
func (j gatherer) probe(ctx context.Context) error {
	if j.State == nil || !j.State.Unreachable {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, probeTime, fmt.Errorf("%w: no answer within %s", store.ErrUnreachable, probeTime))
	defer cancel()
	_, err := j.Store.Stat(ctx, snapshot.ManifestObject(j.Repo, j.Scope, j.Keys.Key.Latest()))
	if err == nil || errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return fmt.Errorf("as in the restore of this job: %w", err)
}

// local is what is here.
type local struct {
	modules modules.Found
	build   build.Found
	graph   graph.Local
	paths   paths.Local
}

// scanBuild lists the build cache. If private modules are withheld, it waits for those that are
// here: what was compiled may be of a module that the project does not use. So it does on a machine
// that keeps its caches, for the modules that the job brought.
func (j gatherer) scanBuild(ctx context.Context, env collect.Env, prev previous, scanned <-chan modules.Found) (build.Found, error) {
	o := j.buildOptions(prev)
	found := sync.OnceValues(func() (modules.Found, error) {
		select {
		case f := <-scanned:
			return f, nil
		case <-ctx.Done():
			return modules.Found{}, context.Cause(ctx)
		}
	})
	if j.Withhold != nil {
		f, err := found()
		if err != nil {
			return build.Found{}, err
		}
		o.Public, o.Mentions = true, mentions(j.Withhold, f.Private)
	}
	if j.Own != nil {
		o.Own = func(context.Context) (build.Own, error) {
			f, err := found()
			return j.own(f.Local.Versions()), err
		}
	}
	return j.listBuild(ctx, env, o)
}

func (j gatherer) listBuild(ctx context.Context, env collect.Env, o build.ScanOptions) (build.Found, error) {
	found, err := build.Scan(ctx, env, o)
	if err != nil {
		return found, fmt.Errorf("build cache %s: %w", j.BuildDir, err)
	}
	return found, nil
}

// scan lists both caches and the paths at once: the cache of modules waits for the go command,
// which says what provides packages. The trees come last, as they depend on what is in the caches.
func (j gatherer) scan(ctx context.Context, prev previous) (l local, err error) {
	env := j.env(prev.stock)
	var cache *modcache.Cache
	unread := new(modules.Unread)
	var known []error
	g, all := errgroup.WithContext(ctx)
	scanned := make(chan modules.Found, 1)
	if j.ModDir == "" {
		scanned <- modules.Found{}
	}
	if j.BuildDir != "" {
		g.Go(func() (err error) {
			l.build, err = j.scanBuild(all, env, prev, scanned)
			return err
		})
	}
	if j.ModDir != "" {
		cache = modcache.Open(j.ModDir, modcache.Options{Unread: unread.Add})
		g.Go(func() (err error) {
			if l.modules, known, err = modules.Scan(all, env, j.moduleOptions(cache, unread)); err != nil {
				return fmt.Errorf("module cache %s: %w", j.ModDir, err)
			}
			scanned <- l.modules
			return nil
		})
	}
	g.Go(func() (err error) {
		l.paths, err = paths.Scan(all, env, j.Paths)
		return err
	})
	if err := g.Wait(); err != nil {
		return l, err
	}
	l.graph, err = graph.Scan(ctx, env, j.graphOptions(cache, prev, l))
	skips := collect.NewSkips("module cache", j.ModDir)
	for _, err := range unread.Take(known) {
		skips.Add("directory", "", err)
	}
	skips.Warn(env.Warn)
	return l, err
}

func (j gatherer) buildOptions(prev previous) build.ScanOptions {
	lists := previousBytes(prev.stock.Manifests())
	return build.ScanOptions{
		Dir: j.BuildDir, Fuzz: j.Fuzz, Known: sameKey(prev.exact.Manifest, prev.stock, j.Scope, j.Keys.Key.Digest) != nil,
		StableTimes: j.StableTimes, GoVersion: j.GoVersion, GOROOT: j.GOROOT, GOMODCACHE: j.GOMODCACHE,
		Getenv: j.Getenv, Modules: j.Keys.Sums.Zip,
		Memory: func(n int64) { j.tellMemory(lists + n) },
	}
}

// own adds to the modules of the project those that go.sum names, and those that are here, of which
// the job may have run tools.
func (j gatherer) own(here map[module.Version]bool) build.Own {
	o := build.Own{Modules: map[string]bool{}, Dirs: j.Own.Dirs}
	for _, path := range j.Own.Modules {
		o.Modules[path] = true
	}
	for v := range j.Keys.Sums.Zip {
		o.Modules[v.Path] = true
	}
	for v := range here {
		o.Modules[v.Path] = true
	}
	return o
}

// mentions lists paths of modules as outputs spell them: as import paths, and as the directories of
// GOMODCACHE are called.
func mentions(lists ...[]string) (all []string) {
	for _, path := range slices.Concat(lists...) {
		all = append(all, path)
		if escaped, err := module.EscapePath(path); err == nil {
			all = append(all, escaped)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (j gatherer) moduleOptions(cache *modcache.Cache, unread *modules.Unread) modules.ScanOptions {
	return modules.ScanOptions{
		Cache: cache, Unread: unread, Repo: j.Repo, Scope: j.Scope, Private: j.Private, NoPrivate: j.Withhold != nil, Keys: j.Keys,
		NoToolchains: j.NoToolchains, Foreign: j.foreign(cache), Use: j.ModuleUse, MaxAge: j.MaxAge, Bounded: j.MaxSize > 0 || j.MaxModules > 0,
	}
}

// foreign reports, on a machine that keeps one of its caches, of which versions nobody has asked
// the checksum database that are not private here. The go command asks about whatever it fetches
// for this job that no go.sum names, and a restore refuses what the database does not know. So
// another project fetched such a version, to which it may be private.
func (j gatherer) foreign(cache *modcache.Cache) func(module.Version) bool {
	if !j.SumDB || j.State == nil || !j.State.KeptModules && !j.State.KeptBuild {
		return nil
	}
	return func(v module.Version) bool {
		return !module.MatchPrefixPatterns(j.Private, v.Path) && !cache.IsLookedUp(v)
	}
}

func (j gatherer) graphOptions(cache *modcache.Cache, prev previous, l local) graph.ScanOptions {
	own := prev.exact.Manifest
	o := graph.ScanOptions{
		Modules: cache, Here: l.modules.Local.Versions(), Sums: j.Keys.Sums, Oldest: -1 << 62,
		BuildDir: j.BuildDir, Fuzz: l.build.Fuzz, HasOwn: own != nil,
	}
	if cache != nil {
		o.Foreign = j.foreign(cache)
	}
	if j.Withhold != nil {
		o.Private = j.Private
	}
	if _, off := j.rules().policy(own); off == "" {
		o.Oldest = collect.Base{Start: j.start, MaxAge: j.MaxAge}.Oldest(0)
	}
	return o
}

// facts puts together what a plan is made of.
func (j gatherer) facts(prev previous, l local) facts {
	h := head{
		repo: j.Repo, scope: j.Scope, key: j.Keys.Key, writer: j.Writer, asked: l.modules.Asked,
		builtWith: j.BuiltWith, build: j.BuildDir != "", restored: j.restored(prev.stock),
	}
	var kinds [kinds]collect.Kind
	kinds[kindModules], kinds[kindBuild], kinds[kindGraph], kinds[kindPaths] = l.modules.Local, l.build.Local, l.graph, l.paths
	return facts{kinds: kinds, stock: prev.stock, exact: prev.exact.Manifest, joined: prev.joined, head: h, rules: j.rules()}
}

// restored lists the snapshot that the restore of this job found, if it is still known.
func (j gatherer) restored(stock *collect.Stock) (list []*snapshot.Manifest) {
	if j.State == nil || j.State.Matched == nil {
		return nil
	}
	for _, m := range stock.Manifests() {
		if m.Scope == j.State.Matched.Scope && m.Writer.Time.Equal(j.State.Matched.Saved) {
			list = append(list, m)
		}
	}
	return list
}

// rules are what the options ask for.
func (j gatherer) rules() rules {
	r := rules{
		start: j.start, failed: j.JobFailed, maxAge: j.MaxAge,
		maxSize: j.MaxSize, maxModules: j.MaxModules, maxBuild: j.MaxBuild, repackBudget: j.RepackBudget,
		usedSince: j.env(nil).UsedSince(),
	}
	if j.State != nil {
		r.began = j.State.Time
	}
	return r
}
