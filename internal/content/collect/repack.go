package collect

import (
	"cmp"
	"slices"
)

// Limits of Repack.
const (
	// leastAlive is which share of a pack has to be alive, and storedPerLive how many bytes all
	// packs together may hold for each byte that is. A restore decodes both. It takes 1.3 times as
	// long as after a first save at most, and the parts in which outputs lie have their share in
	// that.
	leastAlive    = 0.7
	storedPerLive = 1.15
	// Of packs below smallPack bytes, each save adds one. Above maxSmall of them a restore pays for
	// so many requests.
	smallPack = 4 << 20
	maxSmall  = 32
)

// Repack chooses the packs to pack anew, worst first, such that at most budget live bytes are
// moved:
//
//  1. packs of which less than leastAlive is alive;
//  2. others with dead bytes, while the packs hold more than storedPerLive times what is alive in
//     them, counted without those that stay;
//  3. small packs, when there are more than maxSmall.
//
// A pack with live outputs that are not here stays until a save has them all, which is that of the
// next job that restores: to download what is only needed for housekeeping would make saves slow
// that have no reason to be.
func Repack(packs []Share, budget int64) map[string]bool {
	packs = slices.Clone(packs)
	slices.SortFunc(packs, func(a, b Share) int {
		return cmp.Or(cmp.Compare(share(a), share(b)), cmp.Compare(a.Object, b.Object))
	})
	chosen := map[string]bool{}
	var live, raw int64
	for _, p := range packs {
		if !p.Remote { // what is dead there would be made up for by packs that are nearly all alive
			live += p.Live
			raw += p.Raw
		}
	}
	take := func(p Share) {
		if !p.Remote && !chosen[p.Object] && p.Live <= budget {
			chosen[p.Object] = true
			budget -= p.Live
			raw -= p.Raw - p.Live
		}
	}
	for _, p := range packs {
		if share(p) < leastAlive || p.Live < p.Raw && float64(raw) > storedPerLive*float64(live) {
			take(p)
		}
	}
	for _, p := range small(packs, chosen) {
		take(p)
	}
	return chosen
}

func share(p Share) float64 {
	if p.Raw == 0 {
		return 1
	}
	return float64(p.Live) / float64(p.Raw)
}

// small lists the small packs, the smallest first, if they are too many.
func small(packs []Share, chosen map[string]bool) []Share {
	list := slices.DeleteFunc(packs, func(p Share) bool { return p.Raw >= smallPack || p.Remote || chosen[p.Object] })
	if len(list) <= maxSmall {
		return nil
	}
	slices.SortStableFunc(list, func(a, b Share) int { return cmp.Compare(a.Raw, b.Raw) })
	return list
}
