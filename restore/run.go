package restore

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/fetch"
	"github.com/org/gocache-action/internal/report"
)

// carryOut does what is planned, and returns the plans with what became of them. The first failure
// of the store ends it; one of the disk, what belongs to its place.
func carryOut(ctx context.Context, o Options, start time.Time, plans []plan) ([]plan, error) {
	addTotals(o.Meter, plans)
	o.Meter.SetPhase("restore")
	env := &install.Env{
		Fetch: &fetch.Fetcher{
			Store: o.Store, Frames: fetch.NewMemory(o.storedBytes()), Buffers: fetch.NewBuffers(o.decodedFrames()), Meter: o.Meter,
		},
		Start: start, Locked: new(install.Locked), TreesDone: make(chan struct{}),
	}
	plans = slices.Clone(plans)
	if o.ModDir != "" {
		var err error
		// What is left of another restore takes space, no more.
		if env.Stage, err = o.modCache().NewStage(); err != nil {
			plans[0].done.Warn("module cache: %v", err)
		}
		defer env.Stage.Close()
	}
	tasks := begin(ctx, env, plans)
	done, err := do(ctx, o.Concurrency, tasks)
	for i, t := range tasks {
		plans[t.plan].done.Add(done[i])
	}
	return plans, err
}

// addTotals tells the progress display what is known beforehand.
func addTotals(m *report.Meter, plans []plan) {
	for _, k := range plans {
		m.BytesTotal.Add(k.Stored)
		m.DiskTotal.Add(k.Bytes)
		m.FilesTotal.Add(k.Files)
	}
}

// task is a job of one of the plans.
type task struct {
	install.Job
	plan int
}

// begin returns the jobs of all plans in the order in which they start. Those of early kinds come
// first. The others take turns, so that work of each kind is there all the time.
func begin(ctx context.Context, env *install.Env, plans []plan) []task {
	var early []task
	var others [][]task
	for i := range plans {
		jobs, out := plans[i].Begin(ctx, env)
		plans[i].done.Add(out)
		plans[i].carried = true
		tasks := make([]task, len(jobs))
		for j, job := range jobs {
			tasks[j] = task{job, i}
		}
		if plans[i].early {
			early = append(early, tasks...)
		} else {
			others = append(others, tasks)
		}
	}
	return append(early, inTurn(others)...)
}

// inTurn takes one of each list, as long as there are any.
func inTurn(lists [][]task) (all []task) {
	for i := 0; ; i++ {
		n := len(all)
		for _, l := range lists {
			if i < len(l) {
				all = append(all, l[i])
			}
		}
		if len(all) == n {
			return all
		}
	}
}

// Jobs of bigJob stored bytes and more have slots of their own, bigShare of all in 16ths. Few of
// them fill a link, and the fewer there are, the sooner the first of their frames is whole and can
// be decoded; for small objects the time to the first byte counts, and they need many requests in
// flight.
const (
	bigJob   = 4 << 20
	bigShare = 6
)

// do runs all tasks, with at most n transfers at once, until the first error of any. What became of
// them has their order; each belongs to its own goroutine until all have ended.
func do(ctx context.Context, n int, tasks []task) ([]install.Outcome, error) {
	var big, small []int
	for i, t := range tasks {
		if t.Bytes >= bigJob {
			big = append(big, i)
		} else {
			small = append(small, i)
		}
	}
	outcomes := make([]install.Outcome, len(tasks))
	nbig := max(1, n*bigShare/16)
	g, ctx := errgroup.WithContext(ctx)
	start := func(list []int, s fetch.Slots) {
		g.Go(func() error {
			for _, i := range list {
				fetched, done, err := s.Take(ctx)
				if err != nil {
					return err
				}
				g.Go(func() (err error) {
					defer done()
					outcomes[i], err = tasks[i].Do(ctx, fetched)
					return err
				})
			}
			return nil
		})
	}
	start(big, fetch.NewSlots(nbig))
	start(small, fetch.NewSlots(max(1, n-nbig)))
	return outcomes, g.Wait()
}
