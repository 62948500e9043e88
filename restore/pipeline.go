package restore

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"golang.org/x/sync/errgroup"
)

// execute runs all jobs, at most Concurrency at once. The first failure of the
// store cancels the others; one of the disk, those of its part.
func (r *run) execute(ctx context.Context) (err error) {
	r.buffers = newBuffers(r.decodedFrames())
	r.stored = newFrameMemory(r.storedBytes())
	r.setTotals()
	r.Meter.SetPhase("restore")
	if r.build != nil {
		r.prepareBuild()
	}
	if r.mods != nil {
		// what is left of another restore takes space, no more
		if r.stage, err = r.mods.NewStage(); err != nil {
			r.tally.warn("module cache: %v", err)
		}
		defer r.stage.Close()
		r.startSumCheck(ctx)
	}
	return errors.Join(r.runJobs(ctx), r.failedParts())
}

// prepareBuild makes what an empty build cache has. A cache that lacks some of it can be filled all
// the same, but not one that is no directory.
func (r *run) prepareBuild() {
	if err := r.build.Prepare(r.start); err != nil {
		if info, statErr := os.Stat(r.BuildDir); statErr != nil || !info.IsDir() || osfile.IsNoSpace(err) {
			r.buildPart.giveUp(local(err))
			return
		}
		r.tally.warn("%v", err)
	}
	r.removeWrong()
}

// job is one object, or a range of one.
type job struct {
	bytes int64 // stored; 0 when unknown
	// run does it, and calls fetched once it needs the network no more.
	run func(ctx context.Context, fetched func()) error
}

// Jobs of bigJob stored bytes and more have slots of their own, bigShare of all in 16ths. Few of
// them fill a link, and the fewer there are, the sooner the first of their frames is whole and can
// be decoded; for small objects the time to the first byte counts, and they need many requests in
// flight.
const (
	bigJob   = 4 << 20
	bigShare = 6
)

// runJobs runs trees first, which are few and which `go` needs whatever else it does, then modules
// and packs.
func (r *run) runJobs(ctx context.Context) error {
	var big, small []job
	for _, j := range r.allJobs() {
		if j.bytes >= bigJob {
			big = append(big, j)
		} else {
			small = append(small, j)
		}
	}
	nbig := max(1, r.Concurrency*bigShare/16)
	g, ctx := errgroup.WithContext(ctx)
	start(ctx, g, big, newSlots(nbig))
	start(ctx, g, small, newSlots(max(1, r.Concurrency-nbig)))
	err := g.Wait()
	r.countRead()
	return err
}

// allJobs lists what is to be done; modules and packs in turn, so that work of both kinds is there
// all the time.
func (r *run) allJobs() (jobs []job) {
	if len(r.trees) > 0 {
		jobs = append(jobs, job{r.trees[0].pack.Size, func(ctx context.Context, _ func()) error { return r.restoreTrees(ctx) }})
	}
	for _, j := range r.paths {
		jobs = append(jobs, job{j.pack.Size, within(j.part, func(ctx context.Context, fetched func()) error { return r.restorePath(ctx, j, fetched) })})
	}
	if len(r.ready) > 0 {
		jobs = append(jobs, job{0, within(&r.buildPart, func(context.Context, func()) error { return r.putActions(r.ready) })})
	}
	for i := range max(len(r.modules), len(r.packs)) {
		if i < len(r.modules) {
			j := r.modules[i]
			jobs = append(jobs, job{j.size, within(&r.modPart, func(ctx context.Context, fetched func()) error { return r.restoreModule(ctx, j, fetched) })})
		}
		if i < len(r.packs) {
			j := r.packs[i]
			jobs = append(jobs, job{j.bytes, within(&r.buildPart, func(ctx context.Context, fetched func()) error { return r.restorePack(ctx, j, fetched) })})
		}
	}
	return jobs
}

// start runs jobs in their order as slots become free, until the first error of any.
func start(ctx context.Context, g *errgroup.Group, jobs []job, s slots) {
	g.Go(func() error {
		for _, j := range jobs {
			fetched, done, err := s.take(ctx)
			if err != nil {
				return err
			}
			g.Go(func() error {
				defer done()
				return j.run(ctx, fetched)
			})
		}
		return nil
	})
}

// countRead counts the packs that were read, by what became of them.
func (r *run) countRead() {
	seen := map[int]bool{}
	for _, j := range r.packs {
		seen[j.pack] = true
	}
	for _, j := range r.trees {
		seen[j.tree.Pack] = true
	}
	for _, j := range r.paths {
		seen[j.index] = true
	}
	for pack := range seen {
		if kind := r.tally.lost[r.manifest().Packs[pack].Object]; kind != "" {
			r.tally.packs.lost(kind)
		} else {
			r.tally.packs.Restored++
		}
	}
}

// setTotals tells the progress display what is known beforehand. Modules without a manifest are
// not.
func (r *run) setTotals() {
	m := r.Meter
	for _, j := range r.packs {
		m.BytesTotal.Add(j.bytes)
		m.DiskTotal.Add(j.raw)
		m.FilesTotal.Add(int64(len(j.outputs)))
		for _, o := range j.outputs {
			m.FilesTotal.Add(int64(len(r.byOut.of(o))))
		}
	}
	for _, j := range r.modules {
		m.BytesTotal.Add(j.size)
		m.DiskTotal.Add(j.bytes)
	}
	for _, j := range r.trees {
		m.BytesTotal.Add(j.pack.Size)
	}
	for _, j := range r.paths {
		m.BytesTotal.Add(j.pack.Size)
		m.DiskTotal.Add(j.bytes)
		m.FilesTotal.Add(int64(len(j.wanted)))
	}
	m.FilesTotal.Add(int64(len(r.ready)))
}

// aged is the mtime for something last used at t (Unix seconds).
func (r *run) aged(t int64) time.Time { return buildcache.AgedTime(time.Unix(t, 0), r.start) }

// copyBuffers are for copying members: large enough that nearly every file is one write.
const copyBuffer = 1 << 20

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, copyBuffer); return &b }}

// buffers lends a fixed number of decoded frames. They are made when first needed.
type buffers struct{ free chan []byte }

func newBuffers(n int) *buffers {
	b := &buffers{make(chan []byte, n)}
	for range n {
		b.free <- nil
	}
	return b
}

// Get waits for a free buffer. Each is made for a whole frame at once, of which the system gives
// only what is touched; growing them from frame to frame made twice the garbage.
func (b *buffers) Get() []byte {
	if p := <-b.free; p != nil {
		return p
	}
	return make([]byte, 0, snapshot.FrameSize)
}

// Put gives a buffer back. Those that a larger frame than we write took the place of are left to
// the collector.
func (b *buffers) Put(p []byte) {
	if cap(p) != snapshot.FrameSize {
		p = nil
	}
	b.free <- p
}
