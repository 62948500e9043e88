package trim

import (
	"context"
	"slices"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/retention"
)

// candidate is what is kept or dropped as a unit: a module version, the .mod and .info of one, a
// clone, or an action entry. The Content of an entry is the index of its output in inv.Outputs.
type candidate struct {
	retention.Item
	what    kind
	version module.Version // modules and graph files
	name    string         // clones
	entry   int            // index into inv.Entries
	broken  bool
	spared  bool // pinned only because it could be in use
	drop    bool
	reason  string
}

type kind uint8

const (
	aModule kind = iota
	aGraph       // .mod and .info without a tree
	aClone
	anEntry
)

func (k kind) String() string { return [...]string{"module", "graph", "clone", "build entry"}[k] }

func (t *trimming) scanBuild(ctx context.Context) (err error) {
	if t.inv, err = t.build.Scan(ctx, buildcache.ScanOptions{}); err != nil {
		return err
	}
	for _, err := range t.inv.Unread {
		t.warn("build cache: what lies there stays: %v", err)
	}
	t.unread = len(t.inv.Unread) > 0 || slices.ContainsFunc(t.inv.Broken, func(b buildcache.Broken) bool { return b.Unreadable })
	if t.Spare {
		t.sharing = findSharing(t.BuildDir, t.inv, t.watch)
	}
	t.candidates = slices.Grow(t.candidates, len(t.inv.Entries))
	for i, e := range t.inv.Entries {
		output, _ := t.inv.Find(e.Output) // it exists, else the scan would have dropped the entry
		t.candidates = append(t.candidates, candidate{
			Item: retention.Item{Kind: retention.Build, LastUse: t.sharing.use(e) / int64(time.Second), Size: e.Size, Content: int32(output)},
			what: anEntry, entry: i,
		})
		last := &t.candidates[len(t.candidates)-1]
		last.spared = t.sparesEntry(t.sharing.use(e))
		last.Pinned = last.spared
	}
	t.spareUnmarked()
	return nil
}

// scanModules lists versions and clones. It concludes that the file system records reads if there
// is any recorded read.
func (t *trimming) scanModules(ctx context.Context) error {
	found, err := t.mods.Scan(ctx)
	if err != nil {
		return err
	}
	known := false
	first := len(t.candidates)
	for _, m := range found {
		if err := ctx.Err(); err != nil {
			return err
		}
		u, err := t.mods.Use(m.Version, time.Time{})
		if err != nil {
			t.warn("%v", err)
			continue
		}
		known = known || !u.Read.IsZero()
		t.candidates = append(t.candidates, t.moduleCandidate(m, u))
	}
	records := t.mods.RecordsReads()
	t.res.UnknownUse, t.res.NoneRead = !known || !records, !known && records
	for i := first; i < len(t.candidates); i++ {
		t.candidates[i].Content = int32(i)
		t.candidates[i].Ageless = t.res.UnknownUse
	}
	if err := t.scanClones(); err != nil {
		return err
	}
	t.spareUnknown(t.candidates[first:])
	return nil
}

func (t *trimming) moduleCandidate(m modcache.Module, u modcache.Use) candidate {
	cand := candidate{what: aModule, version: m.Version}
	cand.Item = retention.Item{Kind: retention.Module, LastUse: unix(u.Last()), Size: u.Bytes + u.Zip}
	switch {
	case !m.HasTree && !m.HasZip && m.State == modcache.ModOnly:
		cand.what = aGraph
	case m.State == modcache.Broken:
		cand.broken = true
	}
	chosen := t.KeepToolchains && m.Version.Path == modcache.Toolchain && !cand.broken
	cand.spared = !chosen && t.spares(&cand)
	cand.Pinned = chosen || cand.spared
	return cand
}

func (t *trimming) scanClones() error {
	clones, err := t.mods.Clones()
	if err != nil {
		return err
	}
	for _, c := range clones {
		cand := candidate{what: aClone, name: c.Name}
		cand.Item = retention.Item{Kind: retention.Module, LastUse: unix(c.LastUse), Size: c.Bytes, Content: int32(len(t.candidates))}
		cand.spared = t.spares(&cand)
		cand.Pinned = cand.spared
		t.candidates = append(t.candidates, cand)
	}
	return nil
}

// decide marks the candidates that are dropped. Broken ones are dropped after the grace: no go
// command uses them.
func (t *trimming) decide() {
	items := make([]retention.Item, len(t.candidates))
	for i, cand := range t.candidates {
		items[i] = cand.Item
		items[i].LastUse = retention.Clamp(cand.LastUse, t.now)
		if cand.what == aGraph {
			// a few hundred bytes, dropped independently of all else, and only for their age
			items[i].Size = 0
		}
	}
	verdicts := retention.Decide(items, t.policy(t.now))
	t.warnOfSpared(items, verdicts)
	for i := range t.candidates {
		cand := &t.candidates[i]
		cand.drop, cand.reason = verdicts[i] != retention.Kept, verdicts[i].String()
		switch {
		case cand.broken:
			cand.drop, cand.reason = t.mods.Touched(cand.version).Before(t.now.Add(-grace)), "broken"
		case cand.what == aGraph && verdicts[i] == retention.TooMuch:
			cand.drop = false
		}
	}
}

func (o Options) policy(now time.Time) retention.Policy {
	return retention.Policy{Now: now, MaxAge: o.MaxAge, MaxSize: o.MaxSize, MaxModules: o.MaxModules, MaxBuild: o.MaxBuild}
}

// unix returns 0 for the zero time: an unknown time counts as long ago.
func unix(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.Unix()
}

// list adds a dropped candidate to the list of the largest.
func (t *trimming) list(cand *candidate) {
	d := Dropped{Kind: cand.what.String(), Bytes: cand.Size, LastUse: time.Unix(cand.LastUse, 0).UTC(), Reason: cand.reason}
	switch cand.what {
	case aGraph:
		return
	case aModule:
		d.Name = cand.version.String()
	case aClone:
		d.Name = cand.name
	case anEntry:
		d.Name = t.inv.Entries[cand.entry].Action.String()[:16]
	}
	t.res.Largest.Add(d)
}
