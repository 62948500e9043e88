package save

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
)

// localModule is a complete module version that is here. Its record has no
// Size before it is known to be stored.
type localModule struct {
	rec    snapshot.Module
	stored bool
	failed bool // not fit to be stored
}

func (m *localModule) version() module.Version {
	return module.Version{Path: m.rec.Path, Version: m.rec.Version}
}

// scanModules lists the complete module versions, and drops those that go.sum contradicts.
func (r *run) scanModules(ctx context.Context) error {
	found, err := r.mods.Scan(ctx)
	if err != nil {
		return err
	}
	warnUnread(&r.tally, "module cache", r.unread)
	found = slices.DeleteFunc(found, func(m modcache.Module) bool {
		return m.State != modcache.Complete || r.NoToolchains && m.Version.Path == modcache.Toolchain
	})
	r.asked = r.start
	if before := r.prev.asked(r.Keys.Key.Digest); r.ModuleUse == nil || !r.useIsKnown(before, found) {
		if err := r.askUse(ctx); err != nil {
			r.tally.warn("which modules were used is not known exactly, what go.sum names is kept: %v", err)
		}
	} else if len(r.prev.manifests) > 0 {
		r.asked = before
	}
	r.adviseZips(found)
	r.addModules(ctx, found)
	return context.Cause(ctx)
}

// adviseZips says if the job fetched the zips of modules whose trees were restored: only "go mod
// download" does that, and it does so for all of them, in each job.
func (r *run) adviseZips(found []modcache.Module) {
	if r.State == nil || r.State.Matched == nil || r.State.ZipsRebuilt {
		return
	}
	n := 0
	for _, m := range found {
		if m.HasZip && r.prev.module(m.Version.Path, m.Version.Version, m.Sum) != nil && r.mods.ZipTime(m.Version).After(r.State.Time) {
			n++
		}
	}
	if n > 0 {
		r.tally.warn("the job fetched the zips of %d modules whose trees were restored, as 'go mod download' does: leave that command out, or restore with --zips rebuild, which makes the zips from the trees", n)
	}
}

// addModules looks at all trees, of which a cache can have tens of thousands of files, on all
// cores.
func (r *run) addModules(ctx context.Context, found []modcache.Module) {
	added := make([]*localModule, len(found))
	forEach(len(found), func(i int) {
		m := found[i]
		if ctx.Err() != nil { // each is measured, file by file
			return
		}
		var err error
		if added[i], err = r.localModule(m); err != nil {
			if errors.Is(err, modcache.ErrIrregular) {
				err = fmt.Errorf("%w; let the go command make it anew: %s", err, r.mods.Removal(m.Version))
			}
			r.tally.warn("module %s is not saved: %v", m.Version, err)
			r.tally.add(func(res *Result) { res.Modules.Skipped++ })
		}
	})
	for _, m := range added {
		if m != nil {
			r.modules = append(r.modules, *m)
		}
	}
}

// forEach calls do(0) to do(n-1), some at once, and waits.
func forEach(n int, do func(i int)) {
	var g errgroup.Group
	g.SetLimit(2 * runtime.GOMAXPROCS(0))
	for i := range n {
		g.Go(func() error { do(i); return nil })
	}
	g.Wait()
}

// askUse lets the go command tell which modules are in use. Where it cannot, everything that go.sum
// names is.
func (r *run) askUse(ctx context.Context) (err error) {
	if r.ModuleUse != nil {
		r.provides, err = r.ModuleUse(ctx)
	}
	if r.provides == nil {
		r.provides = make(map[module.Version]bool, len(r.Keys.Sums.Zip))
		for v := range r.Keys.Sums.Zip {
			r.provides[v] = true
		}
	}
	return err
}

// useIsKnown reports whether the go command need not be asked, which takes about a second on a
// project of some size: it was asked for a snapshot of the same module files within refreshAfter,
// for which a record may be too old anyway, or everything is new.
func (r *run) useIsKnown(asked time.Time, found []modcache.Module) bool {
	if r.MaxSize > 0 || r.MaxModules > 0 {
		return false // what goes depends on the order of uses
	}
	if len(r.prev.manifests) == 0 {
		return r.allNew(found)
	}
	d := r.start.Sub(asked)
	return -refreshAfter < d && d < refreshAfter && !slices.ContainsFunc(found, r.isLeaving)
}

// allNew reports whether every module came or was read within refreshAfter.
func (r *run) allNew(found []modcache.Module) bool {
	uses, bad := make([]modcache.Use, len(found)), make([]error, len(found))
	forEach(len(found), func(i int) { uses[i], bad[i] = r.mods.Use(found[i].Version, time.Time{}) })
	r.uses = make(map[module.Version]modcache.Use, len(found))
	recent := true
	for i, m := range found {
		if bad[i] != nil {
			recent = false
			continue
		}
		r.uses[m.Version] = uses[i]
		recent = recent && r.start.Sub(uses[i].Last()) <= refreshAfter
	}
	return recent
}

