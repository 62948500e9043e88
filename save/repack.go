package save

import (
	"cmp"

	"github.com/org/gocache-action/internal/content/collect"
)

// DefaultRepackBudget is how many bytes of outputs, uncompressed, a save packs anew to get rid of
// dead ones. It takes a core some seconds and uploads about a quarter of it; what is left over, the
// next save does.
const DefaultRepackBudget = 256 << 20

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
	return collect.Repack(shares, budget)
}
