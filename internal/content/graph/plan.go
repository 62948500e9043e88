package graph

import (
	"cmp"
	"slices"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/retention"
	"github.com/org/gocache-action/internal/snapshot"
)

// merged is a collect.Merged and a collect.Kept: the policy decides nothing about trees.
type merged struct {
	local Local
	base  collect.Base
}

// Merge implements collect.Kind.
func (l Local) Merge(base collect.Base) collect.Merged { return merged{l, base} }

// Items implements collect.Merged.
func (m merged) Items(list []retention.Item) []retention.Item { return list }

// Keep implements collect.Merged.
func (m merged) Keep([]retention.Item, []retention.Verdict) collect.Kept { return m }

// Stays implements collect.Kept.
func (m merged) Stays() retention.Amount { return retention.Amount{} }

// Gone implements collect.Kept.
func (m merged) Gone(func(retention.Verdict, retention.Dropped)) {}

// Shares implements collect.Kept. A tree replaces its pack as a whole.
func (m merged) Shares() []collect.Share { return nil }

// maxTrees bounds the packs of one tree: that of this save, and those of saves at the same time.
const maxTrees = 4

// Place implements collect.Kept. It takes trees that are stored from here or else from the manifest
// that is replaced. What another save wrote while this one was at work stays beside ours; the next
// save of a job that restored both makes one pack of them.
func (m merged) Place(b *snapshot.Builder, to *snapshot.Manifest, _ map[string]bool) collect.Planned {
	to.Graph = m.dates()
	var p collect.Planned
	here, packs := map[string]int{}, map[string]bool{}
	for _, t := range m.local.trees {
		here[t.name]++
		if t.pack == nil {
			p.Missing += t.count
			p.Bytes += t.bytes
			p.Jobs = append(p.Jobs, t.job())
			continue
		}
		p.Stored += t.count
		packs[t.pack.Object] = true
		b.AddTree(snapshot.Tree{Name: t.name, Pack: b.AddPack(*t.pack), Files: t.count, Bytes: t.bytes, Sum: t.sum})
	}
	if m.base.Own == nil {
		return p
	}
	for _, t := range m.base.Own.Trees {
		pack := m.base.Own.Packs[t.Pack]
		if packs[pack.Object] || m.base.Stock.IsDamaged(pack.Object) || here[t.Name] > 0 && !m.base.Meanwhile || here[t.Name] >= maxTrees {
			continue
		}
		if m.base.Meanwhile {
			here[t.Name]++
		}
		t.Pack = b.AddPack(pack)
		b.AddTree(t)
	}
	return p
}

// dates joins the dates with those of the manifest, whatever is too old left out.
func (m merged) dates() (list []snapshot.GraphUse) {
	all := map[module.Version]int64{}
	for v, use := range m.local.dates {
		all[v] = use
	}
	if m.base.Own != nil {
		for _, g := range m.base.Own.Graph {
			v := module.Version{Path: g.Path, Version: g.Version}
			all[v] = max(all[v], g.LastUse)
		}
	}
	oldest := m.base.Oldest(24 * time.Hour)
	for v, use := range all {
		if use >= oldest {
			list = append(list, snapshot.GraphUse{Path: v.Path, Version: v.Version, LastUse: use})
		}
	}
	slices.SortFunc(list, func(a, b snapshot.GraphUse) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Version, b.Version))
	})
	return list
}
