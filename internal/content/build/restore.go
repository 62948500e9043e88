// On their way from a store, compare.go finds out which entries and outputs are present, jobs.go
// and refs.go plan what to read, and install.go, writer.go and assembly.go carry it out.
package build

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/snapshot"
)

// Name is what this kind of content is called in results.
const Name = "build"

// Restore brings action entries and their outputs into a build cache. It is an install.Kind.
type Restore struct {
	Cache    *buildcache.Cache
	Place    *install.Place
	PartSize int64             // stored bytes of one ranged read
	Verify   bool              // hash every output, restored and present ones
	Scanning func(bytes int64) // see Compare
}

// Name implements install.Kind.
func (r Restore) Name() string { return Name }

// Compare implements install.Kind.
func (r Restore) Compare(ctx context.Context, _ *snapshot.Manifest) (State, error) {
	return Compare(ctx, r.Cache, r.Verify, r.Scanning)
}

// Plan implements install.Kind.
func (r Restore) Plan(m *snapshot.Manifest, here State) Jobs { return Plan(m, here, r.PartSize) }

// Begin implements install.Kind. It creates what an empty build cache consists of, and removes
// wrong outputs. If not all of it can be created, the cache may still be filled, unless nothing is
// there at all. If the place was given up, nothing is created.
func (r Restore) Begin(_ context.Context, env *install.Env, plan Jobs) (jobs []install.Job, out install.Outcome) {
	stuck := removeWrong(r.Cache, plan.Wrong, &out)
	removeLeft(r.Cache, plan.Partial, env.Start, &out)
	if r.Place.Err() != nil {
		return nil, out
	}
	if err := r.Cache.Prepare(env.Start); err != nil {
		if list, _ := os.ReadDir(r.Cache.Dir()); len(list) == 0 || osfile.IsNoSpace(err) {
			r.Place.GiveUp(&install.LocalError{Err: err})
			return nil, out
		}
		out.Warn("%v", err)
	}
	in := &installer{
		env: env, cache: r.Cache, place: r.Place, verify: r.Verify,
		manifest: plan.manifest, actions: plan.actions, refs: &plan.refs,
		assembly: newAssembly(r.Cache, plan.manifest), stuck: stuck,
	}
	env.AtEnd(func() { in.assembly.end(plan.manifest) })
	if len(plan.Ready)+len(plan.Empty) > 0 {
		run := func(ctx context.Context, _ func()) (install.Outcome, error) {
			return in.ready(ctx, plan.Empty, plan.Ready)
		}
		jobs = append(jobs, install.Job{Place: r.Place, Run: run})
	}
	for _, read := range plan.Reads {
		run := func(ctx context.Context, fetched func()) (install.Outcome, error) {
			return in.during(func() (install.Outcome, error) { return in.read(ctx, read, fetched) })
		}
		jobs = append(jobs, install.Job{Bytes: read.Bytes, Pack: plan.manifest.Packs[read.Pack].Object, Place: r.Place, Run: run})
	}
	return jobs, out
}

// removeWrong removes outputs that will be restored, and returns those that are still there: they
// could not be removed, or were used since they were found. An entry without its output is a miss
// for the go command.
func removeWrong(c *buildcache.Cache, wrong []buildcache.Output, out *install.Outcome) map[digest.ID]bool {
	stuck := map[digest.ID]bool{}
	for _, o := range wrong {
		gone, err := c.DiscardOutput(o)
		if err == nil && !gone && c.Has(o) {
			err = fmt.Errorf("build output %s is wrong, but a go command uses it: it stays", o.ID)
		}
		if err != nil {
			stuck[o.ID] = true
			out.Warn("%v", err)
		}
	}
	return stuck
}

// abandoned is how long nothing was written to a partial output that nobody works on anymore, if
// it cannot be told whether the process lives that made it.
const abandoned = time.Hour

// maxLocked is after how many files that other programs keep open no more are removed: each takes
// some time to give up on.
const maxLocked = 20

// removeLeft removes partial outputs that restores left behind when they were killed.
func removeLeft(c *buildcache.Cache, partial []string, now time.Time, out *install.Outcome) {
	owners := c.FindOwners()
	defer owners.Close()
	var failed []error
	locked := 0
	for _, name := range partial {
		if locked == maxLocked {
			break
		}
		if _, err := owners.Discard(name, now.Add(-abandoned).UnixNano()); err != nil {
			failed = append(failed, err)
			if osfile.IsLocked(err) {
				locked++
			}
		}
	}
	if len(failed) > 0 {
		out.Warn("%s of an interrupted restore could not be removed: %v", quantity.Counted(len(failed), "file"), failed[0])
	}
}
