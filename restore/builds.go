package restore

import (
	"slices"

	"github.com/org/gocache-action/internal/buildenv"
)

// compareBuilds says what of the snapshot the job cannot use, and why: the go command would compile
// it anew in silence.
func (r *run) compareBuilds() {
	r.differs = slices.Clip(buildenv.Differing(r.BuiltWith, r.manifest().BuiltWith()))
	if len(r.differs) > 0 {
		r.tally.warn("the snapshot was saved %s", buildenv.Explain(r.differs))
	}
}
