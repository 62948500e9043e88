package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
)

// timing is how long a step took, in seconds, in several runs.
type timing struct {
	Best  float64 `json:"seconds"`
	Worst float64 `json:"slowest"`
	Runs  int     `json:"runs"`
}

// add adds a run.
func (t *timing) add(took time.Duration) {
	s := took.Seconds()
	if t.Runs++; t.Runs == 1 {
		t.Best, t.Worst = s, s
	}
	t.Best, t.Worst = min(t.Best, s), max(t.Worst, s)
}

// noisyFrom is the ratio of the slowest run to the fastest from which on times count as noisy.
const noisyFrom = 1.25

// spread is how many times as long the slowest run took as the fastest.
func (t timing) spread() float64 { return t.Worst / max(t.Best, 1e-9) }

func (t timing) noisy() bool { return t.spread() >= noisyFrom }

// A step is repeated until it was run mostRuns times, unless the first round took longer than
// cheapRound.
const (
	mostRuns   = 3
	cheapRound = 10 * time.Second
)

// cacheWay is a way of caching that is measured.
type cacheWay interface {
	// save stores the caches. A first save finds nothing stored.
	save(ctx context.Context, first bool) (stored int64, err error)
	// restore restores into an empty directory.
	restore(ctx context.Context) error
	// clear removes what was restored, ready for a restore.
	clear() error
}

// rounds has the ways of caching take turns.
type rounds struct {
	t    *trial
	ways []measured
}

// measured is a way of caching and what is known of it.
type measured struct {
	cacheWay
	res *tryCache
}

// newRounds finds out whether there is anything to compare with.
func (t *trial) newRounds() (*rounds, error) {
	r := &rounds{t: t, ways: []measured{{&ourWay{t}, &t.res.Cache}}}
	if t.res.TarMissing = missingTools(); t.res.TarMissing == "" {
		t.res.Tar = new(tryCache)
		r.ways = append(r.ways, measured{&tarWay{t}, t.res.Tar})
	}
	return r, os.MkdirAll(t.path("archive"), 0o755)
}

// each calls do for all ways, round after round, and each time with another one first, so that what
// a disk or a processor still does afterwards does not always slow down the same one.
func (r *rounds) each(ctx context.Context, prepare func() error, do func(measured) error) error {
	start := time.Now()
	for n := range mostRuns {
		if n > 0 && time.Since(start) > cheapRound {
			break
		}
		if err := prepare(); err != nil {
			return err
		}
		for i := range r.ways {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			flushDisks()
			if err := do(r.ways[(n+i)%len(r.ways)]); err != nil {
				return err
			}
		}
	}
	return nil
}

// saves measures the first save.
func (r *rounds) saves(ctx context.Context) error {
	nothing := func() error { return nil }
	return r.each(ctx, nothing, func(w measured) (err error) {
		start := time.Now()
		w.res.Stored, err = w.save(ctx, true)
		w.res.Save.add(time.Since(start))
		return err
	})
}

// restores measures restores. What the first way restored stays.
func (r *rounds) restores(ctx context.Context) error {
	clear := func() (err error) {
		for _, w := range r.ways {
			err = errors.Join(err, w.clear())
		}
		return err
	}
	err := r.each(ctx, clear, func(w measured) error {
		start := time.Now()
		err := w.restore(ctx)
		w.res.Restore.add(time.Since(start))
		return err
	})
	for _, w := range r.ways[1:] {
		err = errors.Join(err, w.clear())
	}
	return err
}

// ourWay runs the code of gocache save and gocache restore.
type ourWay struct{ t *trial }

func (w *ourWay) store() string { return w.t.path("store") }

func (w *ourWay) save(ctx context.Context, first bool) (int64, error) {
	if first {
		if err := osfile.RemoveAll(w.store()); err != nil {
			return 0, err
		}
	}
	st, err := dir.Open(w.store())
	if err != nil {
		return 0, err
	}
	o := saveOptions(w.t.run, w.t.project, st, new(report.Meter))
	o.State, o.ModuleUse, o.MaxAge, o.MaxSize = w.t.state, nil, 0, 0
	o.ModDir, o.BuildDir = w.t.dirs()
	show := w.t.run.progress(o.Meter, uploadWords)
	res, err := save.Run(ctx, o)
	show.Stop()
	if err != nil {
		return 0, fmt.Errorf("save: %w", err)
	}
	w.t.run.out.warnings(res.Warnings)
	return res.BytesUploaded, nil
}

func (w *ourWay) restore(ctx context.Context) error {
	st, err := dir.Open(w.store())
	if err != nil {
		return err
	}
	o := restoreOptions(w.t.run, w.t.project, st, new(report.Meter))
	o.ModDir, o.BuildDir = w.t.dirs()
	show := w.t.run.progress(o.Meter, downloadWords)
	res, err := restore.Run(ctx, o)
	show.Stop()
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	w.t.run.out.warnings(res.Warnings)
	w.t.state = &res.State
	return nil
}

func (w *ourWay) clear() error { return clearDir(w.t.cacheDir()) }

// clearDir empties a directory that need not exist.
func clearDir(dir string) error {
	if err := osfile.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove temporary files: %w", err)
	}
	return os.MkdirAll(dir, 0o755)
}

// readAll reads the files below a directory, and sums up their sizes and counts them.
func readAll(root string) (bytes, files int64, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == root {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		n, err := io.Copy(io.Discard, f)
		bytes, files = bytes+n, files+1
		return err
	})
	return bytes, files, err
}
