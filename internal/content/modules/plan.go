package modules

import (
	"cmp"
	"slices"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/retention"
	"github.com/org/gocache-action/internal/snapshot"
)

// merged is a collect.Merged, and a collect.Kept when it has verdicts.
type merged struct {
	local Local
	stock *collect.Stock
	list  []localModule // sorted by path and version
	// What the policy decided: gone are those that go, and why.
	stays retention.Amount
	gone  []goneModule
}

type goneModule struct {
	verdict retention.Verdict
	dropped retention.Dropped
}

// Merge implements collect.Kind. Of a version that both have, any use counts.
func (l Local) Merge(base collect.Base) collect.Merged {
	m := merged{local: l, stock: base.Stock}
	here := make(map[module.Version]int, len(l.list)) // 1 + index; 0: it failed
	for _, x := range l.list {
		here[x.version()] = 0
		if !x.failed {
			m.list = append(m.list, x)
			here[x.version()] = len(m.list)
		}
	}
	if base.Own != nil {
		for _, x := range base.Own.Modules {
			i, ok := here[module.Version{Path: x.Path, Version: x.Version}]
			switch {
			case !ok && !base.Stock.Lacks(&x):
				m.list = append(m.list, localModule{rec: x, stored: true})
			case i > 0 && m.list[i-1].rec.Sum == x.Sum:
				m.list[i-1].rec.LastUse = max(m.list[i-1].rec.LastUse, x.LastUse)
			}
		}
	}
	for i := range m.list {
		m.list[i].rec.LastUse = base.Clamp(m.list[i].rec.LastUse)
	}
	slices.SortFunc(m.list, func(x, y localModule) int {
		return cmp.Or(cmp.Compare(x.rec.Path, y.rec.Path), cmp.Compare(x.rec.Version, y.rec.Version))
	})
	return m
}

// Items implements collect.Merged.
func (m merged) Items(list []retention.Item) []retention.Item {
	for i, x := range m.list {
		list = append(list, retention.Item{Kind: retention.Module, LastUse: x.rec.LastUse, Size: x.rec.Bytes, Content: int32(i)})
	}
	return list
}

// Keep implements collect.Merged.
func (m merged) Keep(_ []retention.Item, verdicts []retention.Verdict) collect.Kept {
	if verdicts == nil {
		return m
	}
	stay := m.list[:0]
	for i, x := range m.list {
		if v := verdicts[i]; v != retention.Kept {
			m.gone = append(m.gone, goneModule{v, retention.Dropped{
				Kind: "module", Name: x.version().String(), Bytes: x.rec.Bytes, LastUse: time.Unix(x.rec.LastUse, 0).UTC(), Reason: v.String(),
			}})
			continue
		}
		m.stays.Add(x.rec.Bytes)
		stay = append(stay, x)
	}
	m.list = stay
	return m
}

// Stays implements collect.Kept.
func (m merged) Stays() retention.Amount { return m.stays }

// Gone implements collect.Kept.
func (m merged) Gone(tell func(retention.Verdict, retention.Dropped)) {
	for _, g := range m.gone {
		tell(g.verdict, g.dropped)
	}
}

// Shares implements collect.Kept. Modules lie in no packs.
func (m merged) Shares() []collect.Share { return nil }

// Place implements collect.Kept.
func (m merged) Place(_ *snapshot.Builder, to *snapshot.Manifest, _ map[string]bool) collect.Planned {
	p := collect.Planned{Trimmed: len(m.gone)}
	for _, x := range m.list {
		if x.stored {
			to.Modules = append(to.Modules, x.rec)
			continue
		}
		p.Missing++
		p.Bytes += x.rec.Bytes
		p.Jobs = append(p.Jobs, m.local.job(x, chooseBases(m.stock, &x.rec)...))
	}
	p.Stored = len(to.Modules)
	return p
}
