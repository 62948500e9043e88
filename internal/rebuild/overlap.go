package rebuild

import (
	"fmt"

	"github.com/org/gocache-action/internal/samedir"
)

// overlap returns an error if what is set aside as a whole contains something else, or if both
// caches are one directory. Nobody forces that.
func overlap(o Options) error {
	type named struct{ name, dir string }
	for _, outer := range []named{{"GOMODCACHE", o.ModDir}, {"GOCACHE", o.BuildDir}} {
		for _, inner := range []named{{"GOMODCACHE", o.ModDir}, {"GOCACHE", o.GOCACHE}, {"the project", o.Dir}} {
			if inner.name == outer.name {
				continue
			}
			if rel, inside := samedir.Inside(inner.dir, outer.dir); inside && (o.All || rel == ".") {
				return fmt.Errorf("%s (%s) lies in %s (%s)", inner.name, inner.dir, outer.name, outer.dir)
			}
		}
	}
	return nil
}
