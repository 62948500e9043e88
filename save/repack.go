package save

import (
	"cmp"
	"iter"
	"slices"
)

// DefaultRepackBudget is how many bytes of outputs, uncompressed, a save packs anew to get rid of
// dead ones. It takes a core some seconds and uploads about a quarter of it; what is left over, the
// next save does.
const DefaultRepackBudget = 256 << 20

// Limits of planRepack.
const (
	// maxStored is how many bytes the packs may hold for each byte that is alive. It leaves a tenth
	// of room below the 1.6 that is promised for the store, for what a budget puts off.
	maxStored = 1.5
	// Of packs below smallPack bytes, each save adds one. Above maxSmall of them a restore pays for
	// so many requests.
	smallPack = 4 << 20
	maxSmall  = 32
)

// packShare says how much of a pack is still alive. Sizes are uncompressed bytes.
type packShare struct {
	object    string
	live, raw int64
	// something alive in it is not in the local cache, so it cannot be packed anew here
	remote bool
}

// planRepack chooses the packs to pack anew, worst first, such that at most budget live bytes are
// moved:
//
//  1. packs of which less than half is alive;
//  2. others with dead bytes, while the packs hold more than maxStored times what is alive in them;
//  3. small packs, when there are more than maxSmall.
//
// A pack with live outputs that are not here stays until a save has them all, which is that of the
// next job that restores: to download what is only needed for housekeeping would make saves slow
// that have no reason to be.
func planRepack(packs []packShare, budget int64) map[string]bool {
	packs = slices.Clone(packs)
	slices.SortFunc(packs, func(a, b packShare) int {
		return cmp.Or(cmp.Compare(a.share(), b.share()), cmp.Compare(a.object, b.object))
	})
	chosen := map[string]bool{}
	var live, raw int64
	for _, p := range packs {
		live += p.live
		raw += p.raw
	}
	take := func(p packShare) {
		if !p.remote && !chosen[p.object] && p.live <= budget {
			chosen[p.object] = true
			budget -= p.live
			raw -= p.raw - p.live
		}
	}
	for _, p := range packs {
		if p.live < p.raw/2 || p.live < p.raw && float64(raw) > maxStored*float64(live) {
			take(p)
		}
	}
	for _, p := range small(packs, chosen) {
		take(p)
	}
	return chosen
}

func (p packShare) share() float64 { return float64(p.live) / float64(max(p.raw, 1)) }

// small lists the small packs, the smallest first, if they are too many.
func small(packs []packShare, chosen map[string]bool) []packShare {
	list := slices.DeleteFunc(packs, func(p packShare) bool { return p.raw >= smallPack || p.remote || chosen[p.object] })
	if len(list) <= maxSmall {
		return nil
	}
	slices.SortStableFunc(list, func(a, b packShare) int { return cmp.Compare(a.raw, b.raw) })
	return list
}

// repack chooses the packs whose live outputs are packed anew.
func (r *run) repack(kept iter.Seq[entry], files []extraFile) map[string]bool {
	budget := cmp.Or(r.RepackBudget, DefaultRepackBudget)
	if budget < 0 || r.JobFailed {
		return nil
	}
	return planRepack(append(r.shares(kept), r.fileShares(files)...), budget)
}

// shares finds out how much of each stored pack is alive.
func (r *run) shares(kept iter.Seq[entry]) (list []packShare) {
	index := map[string]int{}
	seen := make([]bool, r.prev.total())
	for e := range kept {
		at, ok := r.prev.where.Find(&e.output)
		if !ok || seen[at] {
			continue
		}
		seen[at] = true
		o, m := r.prev.at(at)
		p := &m.Packs[o.Pack]
		i, ok := index[p.Object]
		if !ok {
			i = len(list)
			index[p.Object] = i
			list = append(list, packShare{object: p.Object, raw: p.Raw})
		}
		list[i].live += o.Size
		_, here := r.localOutput(e.output)
		list[i].remote = list[i].remote || !here
	}
	return list
}