// isLeaving reports whether a module is about to go for its age: then it must be certain that it is
// not in use.
func (r *run) isLeaving(m modcache.Module) bool {
	old := r.prev.module(m.Version.Path, m.Version.Version, m.Sum)
	return r.MaxAge > 0 && old != nil && old.LastUse < r.start.Add(refreshAfter-r.MaxAge).Unix()
}

// localModule is what the snapshot will say of a module, unless go.sum contradicts it.
func (r *run) localModule(m modcache.Module) (*localModule, error) {
	v := m.Version
	want, inSum := r.Keys.Sums.Zip[v]
	if inSum && want != m.Sum {
		return nil, fmt.Errorf("its hash is %s, go.sum says %s: builds refuse it, and 'go clean -modcache' removes it", m.Sum, want)
	}
	rec := snapshot.Module{Path: v.Path, Version: v.Version, Sum: m.Sum, InSum: inSum}
	if old := r.prev.module(v.Path, v.Version, m.Sum); old != nil {
		rec = *old
		rec.InSum, rec.LastUse = inSum, r.moduleUse(v, old.LastUse)
		return &localModule{rec: rec, stored: true}, nil
	}
	rec.LastUse = r.moduleUse(v, 0)
	var err error
	if rec.Object, err = r.moduleObject(v, m.Sum); err != nil {
		return nil, err
	}
	if rec.Files, rec.Bytes, err = r.mods.Measure(v); err != nil {
		return nil, err
	}
	if rec.ModSum, err = r.modSum(v); err != nil {
		return nil, err
	}
	return &localModule{rec: rec}, nil
}

func (r *run) moduleObject(v module.Version, sum string) (string, error) {
	if module.MatchPrefixPatterns(r.Private, v.Path) {
		return snapshot.ScopedModuleObject(r.Repo, r.Scope, v, sum)
	}
	return snapshot.ModuleObject(v, sum)
}

// modSum hashes the cached go.mod as a "/go.mod" line of go.sum does. Toolchains have none.
func (r *run) modSum(v module.Version) (string, error) {
	name, ok := r.mods.ModFile(v)
	if !ok {
		return "", nil
	}
	return dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return r.mods.OpenFile(name) })
}

// moduleUse decides when a version was used last. before is what the snapshot knows, 0 for nothing.
//
// What provides a package to the project is in use. Of the rest the file system tells, where it
// does: its files were read during the job (a tool, another platform, other build tags), or it came
// during the job. Where the go command was not asked this time, the record of what provides
// packages is not a day old.
func (r *run) moduleUse(v module.Version, before int64) int64 {
	if r.provides[v] {
		return r.start.Unix()
	}
	var since time.Time
	if r.State != nil {
		since = r.State.Time
	}
	u, known := r.uses[v]
	var err error
	if !known {
		u, err = r.mods.Use(v, since)
	}
	if err != nil {
		// Measure or the upload will say what is wrong with it
		return cmp.Or(before, r.start.Unix())
	}
	seen := u.Read
	if before == 0 || r.State == nil {
		// Nobody restored it, so the go command did: at that time it was needed.
		seen = u.Last()
	}
	return max(before, min(seen.Unix(), r.start.Unix()))
}

// mergeModules joins the modules that are here and those of own, sorted by path and version. Of a
// version that both have, any use counts.
func (r *run) mergeModules(own *snapshot.Manifest) []localModule {
	here := map[module.Version]int{}
	var mods []localModule
	for _, m := range r.modules {
		here[m.version()] = len(mods)
		if !m.failed {
			mods = append(mods, m)
		}
	}
	if own != nil {
		for _, m := range own.Modules {
			i, ok := here[module.Version{Path: m.Path, Version: m.Version}]
			switch {
			case !ok && !r.prev.isBad(m.Object):
				mods = append(mods, localModule{rec: m, stored: true})
			case ok && i < len(mods) && mods[i].rec.Path == m.Path && mods[i].rec.Version == m.Version && mods[i].rec.Sum == m.Sum:
				mods[i].rec.LastUse = max(mods[i].rec.LastUse, m.LastUse)
			}
		}
	}
	slices.SortFunc(mods, func(x, y localModule) int {
		return cmp.Or(cmp.Compare(x.rec.Path, y.rec.Path), cmp.Compare(x.rec.Version, y.rec.Version))
	})
	return mods
}

// splitModules tells what is stored from what is not yet.
func splitModules(mods []localModule) (stored []snapshot.Module, missing []localModule) {
	for _, m := range mods {
		if m.stored {
			stored = append(stored, m.rec)
		} else {
			missing = append(missing, m)
		}
	}
	return stored, missing
}
