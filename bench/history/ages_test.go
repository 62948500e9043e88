package main

import (
	"fmt"
	"testing"

	"github.com/org/gocache-action/internal/buildcache"
)

// TestAtAge has an entry that every run needs, one that the first and the fourth need, and one that
// each run makes again, with a large output that two entries share.
func TestAtAge(t *testing.T) {
	size := int64(buildcache.EntrySize)
	var needs []need
	for i := range 4 {
		n := need{Entries: []held{{"all", "o", 1000}, {"twin", "o", 1000}, {fmt.Sprint("new", i), fmt.Sprint("o", i), 10}}}
		if i%3 == 0 {
			n.Entries = append(n.Entries, held{"rare", "r", 7})
		}
		needs = append(needs, n)
	}
	every, fresh, rare := 2*size+1000, size+10, size+7
	working := 3*(every+fresh) + rare
	for days, want := range map[int]computed{
		0: {restored: 3*(every+fresh) + rare, found: 3 * every, working: working, hits: 6, known: 7},
		1: {restored: 3*every + 5*fresh + 2*rare, found: 3 * every, working: working, hits: 6, known: 7},
		2: {restored: 3*every + 6*fresh + 3*rare, found: 3*every + rare, working: working, hits: 7, known: 7},
	} {
		if got := atAge(needs, days); got != want {
			t.Errorf("%d days: %+v, want %+v", days, got, want)
		}
	}
}
