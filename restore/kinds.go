package restore

import (
	"context"
	"errors"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/build"
	"github.com/org/gocache-action/internal/content/graph"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/content/modules"
	"github.com/org/gocache-action/internal/content/paths"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
)

// plan is what is to be done for one kind of content, and what became of it.
type plan struct {
	install.Prepared
	early bool            // its jobs come first
	parts map[string]int  // how many jobs read a pack, where those are jobs of their own
	done  install.Outcome // of its jobs
}

// kind is a kind of content.
type kind struct {
	prepare install.Prepare
	// early kinds consist of few objects, and the go command needs them whatever it does.
	early bool
}

// kinds lists the kinds of content that are restored, in the order in which they are reported.
func kinds(o Options, f finding, p places) (list []kind) {
	if p.modules != nil {
		list = append(list, kind{prepare: install.Bind(modulesKind(o, f, p))})
	}
	if p.build != nil {
		list = append(list, kind{prepare: install.Bind(buildKind(o, f.manifest(), p))})
	}
	trees := graph.Restore{Sums: o.Keys.Sums, Modules: p.modules, Build: p.build, Fuzz: o.Fuzz}
	if p.build != nil {
		trees.Cache = buildcache.Open(o.BuildDir)
	}
	return append(list,
		kind{install.Bind(trees), true},
		kind{install.Bind(paths.Restore{Paths: o.Paths, Places: p.paths}), true})
}

func modulesKind(o Options, f finding, p places) modules.Restore {
	matched := f.matched(o.Keys.Key.Digest)
	k := modules.Restore{
		Rules: modules.Rules{
			Keys: o.Keys, Exact: matched != nil && matched.Exact, Repo: o.Repo, Scopes: o.scopes(),
			Private: o.Private, Zips: o.Zips, NoToolchains: o.NoToolchains,
		},
		Cache: o.modCache(), Place: p.modules,
	}
	// A trusted key vouches for the snapshot, unless everything has to be checked.
	if o.SumDB != nil && (o.Trust == nil || o.SumDBAlways) {
		k.Check = modules.AskDatabase(o.SumDB, o.ModDir, o.SumDBAlways)
	}
	return k
}

func (o *Options) modCache() *modcache.Cache {
	return modcache.Open(o.ModDir, modcache.Options{Writable: o.ModWritable})
}

func buildKind(o Options, m *snapshot.Manifest, p places) build.Restore {
	return build.Restore{
		Cache: buildcache.Open(o.BuildDir), Place: p.build, PartSize: o.PartSize, Verify: o.VerifyOutputs,
		Scanning: func(bytes int64) { o.tellMemory(m, bytes-transferMemory) },
	}
}

// prepare compares all kinds of content with the local disk, concurrently, and plans each.
func prepare(ctx context.Context, o Options, f finding, p places) ([]plan, error) {
	o.tellMemory(f.manifest(), 0)
	o.Meter.SetPhase("compare")
	if o.VerifyOutputs {
		o.Meter.SetPhase("verify")
	}
	list := kinds(o, f, p)
	plans := make([]plan, len(list))
	g, ctx := errgroup.WithContext(ctx)
	for i, k := range list {
		g.Go(func() (err error) {
			plans[i].early = k.early
			plans[i].Prepared, err = k.prepare(ctx, f.manifest())
			return err
		})
	}
	return plans, g.Wait()
}

// places are the directories that a restore fills. The place of a cache that is switched off is
// nil.
type places struct {
	modules, build *install.Place
	paths          map[string]*install.Place // by name
}

func newPlaces(o Options) places {
	p := places{paths: map[string]*install.Place{}}
	if o.ModDir != "" {
		p.modules = install.NewPlace("module cache " + o.ModDir)
	}
	if o.BuildDir != "" {
		p.build = install.NewPlace("build cache " + o.BuildDir)
	}
	for _, path := range o.Paths {
		p.paths[path.Name] = install.NewPlace("path " + path.Name)
	}
	return p
}

// failed joins the reasons why places were given up. A place that held something already has not
// failed just because nothing could be added to it.
func (p places) failed(plans []plan) error {
	for _, k := range plans {
		if total := k.total(); total.Counts.Present > 0 {
			p.works(k.Name)
		}
	}
	var errs []error
	for _, place := range p.all() {
		errs = append(errs, place.Result())
	}
	return errors.Join(errs...)
}

// countUnwritten counts as not written what was left to do when places were given up.
func (p places) countUnwritten(plans []plan) {
	for i := range plans {
		k := &plans[i]
		if p.gaveUp(k.Name) {
			c := k.done.Counts
			k.done.Counts.Unwritten += max(0, k.Fetch+k.Unlisted-c.Restored-c.Present-c.Missing-c.Refused-c.Unwritten)
		}
	}
}

// gaveUp reports whether a place for a kind of content was given up.
func (p places) gaveUp(kind string) bool {
	switch kind {
	case modules.Name:
		return p.modules.Err() != nil
	case build.Name:
		return p.build.Err() != nil
	case paths.Name:
		for _, place := range p.paths {
			if place.Err() != nil {
				return true
			}
		}
	}
	return false
}

// tolerated joins the reasons why parts of places could not be written.
func (p places) tolerated() error {
	var errs []error
	for _, place := range p.all() {
		errs = append(errs, place.Tolerated())
	}
	return errors.Join(errs...)
}

func (p places) works(kind string) {
	switch kind {
	case modules.Name:
		p.modules.Works()
	case build.Name:
		p.build.Works()
	}
}

func (p places) all() (list []*install.Place) {
	for _, place := range []*install.Place{p.modules, p.build} {
		if place != nil {
			list = append(list, place)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.paths)) {
		list = append(list, p.paths[name])
	}
	return list
}

// total adds up what was known of a kind when it was planned, and what became of its jobs.
func (k plan) total() (out install.Outcome) {
	out.Add(k.Known)
	out.Add(k.done)
	return out
}
