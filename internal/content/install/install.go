// Package install is what all kinds of content have in common on their way from a store to the
// disk: the interface of a kind, the jobs that it plans, what becomes of them, and how much may go
// wrong before a cache is given up.
//
// A job returns its [Outcome] as a value; nothing is counted in two places. A failure of the store
// ends a restore. Anything wrong with stored bytes costs what lies in them. A failure of the disk
// costs the directory or the module that it happened in, and after too many of them, or on a disk
// that is full or read-only, the [Place].
package install

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/fetch"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
)

// Kind is one kind of content as a restore sees it. H is what Compare finds on this machine, P the
// plan that is made of it.
type Kind[H any, P Planned] interface {
	// Name says where the counts of this kind stand in a Result.
	Name() string
	// Compare looks at what is here of the snapshot. It writes nothing, and ends with ctx.
	Compare(ctx context.Context, m *snapshot.Manifest) (H, error)
	// Plan decides what is to be done. It is pure: the same values give the same plan.
	Plan(m *snapshot.Manifest, here H) P
	// Begin makes place for what is to come, and returns the jobs of a plan in their order.
	Begin(ctx context.Context, env *Env, plan P) ([]Job, Outcome)
}

// Planned is the plan of a kind.
type Planned interface{ Summary() Summary }

// Summary is what people and the progress display are told of a plan.
type Summary struct {
	Fetch    int // entries, modules or files that the store should have
	Unlisted int // modules beside those, which the store may have
	Stored   int64
	Bytes    int64
	Files    int64
	Packs    []int           // of the manifest, that are read
	Trees    []snapshot.Tree // that are read
	Known    Outcome         // what is certain before anything is fetched
}

// Prepared is a plan that waits to be carried out.
type Prepared struct {
	Name string
	Summary
	Begin func(ctx context.Context, env *Env) ([]Job, Outcome)
}

// Prepare compares a kind of content with what is here, and plans.
type Prepare func(ctx context.Context, m *snapshot.Manifest) (Prepared, error)

// Bind makes a Prepare of any kind.
func Bind[H any, P Planned](k Kind[H, P]) Prepare {
	return func(ctx context.Context, m *snapshot.Manifest) (Prepared, error) {
		here, err := k.Compare(ctx, m)
		if err != nil {
			return Prepared{}, err
		}
		plan := k.Plan(m, here)
		begin := func(ctx context.Context, env *Env) ([]Job, Outcome) { return k.Begin(ctx, env, plan) }
		return Prepared{Name: k.Name(), Summary: plan.Summary(), Begin: begin}, nil
	}
}

// Env is what the jobs of one restore share. Its fields are set before the first job begins; what
// they point to is safe for concurrent use.
type Env struct {
	Fetch  *fetch.Fetcher
	Stage  *modcache.Stage // nil: there is no module cache
	Start  time.Time       // of the restore
	Locked *Locked
	// TreesDone is closed, by the kind that restores them, when all trees are here, or lost.
	TreesDone chan struct{}
}

// Aged is the mtime for something that was last used at t (Unix seconds).
func (e *Env) Aged(t int64) time.Time { return buildcache.AgedTime(time.Unix(t, 0), e.Start) }

// Wrote counts a file that was written, for the progress display.
func (e *Env) Wrote(bytes int64) {
	e.Fetch.Meter.Files.Add(1)
	e.Fetch.Meter.Disk.Add(bytes)
}

// Job is one object, or a range of one.
type Job struct {
	Bytes int64  // stored; 0 when unknown
	Place *Place // that it fills; nil: it looks after several by itself
	// Run does it, and calls fetched once it needs the network no more. The error ends the restore,
	// or if it is a LocalError, the work on Place.
	Run func(ctx context.Context, fetched func()) (Outcome, error)
}

// Do runs a job, unless its place was given up. A failure of the disk gives the place up, and is no
// error here.
func (j Job) Do(ctx context.Context, fetched func()) (Outcome, error) {
	if j.Place == nil {
		return j.Run(ctx, fetched)
	}
	if j.Place.Err() != nil {
		return Outcome{}, nil
	}
	out, err := j.Run(ctx, fetched)
	if IsLocal(err) {
		j.Place.GiveUp(err)
		err = nil
	}
	return out, err
}

// Each calls f with 0 to n-1, in parallel, at most limit at once. It ends with ctx, whose cause it
// returns.
func Each(ctx context.Context, n, limit int, f func(i int)) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, limit) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && ctx.Err() == nil; i = next.Add(1) - 1 {
				f(int(i))
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
