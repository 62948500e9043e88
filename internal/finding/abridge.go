package finding

import (
	"fmt"

	"github.com/org/gocache-action/internal/quantity"
)

// Abridged is a list for people: of the findings of one check that are equally bad the first ones,
// at most so many, and then a line that says how many there are beside these. It has the last
// remedy of those that are left out.
func (f Findings) Abridged(most int) (list Findings) {
	type kind struct {
		check  string
		status Status
	}
	total := map[kind]int{}
	for _, one := range f {
		total[kind{one.Check, one.Status}]++
	}
	seen, rest := map[kind]int{}, map[kind]int{} // rest: where the line is, in list
	for _, one := range f {
		k := kind{one.Check, one.Status}
		seen[k]++
		left := total[k] - most
		if seen[k] <= most || left == 1 { // a line of its own is no longer than that there is one
			list = append(list, one)
			continue
		}
		i, has := rest[k]
		if !has {
			i = len(list)
			rest[k] = i
			list = append(list, Finding{Check: one.Check, Status: one.Status, Evidence: fmt.Sprintf("and %s more like these", quantity.Count(left))})
		}
		if one.Remedy != (Remedy{}) {
			list[i].Remedy = one.Remedy
		}
	}
	return list
}
