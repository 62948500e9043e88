// Package install is what all kinds of content have in common on their way from a store to the
// disk: the interface of a kind, the jobs that it plans, what becomes of them, and how much may go
// wrong before a cache is given up.
//
// A job returns its [Outcome] as a value. A failure of the store ends the whole restore; wrong
// bytes cost what lies in them; a failure of the disk costs the directory or the module that it
// concerns. After too many of those, or if the disk is full or read-only, the whole [Place] is
// given up.
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
	"github.com/org/gocache-action/internal/store"
)

// Kind is one kind of content as a restore sees it. H is what Compare finds on this machine, P the
// plan that is made of it.
type Kind[H any, P Planned] interface {
	// Name identifies the kind in results.
	Name() string
	// Compare finds out what this machine has of the snapshot. It writes nothing, and ends with
	// ctx.
	Compare(ctx context.Context, m *snapshot.Manifest) (H, error)
	// Plan decides what has to be done. It is pure: the result depends on nothing but its
	// arguments.
	Plan(m *snapshot.Manifest, here H) P
	// Begin prepares the disk, and returns the jobs of a plan in the order in which they start. It
	// is not called for two kinds at once.
	Begin(ctx context.Context, env *Env, plan P) ([]Job, Outcome)
}

// Planned is the plan of a kind.
type Planned interface{ Summary() Summary }

// Summary is what a plan comes to, for people and for the progress display.
type Summary struct {
	Fetch    int             // entries, modules or files that the store should have
	Unlisted int             // further modules, which the store may have
	Stored   int64           // bytes to transfer, as far as the manifest tells
	Bytes    int64           // bytes to write, as far as the manifest tells
	Files    int64           // files to write, as far as the manifest tells
	Packs    []int           // packs to read, as indices into those of the manifest
	Trees    []snapshot.Tree // trees to read
	Known    Outcome         // what is known before anything is fetched
}

// Prepared is a plan that can be carried out.
type Prepared struct {
	Name string
	Summary
	Begin func(ctx context.Context, env *Env) ([]Job, Outcome)
}

// Prepare compares a kind of content with this machine, and plans.
type Prepare func(ctx context.Context, m *snapshot.Manifest) (Prepared, error)

// Bind hides the types of a kind.
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
	ends   []func()
	// TreesDone is closed when all trees are restored or lost, by the kind that restores them.
	TreesDone chan struct{}
}

// Aged is the modification time for a file that was last used at t, in Unix seconds.
func (e *Env) Aged(t int64) time.Time { return buildcache.AgedTime(time.Unix(t, 0), e.Start) }

// Wrote counts a file that was written, for the progress display.
func (e *Env) Wrote(bytes int64) {
	e.Fetch.Meter.Files.Add(1)
	e.Fetch.Meter.Disk.Add(bytes)
}

// AtEnd has f called when all jobs have ended, whatever became of them. It is for Begin.
func (e *Env) AtEnd(f func()) { e.ends = append(e.ends, f) }

// End is called once, when all jobs have ended.
func (e *Env) End() {
	for _, f := range e.ends {
		f()
	}
}

// Job is one object, or a range of one.
type Job struct {
	Bytes int64  // stored; 0 when unknown
	Pack  string // of which it reads all, or all that is wanted of a part; "": none
	Place *Place // that it fills; nil: it deals with several places itself
	// Run does the job, and calls fetched when it no longer needs the network. An error ends the
	// restore; a LocalError only ends the work on Place.
	Run func(ctx context.Context, fetched func()) (Outcome, error)
}

// Do runs a job, unless its place was given up. On a LocalError it gives the place up, and returns
// no error.
func (j Job) Do(ctx context.Context, fetched func()) (Outcome, error) {
	if j.Place != nil && j.Place.Err() != nil {
		return Outcome{}, nil
	}
	out, err := j.Run(ctx, fetched)
	switch {
	case err == nil && j.Pack != "":
		out.read(j.Pack)
	case j.Place != nil && IsLocal(err):
		j.Place.GiveUp(err)
		err = nil
	}
	return out, err
}

// Each calls f with 0 to n-1, in parallel, at most limit calls at once. When ctx ends, it makes no
// further calls and returns store.Ended.
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
	return store.Ended(ctx)
}
