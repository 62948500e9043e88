// On their way from a store, jobs.go decides which trees are read, and install.go adds their files
// to the caches.
package graph

import (
	"context"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/keys"
)

// Name is what this kind of content is called in results.
const Name = "trees"

// Restore brings the trees of a snapshot into both caches. It is an install.Kind.
type Restore struct {
	Sums keys.Sums
	// Modules is the place of the module cache, Build that of the build cache. What belongs into
	// one that is nil is left out.
	Modules, Build *install.Place
	Cache          *buildcache.Cache // in Build
	Fuzz           bool              // restore the fuzzing corpus
}

// Name implements install.Kind.
func (r Restore) Name() string { return Name }

// Compare implements install.Kind. It has nothing to do: packs of trees are small, so they are read
// completely even if little is missing.
func (r Restore) Compare(context.Context, *snapshot.Manifest) (struct{}, error) {
	return struct{}{}, nil
}

// Plan implements install.Kind.
func (r Restore) Plan(m *snapshot.Manifest, _ struct{}) Jobs {
	return Plan(m, r.Modules != nil, r.Build != nil && r.Fuzz)
}

// Begin implements install.Kind. All trees are one job, so that only one of their files is in
// memory at a time, however large they are.
func (r Restore) Begin(_ context.Context, env *install.Env, plan Jobs) ([]install.Job, install.Outcome) {
	if len(plan.Trees) == 0 {
		close(env.TreesDone)
		return nil, install.Outcome{}
	}
	in := &installer{env: env, cache: r.Cache, sums: r.Sums}
	run := func(ctx context.Context, _ func()) (out install.Outcome, err error) {
		defer close(env.TreesDone)
		for _, t := range plan.Trees {
			one, err := r.job(in, t).Do(ctx, func() {})
			out.Add(one)
			if err != nil {
				return out, err
			}
		}
		return out, nil
	}
	return []install.Job{{Bytes: plan.Trees[0].In.Size, Run: run}}, install.Outcome{}
}

// job restores one tree.
func (r Restore) job(in *installer, t Tree) install.Job {
	place := r.Modules
	if t.Name == snapshot.TreeFuzz {
		place = r.Build
	}
	run := func(ctx context.Context, _ func()) (install.Outcome, error) { return in.restore(ctx, t, place) }
	return install.Job{Bytes: t.In.Size, Pack: t.In.Object, Place: place, Run: run}
}
