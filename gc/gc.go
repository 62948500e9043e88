// Package gc removes from a store what nobody needs any more:
//
//   - manifests that were not written for Options.MaxAge;
//   - packs that no manifest names;
//   - module objects that no manifest names and that were neither written nor touched for
//     Options.MaxAge;
//   - unfinished uploads.
//
// It runs beside saves and restores, beside other collections, and can be killed at any moment.
// What makes that safe is a notice period: an object that no manifest names is noted in the store,
// and removed by a later collection, if then it was noted for Options.Grace, is still unnamed, and
// was neither written nor touched since. A save does not rely on what is noted (package save,
// refresh.go). docs/gc.md has the proof.
//
// Names are never held as such, but as fingerprints of 16 bytes: a store of a million objects takes
// some 100 MB at the worst, see docs/gc.md for figures.
package gc

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// Options say what to remove.
type Options struct {
	Store store.Collector
	// MaxAge is for how long a manifest that is not written, or a module object that no manifest
	// names, is kept; 0: for ever.
	MaxAge time.Duration
	// Grace is the notice period of unnamed objects, and the age from which an upload counts as
	// abandoned. It must be longer than any save takes; 0 removes at once, and is for a store that
	// nobody uses meanwhile.
	Grace       time.Duration
	Concurrency int // manifests read, or requests to remove, at once; default 16
	Meter       *report.Meter
	// Now replaces the store's clock in tests.
	Now func() time.Time
}

// DefaultConcurrency suits a store in the same region.
const DefaultConcurrency = 16

// MaxRun bounds a collection: later it removes nothing any more. Saves rely on it, see
// gcnotes.Collection.
const MaxRun = 12 * time.Hour

// run is one collection, or the plan of one.
type run struct {
	Options
	dry     bool
	started time.Time // monotonic, for MaxRun
	now     time.Time // at the beginning, by the store's clock

	notes notes
	live  nameSet
	// Escaped repositories with a manifest that cannot be read: it could name anything in them, and
	// any shared module.
	unreadable map[string]bool
	tally      tally
}

// Plan says what Run would remove now, and writes nothing. It goes by the clock of this machine.
func Plan(ctx context.Context, o Options) (*Result, error) { return collect(ctx, o, true) }

// Run removes what is due. The result is good also beside an error, after which another
// run goes on where this one ended.
func Run(ctx context.Context, o Options) (*Result, error) { return collect(ctx, o, false) }

func collect(ctx context.Context, o Options, dry bool) (*Result, error) {
	o.Concurrency = cmp.Or(max(o.Concurrency, 0), DefaultConcurrency)
	if o.Meter == nil {
		o.Meter = new(report.Meter)
	}
	r := &run{Options: o, dry: dry, started: time.Now(), unreadable: map[string]bool{}}
	r.notes.id = rand.Text()
	err := r.execute(ctx)
	return r.result(), err
}

func (r *run) execute(ctx context.Context) error {
	r.Meter.SetPhase("read the notes")
	if err := r.begin(ctx); err != nil {
		return err
	}
	err := r.work(ctx)
	if r.dry {
		return err
	}
	// Also after an error, and when ctx was cancelled: saves are careful while a collection goes
	// on.
	r.Meter.SetPhase("write the notes")
	last, cancel := store.Cleanup(ctx, time.Minute, err)
	defer cancel()
	return errors.Join(err, r.end(last))
}

// work marks, then sweeps. Manifests are read after the notes, and before anything is removed.
func (r *run) work(ctx context.Context) error {
	r.Meter.SetPhase("read manifests")
	if err := r.mark(ctx); err != nil {
		return err
	}
	r.live.seal()
	r.Meter.SetPhase("sweep")
	if err := r.sweep(ctx); err != nil {
		return err
	}
	r.notes.swept = true
	r.Meter.SetPhase("abort uploads")
	return r.abortUploads(ctx)
}

// begin reads the notes, tells saves that a collection goes on, and learns the store's time: that
// of the object just written.
func (r *run) begin(ctx context.Context) error {
	if err := r.readNotes(ctx); err != nil {
		return err
	}
	r.now = time.Now()
	if !r.dry {
		info, err := r.announce(ctx)
		if err != nil {
			return err
		}
		r.now = info.ModTime
	}
	if r.Now != nil {
		r.now = r.Now()
	}
	return nil
}

// storeTime is the store's time now.
func (r *run) storeTime() time.Time { return r.now.Add(time.Since(r.started)) }

var errTooLong = fmt.Errorf("the collection has been running for %v and ends here; another one goes on", MaxRun)

// mayRemove is asked before every removal.
func (r *run) mayRemove(ctx context.Context) error {
	if time.Since(r.started) > MaxRun {
		return errTooLong
	}
	return ctx.Err()
}

// kinds in the order of reports.
var kinds = []snapshot.Kind{snapshot.KindManifest, snapshot.KindPack, snapshot.KindModule}
