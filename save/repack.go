package save

import (
	"cmp"
	"slices"

	"github.com/org/gocache-action/internal/content/collect"
)

// DefaultRepackBudget is how many bytes of outputs, uncompressed, a save packs anew to get rid of
// dead ones. It takes a core some seconds and uploads about a quarter of it; what is left over, the
// next save does.
const DefaultRepackBudget = 256 << 20

// Limits of planRepack.
const (
	// storedPerLive is how many bytes the packs may hold for each byte that is alive. It leaves a
	// tenth of room below the 1.6 that is promised for the store, for what a budget puts off.
	storedPerLive = 1.5
	// Of packs below smallPack bytes, each save adds one. Above maxSmall of them a restore pays for
	// so many requests.
	smallPack = 4 << 20
	maxSmall  = 32
)

// planRepack chooses the packs to pack anew, worst first, such that at most budget live bytes are
// moved:
//
//  1. packs of which less than half is alive;
//  2. others with dead bytes, while the packs hold more than storedPerLive times what is alive in
//     them;
//  3. small packs, when there are more than maxSmall.
//
// A pack with live outputs that are not here stays until a save has them all, which is that of the
// next job that restores: to download what is only needed for housekeeping would make saves slow
// that have no reason to be.
func planRepack(packs []collect.Share, budget int64) map[string]bool {
	packs = slices.Clone(packs)
	slices.SortFunc(packs, func(a, b collect.Share) int {
		return cmp.Or(cmp.Compare(share(a), share(b)), cmp.Compare(a.Object, b.Object))
	})
	chosen := map[string]bool{}
	var live, raw int64
	for _, p := range packs {
		live += p.Live
		raw += p.Raw
	}
	take := func(p collect.Share) {
		if !p.Remote && !chosen[p.Object] && p.Live <= budget {
			chosen[p.Object] = true
			budget -= p.Live
			raw -= p.Raw - p.Live
		}
	}
	for _, p := range packs {
		if p.Live < p.Raw/2 || p.Live < p.Raw && float64(raw) > storedPerLive*float64(live) {
			take(p)
		}
	}
	for _, p := range small(packs, chosen) {
		take(p)
	}
	return chosen
}

func share(p collect.Share) float64 { return float64(p.Live) / float64(max(p.Raw, 1)) }

// small lists the small packs, the smallest first, if they are too many.
func small(packs []collect.Share, chosen map[string]bool) []collect.Share {
	list := slices.DeleteFunc(packs, func(p collect.Share) bool { return p.Raw >= smallPack || p.Remote || chosen[p.Object] })
	if len(list) <= maxSmall {
		return nil
	}
	slices.SortStableFunc(list, func(a, b collect.Share) int { return cmp.Compare(a.Raw, b.Raw) })
	return list
}

// repack chooses the packs whose live content is packed anew.
func (f facts) repack(kept [kinds]collect.Kept) map[string]bool {
	budget := cmp.Or(f.rules.repackBudget, DefaultRepackBudget)
	if budget < 0 || f.rules.failed {
		return map[string]bool{}
	}
	var shares []collect.Share
	for _, k := range kept {
		shares = append(shares, k.Shares()...)
	}
	return planRepack(shares, budget)
}
