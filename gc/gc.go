// Package gc removes from a store what is no longer needed:
//
//   - manifests that were not written for Options.MaxAge;
//   - packs that no manifest names;
//   - grades of scopes that have no manifest;
//   - module objects that no manifest names and that were neither written nor touched for
//     Options.MaxAge;
//   - unfinished uploads.
//
// It can run at the same time as saves, restores and other collections, and can be killed at any
// moment. A notice period makes that safe: an object that no manifest names is noted in the store.
// A later collection removes it if it has been noted for Options.Grace, is still unnamed, and was
// neither written nor touched since it was noted. A save does not rely on noted objects (package
// save, refresh.go). docs/gc.md has the proof.
//
// Object names are held as fingerprints of 16 bytes. A store of a million objects takes some 100 MB
// at worst; docs/gc.md has the figures.
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
	// MaxAge is how long a manifest is kept after it was last written, and a module object that no
	// manifest names after it was last written or touched; 0: for ever.
	MaxAge time.Duration
	// Grace is the notice period of unnamed objects, and the age at which an upload counts as
	// abandoned. It must be longer than any save takes. With 0 objects are removed at once, which
	// is only safe if nobody uses the store meanwhile.
	Grace       time.Duration
	Concurrency int // manifests read, or requests to remove, at once; default 16
	Meter       *report.Meter
	Watch       Watcher // sees what the collection looks at; may be nil
	// Now replaces the store's clock in tests.
	Now func() time.Time
}

// DefaultConcurrency suits a store in the same region.
const DefaultConcurrency = 16

// MaxRun is how long after its start a collection may remove objects. Saves rely on this bound, see
// gcnotes.Collection.
const MaxRun = 12 * time.Hour

// run is one collection, or the plan of one.
type run struct {
	Options
	dry     bool
	started time.Time // monotonic, for MaxRun
	now     time.Time // when it started, by the store's clock

	notes notes
	live  nameSet
	// within is where manifests are read. What the chosen ones name, Weigh collects in named
	// instead of live.
	within string
	chosen func(object string) bool
	named  nameSet
	// unreadable has the escaped repositories with a manifest that cannot be read: such a manifest
	// could name any object of its repository, and any shared module.
	unreadable map[string]bool
	scopes     map[string]bool // that have a manifest which is kept; see scopeOf
	tally      tally
}

// Plan says what Run would remove now. It writes nothing, and uses the clock of this machine.
func Plan(ctx context.Context, o Options) (*Result, error) { return collect(ctx, o, true) }

// Run removes what is due. The result is valid even if there is an error; the next run goes on
// where this one ended.
func Run(ctx context.Context, o Options) (*Result, error) { return collect(ctx, o, false) }

func collect(ctx context.Context, o Options, dry bool) (*Result, error) {
	r := newRun(o, dry)
	r.notes.id = rand.Text()
	err := r.execute(ctx)
	return r.result(), err
}

func newRun(o Options, dry bool) *run {
	o.Concurrency = cmp.Or(max(o.Concurrency, 0), DefaultConcurrency)
	if o.Meter == nil {
		o.Meter = new(report.Meter)
	}
	return &run{
		Options: o, dry: dry, started: time.Now(), within: snapshot.ReposRoot,
		unreadable: map[string]bool{}, scopes: map[string]bool{},
	}
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
	// The notes are written even after an error, and when ctx was cancelled, because saves are more
	// careful as long as the notes say that a collection is running.
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

// begin reads the notes, announces this collection to saves, and learns the store's time from the
// object that it has just written.
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

// storeTime returns the current time by the store's clock.
func (r *run) storeTime() time.Time { return r.now.Add(time.Since(r.started)) }

var errTooLong = fmt.Errorf("the collection has been running for %v and ends here; another one goes on", MaxRun)

// mayRemove returns an error if the collection must not remove anything any more. It is called
// before every removal.
func (r *run) mayRemove(ctx context.Context) error {
	if time.Since(r.started) > MaxRun {
		return errTooLong
	}
	return ctx.Err()
}

// kinds in the order of reports.
var kinds = []snapshot.Kind{snapshot.KindManifest, snapshot.KindPack, snapshot.KindModule, snapshot.KindProxy, snapshot.KindHealth}
