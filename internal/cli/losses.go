package cli

import (
	"strings"

	"github.com/org/gocache-action/restore"
)

// spread moves the first loss of each place to the front: lists of losses are cut off, and each
// place should be in what is left.
func spread(losses []restore.Loss) []restore.Loss {
	var first, rest []restore.Loss
	seen := map[string]bool{}
	for _, l := range losses {
		if place := placeOf(l.What); !seen[place] {
			seen[place] = true
			first = append(first, l)
			continue
		}
		rest = append(rest, l)
	}
	return append(first, rest...)
}

// placeOf is the part of a restore in which something was lost: the build cache, the modules, a
// directory of --path, or an object of its own.
func placeOf(what string) string {
	if place, _, ok := strings.Cut(what, ": "); ok {
		return place
	}
	if strings.Contains(what, "@") {
		return "modules"
	}
	return what
}
