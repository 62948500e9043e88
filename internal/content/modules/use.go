package modules

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/modcache"
)

// RefreshAfter is how old a recorded last use gets before it alone is a reason to write a manifest:
// rarely enough that an unchanged job writes nothing, often enough for ages in days.
const RefreshAfter = 24 * time.Hour

// learnUse finds out what the go command has in use, unless that is known, and returns when it was
// asked last.
func (s *scanner) learnUse(ctx context.Context, list []modcache.Module) (asked time.Time) {
	before := s.Stock.Asked(s.Keys.Key.Digest)
	if s.Use == nil || !s.useIsKnown(ctx, before, list) {
		if err := s.askUse(ctx); err != nil {
			s.Warn("which modules were used is not known exactly, what go.sum names is kept: %v", err)
		}
		return s.Start
	}
	if len(s.Stock.Manifests()) > 0 {
		return before
	}
	return s.Start
}

// askUse lets the go command tell which modules are in use. Where it cannot, everything that go.sum
// names is.
func (s *scanner) askUse(ctx context.Context) (err error) {
	if s.Use != nil {
		s.provides, err = s.Use(ctx)
	}
	if s.provides == nil {
		s.provides = make(map[module.Version]bool, len(s.Keys.Sums.Zip))
		for v := range s.Keys.Sums.Zip {
			s.provides[v] = true
		}
	}
	return err
}

// useIsKnown reports whether the go command need not be asked, which takes about a second on a
// project of some size: it was asked for a snapshot of the same module files within RefreshAfter,
// for which a record may be too old anyway, or everything is new.
func (s *scanner) useIsKnown(ctx context.Context, asked time.Time, list []modcache.Module) bool {
	if s.Bounded {
		return false
	}
	if len(s.Stock.Manifests()) == 0 {
		return s.allNew(ctx, list)
	}
	d := s.Start.Sub(asked)
	return -RefreshAfter < d && d < RefreshAfter && !slices.ContainsFunc(list, s.isLeaving)
}

// allNew reports whether every module came or was read during the job, or within RefreshAfter where
// no restore says when that began.
func (s *scanner) allNew(ctx context.Context, list []modcache.Module) bool {
	uses, errs := make([]modcache.Use, len(list)), make([]error, len(list))
	_ = install.Each(ctx, len(list), 2*runtime.GOMAXPROCS(0), func(i int) { uses[i], errs[i] = s.Cache.Use(list[i].Version, time.Time{}) })
	if ctx.Err() != nil {
		return false
	}
	s.uses = make(map[module.Version]modcache.Use, len(list))
	recent, since := true, s.Start.Add(-RefreshAfter)
	if s.State != nil {
		since = s.State.Time
	}
	for i, m := range list {
		if errs[i] != nil {
			recent = false
			continue
		}
		s.uses[m.Version] = uses[i]
		recent = recent && !uses[i].Last().Before(since)
	}
	return recent
}

// isLeaving reports whether a module is about to go for its age: then it must be certain that it is
// not in use.
func (s *scanner) isLeaving(m modcache.Module) bool {
	old := s.Stock.Module(m.Version, m.Sum)
	return s.MaxAge > 0 && old != nil && old.LastUse < s.Start.Add(RefreshAfter-s.MaxAge).Unix()
}

// lastUse decides when a version was used last. before is what the snapshot knows, 0 for nothing.
//
// What provides a package to the project is in use. Of the rest the file system tells, where it
// does: its files were read during the job (a tool, another platform, other build tags), or it came
// during the job. Where the go command was not asked this time, the record of what provides
// packages is not a day old.
func (s *scanner) lastUse(v module.Version, before int64) int64 {
	if s.provides[v] {
		return s.Start.Unix()
	}
	var since time.Time
	if s.State != nil {
		since = s.State.Time
	}
	u, err := s.use(v, since)
	if err != nil {
		// Measure or the upload will say what is wrong with it
		return cmp.Or(before, s.Start.Unix())
	}
	seen := u.Read
	if before == 0 || s.State == nil {
		// Nobody restored it, so the go command did: at that time it was needed.
		seen = u.Last()
	}
	return max(before, min(seen.Unix(), s.Start.Unix()))
}

// use is what the file system tells. Of a file read after enough it asks no further.
func (s *scanner) use(v module.Version, enough time.Time) (modcache.Use, error) {
	if u, known := s.uses[v]; known {
		return u, nil
	}
	return s.Cache.Use(v, enough)
}
