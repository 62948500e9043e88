package main

import (
	"fmt"
	"strings"

	"github.com/org/gocache-action/internal/buildcache"
)

// ages are the values of --max-age for which results are computed, in days.
var ages = []int{1, 2, 3, 5, 7, 14, 30}

// computed is what another --max-age would have restored, over all runs except the first.
type computed struct {
	restored, found, working int64 // bytes
	hits, known              int   // entries that the runs need: found, and seen in any earlier run
}

// atAge simulates one release a day by arithmetic alone: a save keeps the entries used within the
// last days, and the next run restores those. This is exact, since what a release needs does not
// depend on what was cached (see shared). In a real run, an entry of exactly the maximum age is
// kept or dropped depending on seconds; here it is kept.
func atAge(needs []need, days int) (c computed) {
	last := map[string]int{} // last run that used it, by action
	entries := map[string]held{}
	for i, n := range needs {
		var restored, found []held
		needed := make(map[string]bool, len(n.Entries))
		for _, e := range n.Entries {
			needed[e.Action] = true
		}
		for action, used := range last {
			if i-1-used > days {
				continue
			}
			restored = append(restored, entries[action])
			if needed[action] {
				found = append(found, entries[action])
			}
		}
		if i > 0 {
			c.restored += heldBytes(restored)
			c.found += heldBytes(found)
			c.working += heldBytes(n.Entries)
			c.hits += len(found)
		}
		for _, e := range n.Entries {
			if _, ok := last[e.Action]; ok {
				c.known++
			}
			last[e.Action], entries[e.Action] = i, e
		}
	}
	return c
}

// heldBytes returns the bytes that measure counts.
func heldBytes(list []held) (n int64) {
	seen := make(map[string]bool, len(list))
	for _, e := range list {
		n += int64(buildcache.EntrySize)
		if !seen[e.Output] {
			seen[e.Output] = true
			n += e.Size
		}
	}
	return n
}

// ageRows returns one row for each --max-age.
func ageRows(needs []need) string {
	var b strings.Builder
	for _, days := range ages {
		c := atAge(needs, days)
		fmt.Fprintf(&b, "| %dd | %.0f | %s | %s | %d |\n", days, float64(c.restored)/1e6,
			ratio(float64(c.restored), float64(c.working)), ratio(float64(c.restored), float64(c.found)), c.known-c.hits)
	}
	return b.String()
}
