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

// carryOut runs the jobs of all plans, and returns the plans with their outcomes. The first failure
// of the store ends everything; a failure of the disk ends only the jobs of its place.
func carryOut(ctx context.Context, o Options, start time.Time, plans []plan) ([]plan, error) {
	addTotals(o.Meter, plans)
	o.Meter.SetPhase("restore")
	env := &install.Env{
		Fetch: &fetch.Fetcher{
			Store: o.Store, Meter: o.Meter,
			Frames: fetch.NewMemory(o.storedBytes()), Again: fetch.NewMemory(againBytes),
			Buffers: fetch.NewBuffers(o.decodedFrames()),
		},
		Start: start, Locked: new(install.Locked), TreesDone: make(chan struct{}),
	}
	plans = slices.Clone(plans)
	if o.ModDir != "" {
		var err error
		// Leftovers of an interrupted restore that cannot be removed only take up space.
		if env.Stage, err = o.modCache().NewStage(); err != nil {
			plans[0].done.Warn("module cache: %v", err)
		}
		defer env.Stage.Close()
	}
	defer env.End()
	tasks := begin(ctx, env, plans)
	done, err := do(ctx, o.Concurrency, tasks)
	for i, t := range tasks {
		plans[t.plan].done.Add(done[i])
	}
	return plans, err
}

// addTotals tells the progress display how much there is to do.
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
// first. The others alternate, so that there is work of every kind at any time.
func begin(ctx context.Context, env *install.Env, plans []plan) []task {
	var early []task
	var others [][]task
	for i := range plans {
		jobs, out := plans[i].Begin(ctx, env)
		plans[i].done.Add(out)
		plans[i].parts = map[string]int{}
		tasks := make([]task, len(jobs))
		for j, job := range jobs {
			tasks[j] = task{job, i}
			plans[i].parts[job.Pack]++
		}
		if plans[i].early {
			early = append(early, tasks...)
		} else {
			others = append(others, tasks)
		}
	}
	return append(early, inTurn(others)...)
}

// inTurn merges lists by taking one task of each in turn.
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

// Jobs of at least bigJob stored bytes have slots of their own, bigShare sixteenths of all. A few
// of them fill a link, and the fewer there are, the sooner the first frames are complete and can be
// decoded. With small objects the time to the first byte matters, so many requests have to be in
// flight.
const (
	bigJob   = 4 << 20
	bigShare = 6
)

// do runs all tasks, with at most n transfers at once, and stops at the first error. The outcomes
// are in the order of the tasks. Each is written by the goroutine of its task alone, and read when
// all of them have ended.
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
