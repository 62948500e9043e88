package modules

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/keys"
)

// ScanOptions say what a save wants to know of a module cache.
type ScanOptions struct {
	Cache        *modcache.Cache
	Unread       *Unread
	Repo, Scope  string
	Private      string // patterns as in GOPRIVATE
	NoPrivate    bool   // leave those modules out
	Keys         keys.Plan
	NoToolchains bool
	// Foreign reports whether a version that go.sum does not name may be private to another
	// project.
	Foreign func(module.Version) bool
	Use     func(context.Context) (map[module.Version]bool, error) // see save.Options.ModuleUse
	MaxAge  time.Duration
	Bounded bool // what goes depends on the order of uses
}

// Found is what a scan finds out.
type Found struct {
	Local   Local
	Asked   time.Time // when the go command told last what is in use
	Skipped int       // modules that are not fit to be stored
	// Withheld is how many modules were left out because they are private.
	Withheld int
	// Foreign is how many were left out because this job did not use them, and neither a snapshot
	// nor go.sum has them.
	Foreign int
	// Private are the paths of the private modules of which there is anything, with NoPrivate.
	Private []string
}

// Unread collects what of a module cache cannot be read. Safe for concurrent use: mu guards list.
type Unread struct {
	mu   sync.Mutex
	list []error
}

// Add is modcache.Options.Unread.
func (u *Unread) Add(name string, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.list = append(u.list, fmt.Errorf("%s: %w", name, err))
}

// Take returns what was added since the last call, but for what was returned before.
func (u *Unread) Take(known []error) []error {
	u.mu.Lock()
	defer u.mu.Unlock()
	list := slices.DeleteFunc(u.list, func(err error) bool {
		return slices.ContainsFunc(known, func(k error) bool { return k.Error() == err.Error() })
	})
	u.list = nil
	return list
}

// scanner is at work on one cache. What its workers share they only read.
type scanner struct {
	collect.Env
	ScanOptions
	// provides is what the go command told; nil: it was not asked.
	provides map[module.Version]bool
	// what the file system tells, where all was asked for it
	uses map[module.Version]modcache.Use
}

// Scan lists the complete module versions, and drops those that go.sum contradicts.
func Scan(ctx context.Context, env collect.Env, o ScanOptions) (Found, []error, error) {
	s := &scanner{Env: env, ScanOptions: o}
	list, err := o.Cache.Scan(ctx)
	if err != nil {
		return Found{}, nil, err
	}
	private := s.privatePaths(list)
	unread := o.Unread.Take(nil)
	skips := collect.NewSkips("module cache", o.Cache.Dir())
	for _, err := range unread {
		skips.Add("directory", "", err)
	}
	list = slices.DeleteFunc(list, func(m modcache.Module) bool {
		return m.State != modcache.Complete || o.NoToolchains && m.Version.Path == modcache.Toolchain
	})
	found := Found{Asked: s.learnUse(ctx, list), Private: private}
	if o.NoPrivate {
		all := len(list)
		list = slices.DeleteFunc(list, s.isPrivate)
		found.Withheld = all - len(list)
	}
	all := len(list)
	list = s.ownModules(ctx, list)
	found.Foreign = all - len(list)
	s.adviseZips(list)
	found.Local, found.Skipped = s.measure(ctx, list, skips)
	skips.Warn(env.Warn)
	return found, unread, context.Cause(ctx)
}

// ownModules leaves out what is of other projects. It looks at all files of those.
func (s *scanner) ownModules(ctx context.Context, list []modcache.Module) []modcache.Module {
	foreign := make([]bool, len(list))
	_ = install.Each(ctx, len(list), 2*runtime.GOMAXPROCS(0), func(i int) { foreign[i] = s.isForeign(list[i]) })
	return collect.Drop(list, foreign)
}

// isForeign reports whether a module is of another project: nobody who used this snapshot needed
// it, nor this job. What is known of its use decides as in lastUse.
func (s *scanner) isForeign(m modcache.Module) bool {
	v := m.Version
	if s.State == nil || s.provides[v] || s.Keys.Sums.Zip[v] != "" || s.Stock.Module(v, m.Sum) != nil {
		return false
	}
	if s.Foreign != nil && s.Foreign(v) {
		return true
	}
	if !s.Cache.IsLookedUp(v) {
		u, err := s.use(v, s.State.Time)
		return err == nil && s.IsBefore(u.Last())
	}
	// Everybody may have it. A tool that several projects use may have been read by another one
	// today, after which a file system records no read for a day (relatime).
	u, err := s.use(v, s.State.Time.Add(-RefreshAfter))
	return err == nil && s.Cache.RecordsReads() && s.IsBefore(u.Last().Add(RefreshAfter))
}

