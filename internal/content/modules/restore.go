// On their way from a store, wanted.go decides which versions are needed, jobs.go finds out which
// of them are missing, and install.go and unpack.go fetch those. proof.go asks the checksum
// database about versions that go.sum does not name.
package modules

import (
	"context"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
)

// Name is what this kind of content is called in results.
const Name = "modules"

// Restore brings module versions into a module cache. It is an install.Kind.
type Restore struct {
	Rules
	Cache *modcache.Cache
	Place *install.Place
	Check CheckFunc // checks what go.sum does not prove; nil: nothing does
}

// Name implements install.Kind.
func (r Restore) Name() string { return Name }

// Compare implements install.Kind.
func (r Restore) Compare(ctx context.Context, m *snapshot.Manifest) (map[module.Version]State, error) {
	return r.Rules.Compare(ctx, r.Cache, m)
}

// Begin implements install.Kind.
func (r Restore) Begin(ctx context.Context, env *install.Env, plan Jobs) ([]install.Job, install.Outcome) {
	in := &installer{env: env, place: r.Place}
	if r.Check != nil {
		checker, always := r.Check(ctx, env.Stage)
		in.proof = &proof{checker: checker, always: always, trees: env.TreesDone}
	}
	jobs := make([]install.Job, 0, len(plan.Fetch))
	for _, f := range plan.Fetch {
		run := func(ctx context.Context, fetched func()) (install.Outcome, error) { return in.restore(ctx, f, fetched) }
		jobs = append(jobs, install.Job{Bytes: f.stored(), Place: r.Place, Run: run})
	}
	return jobs, install.Outcome{}
}
