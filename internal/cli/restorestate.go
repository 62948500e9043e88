package cli

import (
	"strings"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/store"
)

// A restoreState is what the restore of this job has noted for its save.
type restoreState struct {
	state *jobstate.State // nil: none, or of another snapshot
	// stableTimes says that the restore, or mtimes after it, gave the files of the project their
	// times. To which snapshot the restore belonged does not matter.
	stableTimes bool
}

// readRestoreState reads the notes. Notes that cannot be read, or that are about another store,
// repository or scope, are not used, and it says so: a restore and a save that do not agree on the
// place are usually a mistake.
func readRestoreState(r *run, p *project, st store.Store) restoreState {
	file, err := stateFile(r, p)
	if err != nil {
		return restoreState{}
	}
	state, err := jobstate.Read(file)
	if err != nil {
		r.out.warn(err, "")
		return restoreState{}
	}
	if state == nil {
		return restoreState{}
	}
	if other := differences(state, st.String(), p.id); len(other) > 0 {
		r.out.say("the restore before had another %s; what it noted is not used", strings.Join(other, ", another "))
		return restoreState{stableTimes: state.StableTimes}
	}
	return restoreState{state, state.StableTimes}
}

// differences names in what a save differs from the restore before it.
func differences(state *jobstate.State, store string, id ci.Identity) []string {
	var list []string
	for _, part := range []struct{ name, was, is string }{
		{"store", state.Store, store}, {"repository", state.Repo, id.Repo}, {"scope", state.Scope, id.Scope},
	} {
		if part.was != part.is {
			list = append(list, part.name+" ("+part.was+")")
		}
	}
	return list
}