func (s *scanner) isPrivate(m modcache.Module) bool {
	return module.MatchPrefixPatterns(s.Private, m.Version.Path)
}

func (s *scanner) privatePaths(list []modcache.Module) (paths []string) {
	if !s.NoPrivate {
		return nil
	}
	for _, m := range list {
		if s.isPrivate(m) {
			paths = append(paths, m.Version.Path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// adviseZips says if the job fetched the zips of modules whose trees were restored: only "go mod
// download" does that, and it does so for all of them, in each job.
func (s *scanner) adviseZips(list []modcache.Module) {
	if s.State == nil || s.State.Matched == nil || s.State.ZipsRebuilt {
		return
	}
	n := 0
	for _, m := range list {
		if m.HasZip && s.Stock.Module(m.Version, m.Sum) != nil && s.Cache.ZipTime(m.Version).After(s.State.Time) {
			n++
		}
	}
	if n > 0 {
		s.Warn("the job fetched the zips of %s restored as trees, as 'go mod download' does: leave that command out, or restore with --zips rebuild, which makes the zips from the trees", quantity.Counted(n, "module"))
	}
}

// measure looks at all trees, of which a cache can have tens of thousands of files, on all cores.
func (s *scanner) measure(ctx context.Context, list []modcache.Module, skips *collect.Skips) (l Local, skipped int) {
	added, errs := make([]*localModule, len(list)), make([]error, len(list))
	_ = install.Each(ctx, len(list), 2*runtime.GOMAXPROCS(0), func(i int) { added[i], errs[i] = s.localModule(list[i]) })
	l.cache = s.Cache
	for i, m := range added {
		switch err := errs[i]; {
		case err != nil:
			if errors.Is(err, modcache.ErrIrregular) {
				err = fmt.Errorf("%w; let the go command make it anew: %s", err, s.Cache.Removal(list[i].Version))
			}
			skips.Add("module", "module "+list[i].Version.String(), err)
			skipped++
		case m != nil:
			l.list = append(l.list, *m)
		}
	}
	return l, skipped
}

// localModule is what the snapshot will say of a module, unless go.sum contradicts it.
func (s *scanner) localModule(m modcache.Module) (*localModule, error) {
	v := m.Version
	want, inSum := s.Keys.Sums.Zip[v]
	if inSum && want != m.Sum {
		return nil, fmt.Errorf("its hash is %s, go.sum says %s: builds refuse it, and 'go clean -modcache' removes it", m.Sum, want)
	}
	if old := s.Stock.Module(v, m.Sum); old != nil {
		rec := *old
		rec.InSum, rec.LastUse = inSum, s.lastUse(v, old.LastUse)
		return &localModule{rec: rec, stored: true}, nil
	}
	rec := snapshot.Module{Path: v.Path, Version: v.Version, Sum: m.Sum, InSum: inSum, LastUse: s.lastUse(v, 0)}
	private := module.MatchPrefixPatterns(s.Private, v.Path)
	var err error
	if rec.Object, err = s.object(v, m.Sum, private); err != nil {
		return nil, err
	}
	if rec.Files, rec.Bytes, err = s.Cache.Measure(v); err != nil {
		return nil, err
	}
	if rec.ModSum, err = s.modSum(v); err != nil {
		return nil, err
	}
	return &localModule{rec: rec, private: private}, nil
}

func (s *scanner) object(v module.Version, sum string, private bool) (string, error) {
	if private {
		return snapshot.ScopedModuleObject(s.Repo, s.Scope, v, sum)
	}
	return snapshot.ModuleObject(v, sum)
}

// modSum hashes the cached go.mod as a "/go.mod" line of go.sum does. Toolchains have none.
func (s *scanner) modSum(v module.Version) (string, error) {
	name, ok := s.Cache.ModFile(v)
	if !ok {
		return "", nil
	}
	return dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return s.Cache.OpenFile(name) })
}
