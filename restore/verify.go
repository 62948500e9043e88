package restore

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/snapshot"
	"golang.org/x/sync/errgroup"
)

// The bytes of a pack always have to match their hash in the manifest. But whoever wrote the
// manifest may have given an output other bytes than those that its name, a SHA-256, stands for;
// and a file that is here may have changed since. The go command notices neither. With
// Options.VerifyOutputs both are checked.

// findWrong hashes the outputs that are here, and takes those that are not what they are named by,
// with all their entries, for absent. They are removed when the restore begins to write. A file
// that cannot be read counts as wrong.
func (r *run) findWrong(ctx context.Context, inv *buildcache.Inventory) error {
	if !r.VerifyOutputs {
		return nil
	}
	r.Meter.SetPhase("verify")
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, o := range inv.Outputs {
		g.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if r.hashOutput(o) != o.ID {
				mu.Lock()
				defer mu.Unlock()
				r.wrong = append(r.wrong, o)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	bad := map[buildcache.ID]bool{}
	for _, o := range r.wrong {
		bad[o.ID] = true
		r.tally.warn("build output %s is not what it is named by, and goes", o.ID)
	}
	if len(bad) > 0 {
		inv.Drop(bad)
	}
	return nil
}

// hashOutput returns the SHA-256 of a local output, or no such value.
func (r *run) hashOutput(o buildcache.Output) (sum buildcache.ID) {
	f, err := r.build.OpenOutput(o)
	if err != nil {
		return sum
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum
	}
	h.Sum(sum[:0])
	return sum
}

// removeWrong makes place for what findWrong found. An entry without its output is a miss for the
// go command.
func (r *run) removeWrong() {
	for _, o := range r.wrong {
		if _, err := r.build.DiscardOutput(o); err != nil {
			if r.stuck == nil {
				r.stuck = map[buildcache.ID]bool{}
			}
			r.stuck[o.ID] = true
			r.tally.warn("%v", err)
		}
	}
}

// check hashes the next bytes of the open output. It reports false for the last ones of an output
// that is not what it is named by: without them it is a short file, which no go command uses.
func (w *outputWriter) check(p []byte) bool {
	if w.sum == nil {
		return true
	}
	w.sum.Write(p)
	if int64(len(p)) < w.left {
		return true
	}
	o := w.run.manifest().Outputs[w.output]
	if snapshot.ID(w.sum.Sum(nil)) == o.ID {
		return true
	}
	w.run.tally.damage(jobstate.Damage{
		Object: w.run.manifest().Packs[o.Pack].Object, Frame: o.Frame,
		Reason: fmt.Sprintf("output %x is not what it is named by", o.ID),
	}, "refused")
	w.run.loseOutput(w.output, "refused")
	w.abort()
	return false
}
