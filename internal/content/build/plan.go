package build

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/idindex"
	"github.com/org/gocache-action/internal/retention"
	"github.com/org/gocache-action/internal/snapshot"
)

// merged is a collect.Merged: the entries that are here and those of a manifest.
type merged struct {
	local Local
	base  collect.Base
}

// Merge implements collect.Kind.
func (l Local) Merge(base collect.Base) collect.Merged { return merged{l, base} }

// entries goes through all of them, sorted by action, with their uses corrected.
func (m merged) entries() iter.Seq[record] {
	return func(yield func(record) bool) {
		for e := range mergeEntries(m.local, m.base.Own) {
			e.lastUse = m.base.Clamp(e.lastUse)
			if !yield(e) {
				return
			}
		}
	}
}

// Expected is about how many entries the next manifest will have.
func (l Local) Expected(own *snapshot.Manifest) int {
	if own == nil {
		return l.Len()
	}
	return max(l.Len(), len(own.Actions))
}

// Items implements collect.Merged.
func (m merged) Items(list []retention.Item) []retention.Item {
	n := m.local.Expected(m.base.Own)
	list = slices.Grow(list, n)
	outputs := make([]digest.ID, 0, n)
	index := idindex.New(n, func(i int32) *digest.ID { return &outputs[i] })
	programs := map[string]int32{}
	for e := range m.entries() {
		if _, ok := programs[e.exec]; !ok && e.exec != "" {
			programs[e.exec] = int32(len(programs) + 1)
		}
		outputs = append(outputs, e.output)
		content, added := index.Add(int32(len(outputs) - 1))
		if !added {
			outputs = outputs[:len(outputs)-1]
		}
		list = append(list, retention.Item{Kind: retention.Build, LastUse: e.lastUse, Size: e.size, Content: content, Program: programs[e.exec]})
	}
	return list
}

// Keep implements collect.Merged.
func (m merged) Keep(items []retention.Item, verdicts []retention.Verdict) collect.Kept {
	k := kept{merged: m, verdicts: verdicts}
	k.stays = staying(items, verdicts)
	return k
}

// staying counts the entries that stay, and each content of theirs once.
func staying(items []retention.Item, verdicts []retention.Verdict) (a retention.Amount) {
	contents := int32(0)
	for _, it := range items {
		contents = max(contents, it.Content+1)
	}
	seen := make([]bool, contents)
	for i, it := range items {
		if verdicts[i] != retention.Kept {
			continue
		}
		if a.Count++; !seen[it.Content] {
			seen[it.Content] = true
			a.Bytes += it.Size
		}
	}
	return a
}

// kept is a collect.Kept.
type kept struct {
	merged
	verdicts []retention.Verdict // of all entries; nil: all stay
	stays    retention.Amount
}

// Stays implements collect.Kept.
func (k kept) Stays() retention.Amount { return k.stays }

// entries goes through those that stay.
func (k kept) entries() iter.Seq[record] {
	if k.verdicts == nil {
		return k.merged.entries()
	}
	return func(yield func(record) bool) {
		i := 0
		for e := range k.merged.entries() {
			if k.verdicts[i] == retention.Kept && !yield(e) {
				return
			}
			i++
		}
	}
}

// trimmed is how many go.
func (k kept) trimmed() (n int) {
	for _, v := range k.verdicts {
		if v != retention.Kept {
			n++
		}
	}
	return n
}

// Gone implements collect.Kept. An output that several entries share counts with each of them.
func (k kept) Gone(tell func(retention.Verdict, retention.Dropped)) {
	if k.trimmed() == 0 {
		return
	}
	i := 0
	for e := range k.merged.entries() {
		v := k.verdicts[i]
		i++
		if v == retention.Kept {
			continue
		}
		kind, name := "build entry", fmt.Sprintf("%x", e.action[:8])
		if e.exec != "" {
			kind, name = "program", e.exec
		}
		tell(v, retention.Dropped{Kind: kind, Name: name, Bytes: e.size, LastUse: time.Unix(e.lastUse, 0).UTC(), Reason: v.String()})
	}
}

// Shares implements collect.Kept.
func (k kept) Shares() []collect.Share {
	var shares collect.Shares
	stock := k.base.Stock
	seen := make([]bool, stock.Total())
	for e := range k.entries() {
		at, ok := stock.Find(&e.output)
		if !ok || seen[at] {
			continue
		}
		seen[at] = true
		o, m := stock.At(at)
		_, here := k.local.find(e.output)
		for _, x := range o.Extents {
			shares.Cover(&m.Packs[x.Pack], x, here)
		}
	}
	return shares.List()
}

