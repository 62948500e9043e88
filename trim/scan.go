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

// thing is what is kept or dropped as a whole: a version, the .mod of one, a clone, an action
// entry. The Content of an entry is the index of its output in inv.Outputs.
type thing struct {
	retention.Item
	what    kind
	version module.Version // modules and graph files
	name    string         // clones
	entry   int            // index into inv.Entries
	broken  bool
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
	t.things = slices.Grow(t.things, len(t.inv.Entries))
	for i, e := range t.inv.Entries {
		output, _ := t.inv.Find(e.Output) // it is there, else the scan had dropped the entry
		t.things = append(t.things, thing{
			Item: retention.Item{Kind: retention.Build, LastUse: e.ActionTime / int64(time.Second), Size: e.Size, Content: int32(output)},
			what: anEntry, entry: i,
		})
	}
	return nil
}

// scanModules lists versions and clones. Whether the file system records reads shows in whether it
// has recorded any.
func (t *trimming) scanModules(ctx context.Context) error {
	found, err := t.mods.Scan(ctx)
	if err != nil {
		return err
	}
	known := false
	first := len(t.things)
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
		t.things = append(t.things, t.moduleThing(m, u))
	}
	t.res.UnknownUse = !known || !t.mods.RecordsReads()
	for i := first; i < len(t.things); i++ {
		t.things[i].Content = int32(i)
		t.things[i].Ageless = t.res.UnknownUse
	}
	return t.scanClones()
}

func (t *trimming) moduleThing(m modcache.Module, u modcache.Use) thing {
	th := thing{what: aModule, version: m.Version}
	th.Item = retention.Item{Kind: retention.Module, LastUse: unix(u.Last()), Size: u.Bytes + u.Zip}
	switch {
	case !m.HasTree && !m.HasZip && m.State == modcache.ModOnly:
		th.what = aGraph
	case m.State == modcache.Broken:
		th.broken = true
	}
	th.Pinned = t.KeepToolchains && m.Version.Path == modcache.Toolchain && !th.broken
	return th
}

func (t *trimming) scanClones() error {
	clones, err := t.mods.Clones()
	if err != nil {
		return err
	}
	for _, c := range clones {
		t.things = append(t.things, thing{
			Item: retention.Item{Kind: retention.Module, LastUse: unix(c.LastUse), Size: c.Bytes, Content: int32(len(t.things))},
			what: aClone, name: c.Name,
		})
	}
	return nil
}

// decide says of each thing whether it goes. What is broken goes after the grace; nothing finds it.
func (t *trimming) decide() {
	items := make([]retention.Item, len(t.things))
	for i, th := range t.things {
		items[i] = th.Item
		items[i].LastUse = retention.Clamp(th.LastUse, t.now)
		if th.what == aGraph {
			// a few hundred bytes that go with nothing else, and only for their age
			items[i].Size = 0
		}
	}
	verdicts := retention.Decide(items, retention.Policy{
		Now: t.now, MaxAge: t.MaxAge, MaxSize: t.MaxSize, MaxModules: t.MaxModules, MaxBuild: t.MaxBuild,
	})
	for i := range t.things {
		th := &t.things[i]
		th.drop, th.reason = verdicts[i] != retention.Kept, verdicts[i].String()
		switch {
		case th.broken:
			th.drop, th.reason = t.isPast(t.mods.Touched(th.version)), "broken"
		case th.what == aGraph && verdicts[i] == retention.TooMuch:
			th.drop = false
		}
	}
}

// isPast reports whether a time lies before the grace.
func (t *trimming) isPast(at time.Time) bool { return at.Before(t.now.Add(-grace)) }

// unix is 0 for the zero time: unknown is long ago.
func unix(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.Unix()
}

// list puts something that goes on the list of the largest.
func (t *trimming) list(th *thing) {
	d := Dropped{Kind: th.what.String(), Bytes: th.Size, LastUse: time.Unix(th.LastUse, 0).UTC(), Reason: th.reason}
	switch th.what {
	case aGraph:
		return
	case aModule:
		d.Name = th.version.String()
	case aClone:
		d.Name = th.name
	case anEntry:
		d.Name = t.inv.Entries[th.entry].Action.String()[:16]
	}
	t.res.Largest.Add(d)
}
