// On their way from a store, jobs.go finds out which files are missing and in which packs they lie,
// and install.go adds them.
package paths

import (
	"context"

	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/snapshot"
)

// Name is what this kind of content is called in results.
const Name = "files"

// Restore brings files into directories beside the two caches. It is an install.Kind.
type Restore struct {
	Paths  []extradir.Path
	Places map[string]*install.Place // by the names of the paths
}

// Name implements install.Kind.
func (r Restore) Name() string { return Name }

// Compare implements install.Kind.
func (r Restore) Compare(ctx context.Context, m *snapshot.Manifest) (State, error) {
	return Compare(ctx, m, r.Paths)
}

// Plan implements install.Kind.
func (r Restore) Plan(m *snapshot.Manifest, here State) Jobs { return Plan(m, r.Paths, here) }

// Begin implements install.Kind. A directory is created when its first file arrives.
func (r Restore) Begin(_ context.Context, env *install.Env, p Jobs) (jobs []install.Job, out install.Outcome) {
	for _, read := range p.Reads {
		in := &installer{env: env, place: r.Places[read.Path.Name], read: read}
		jobs = append(jobs, install.Job{Bytes: read.In.Size, Pack: read.In.Object, Place: in.place, Run: in.run})
	}
	return jobs, out
}