// Place implements collect.Kept.
func (k kept) Place(b *snapshot.Builder, _ *snapshot.Manifest, rewrite map[string]bool) collect.Planned {
	plan, missing := k.place(b, rewrite)
	if len(missing) > 0 {
		missing, moved := k.split(missing)
		plan.Bytes, plan.Reads = k.local.size(missing), len(missing)
		stock := k.stocked(b.Packs(), b.Used(), moved, rewrite, plan.Bytes)
		plan.Memory = k.local.prepareBytes(missing, moved, stock)
		plan.Prepare = func(ctx context.Context, in collect.Preparing) (collect.Prepared, error) {
			return k.local.prepare(ctx, in, missing, moved, stock)
		}
	}
	return plan
}

// place is Place without Prepare: it returns the outputs to pack, in their order.
func (k kept) place(b *snapshot.Builder, rewrite map[string]bool) (collect.Planned, []int32) {
	b.Expect(k.local.Expected(k.base.Own))
	p := placer{kept: k, made: &snapshot.Manifest{Packs: k.local.packs}}
	if k.local.placed == nil {
		p.rewrite = rewrite // what this save could not pack anew stays where it is
	}
	if k.base.Meanwhile {
		p.indexOwn()
	}
	plan := collect.Planned{Trimmed: k.trimmed()}
	var missing []int32
	for e := range k.entries() {
		if b.Has(e.output) || p.place(b, e.output) {
			b.AddAction(e.action, e.output, e.time, e.lastUse)
			plan.Stored++
		} else if i, ok := k.local.find(e.output); ok {
			missing = append(missing, i)
			plan.Missing++
		}
	}
	return plan, k.local.packable(missing)
}

// placer finds where outputs lie.
type placer struct {
	kept
	made    *snapshot.Manifest // whose packs this save uses; all else is not set
	rewrite map[string]bool    // packs that are packed anew
	others  *idindex.Index     // of the outputs of base.Own, if another save wrote it
}

func (p *placer) indexOwn() {
	own := p.base.Own
	p.others = idindex.New(len(own.Outputs), func(i int32) *digest.ID { return &own.Outputs[i].ID })
	known := p.base.Stock.Knows(own)
	for i := range own.Outputs {
		// A save that came later has written anew what was bad.
		if !known || p.base.Stock.IsWhole(own, &own.Outputs[i]) {
			p.others.Add(int32(i))
		}
	}
}

// noBytes is the output without any. It lies in no pack.
var noBytes = sha256.Sum256(nil)

// place adds an output to the builder from where it is stored: packs that this save uses, then
// previous manifests, then one that another save has written meanwhile.
func (p *placer) place(b *snapshot.Builder, id digest.ID) bool {
	if o, ok := p.local.uploaded(id); ok {
		b.AddOutputOf(p.made, o)
		return true
	}
	o, m, ok := p.base.Stock.Output(&id)
	if !ok || p.isRewritten(o, m) {
		o, m, ok = p.fromOther(&id)
	}
	if i, here := p.local.find(id); !ok && here && id == noBytes {
		o, ok = snapshot.Output{ID: id, Exec: p.local.inv.Outputs[i].Exec}, true
	}
	if ok {
		b.AddOutputOf(m, o)
	}
	return ok
}

// isRewritten reports whether any part of an output lies in a pack that is packed anew.
func (p *placer) isRewritten(o snapshot.Output, m *snapshot.Manifest) bool {
	return len(p.rewrite) > 0 && slices.ContainsFunc(o.Extents, func(e snapshot.Extent) bool { return p.rewrite[m.Packs[e.Pack].Object] })
}

func (p *placer) fromOther(id *digest.ID) (snapshot.Output, *snapshot.Manifest, bool) {
	if p.others == nil {
		return snapshot.Output{}, nil, false
	}
	i, ok := p.others.Find(id)
	if !ok {
		return snapshot.Output{}, nil, false
	}
	return p.base.Own.Outputs[i], p.base.Own, true
}

// packable keeps each output once, in the order in which they were made: what one run made dies
// together, and similar outputs lie together, which compresses better.
func (l Local) packable(outputs []int32) []int32 {
	type made struct {
		time  int64
		index int32 // the order of the inventory is that of the IDs
	}
	list := make([]made, len(outputs))
	for n, i := range outputs {
		list[n] = made{l.inv.Outputs[i].Time, i}
	}
	slices.SortFunc(list, func(a, b made) int { return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.index, b.index)) })
	for n, m := range list {
		outputs[n] = m.index
	}
	return slices.Compact(outputs)
}
