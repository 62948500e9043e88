// Package objects verifies a whole store: each object has the bytes that its name promises, and
// each manifest says what is true of the packs and modules that it names.
//
//   - A pack: its SHA-256 is its name, and its frames have the sizes and hashes that manifests say.
//     If a manifest says that it has chunks, these have the hashes that its list says. Saves
//     believe lists: see docs/security.md.
//   - A module object: the h1 hash of its tree is the one in its name. A delta is put together with
//     its base. Its files, their bytes and its base are what manifests say.
//   - A manifest: its hash, its limits and order, and that all extents lie within their frames, as
//     for every reader; that it lies under its own name; that what it names is there. With Trust,
//     that a trusted key has signed it, however old it is.
//   - A small object of a module proxy, and the notes of garbage collection: the hash inside.
//   - The last grade of a job: that it is one.
//
// An object that may not be read is named, and not judged.
//
// # Memory
//
// Packs without chunks are streamed. A module takes its frames, and a pack of chunks packMemory;
// not more of them are read at once than objectMemory allows. A manifest takes what every reader
// needs, within manifestMemory. What
// manifests say of objects takes 40 bytes for each of these, and half as much again while it is
// collected; what is verified, 16 bytes for an object, with Options.Resume only.
//
// # Beside jobs
//
// Objects appear, and manifests are replaced, while this goes on. An object that vanishes is
// missing only if a manifest that is there names it then.
package objects

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// Options say what to verify.
type Options struct {
	Store       store.Collector // is listed and read
	Trust       *snapshot.Trust // nil: signatures are not looked at
	Concurrency int             // objects read at once; default 16
	// Resume is the file that notes what is verified; "": nothing is noted. It goes when all is
	// done.
	Resume string
	Meter  *report.Meter
}

// DefaultConcurrency suits a store in the same region.
const DefaultConcurrency = 16

// Bounds of the memory for what is read at once, in bytes. One object may be larger, and is read
// alone.
const (
	manifestMemory = 256 << 20
	objectMemory   = 192 << 20
)

// KindNotes are the notes of garbage collection.
const KindNotes snapshot.Kind = "notes"

// Kinds are what is verified, in the order of reports.
var Kinds = []snapshot.Kind{snapshot.KindManifest, snapshot.KindPack, snapshot.KindModule, snapshot.KindProxy, snapshot.KindHealth, KindNotes}

// Checked counts objects of one kind.
type Checked struct {
	Objects int64 `json:"objects"`
	Bytes   int64 `json:"bytes"`
	// Before of them were verified by a run that this one resumes.
	Before int64 `json:"before,omitempty"`
	Wrong  int64 `json:"wrong"`
}

// A Fault is what is wrong with an object. For a manifest that can be what it says of another one.
type Fault struct {
	Kind     snapshot.Kind  `json:"kind"`
	Name     string         `json:"name"`
	Status   finding.Status `json:"status"`
	Evidence string         `json:"evidence"`
	Remedy   string         `json:"remedy,omitempty"` // "": the next save of that job mends it
}

// Result is what was found. It is valid even if there is an error.
type Result struct {
	Checked map[snapshot.Kind]*Checked `json:"checked"`
	Other   Checked                    `json:"other"` // not gocache's
	Faults  []Fault                    `json:"faults"`
	Bytes   int64                      `json:"bytes"` // that were read
	Seconds float64                    `json:"seconds"`
}

// Worst is the status of the worst fault.
func (r *Result) Worst() finding.Status {
	worst := finding.OK
	for _, f := range r.Faults {
		worst = max(worst, f.Status)
	}
	return worst
}

// run is one verification.
type run struct {
	Options
	memory *semaphore.Weighted // of modules and packs of chunks

	mu    sync.Mutex // guards what follows
	res   Result
	wrong map[string]bool // objects with a fault
	// denied counts objects that may not be read, since the last one that was.
	denied int
	state  *state
	// claims are added while manifests are read, and only marked afterwards.
	claims claims
}

// Run verifies the store, and writes nothing to it. The only errors are those of the store as a
// whole, of the file to resume with, and of ctx.
func Run(ctx context.Context, o Options) (*Result, error) {
	start := time.Now()
	o.Concurrency = cmp.Or(max(o.Concurrency, 0), DefaultConcurrency)
	if o.Meter == nil {
		o.Meter = new(report.Meter)
	}
	r := &run{Options: o, memory: semaphore.NewWeighted(objectMemory), wrong: map[string]bool{}}
	r.res = Result{Checked: map[snapshot.Kind]*Checked{}, Faults: []Fault{}}
	for _, k := range Kinds {
		r.res.Checked[k] = new(Checked)
	}
	err := r.execute(ctx)
	r.res.Bytes, r.res.Seconds = o.Meter.Bytes.Load(), time.Since(start).Seconds()
	slices.SortStableFunc(r.res.Faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(b.Status, a.Status), cmp.Compare(slices.Index(Kinds, a.Kind), slices.Index(Kinds, b.Kind)), cmp.Compare(a.Name, b.Name))
	})
	return &r.res, err
}

func (r *run) execute(ctx context.Context) (err error) {
	if r.state, err = openState(r.Resume, r.Store.String()); err != nil {
		return err
	}
	r.Meter.SetPhase("read manifests")
	err = r.readManifests(ctx)
	if err == nil {
		r.claims.seal()
		r.Meter.SetPhase("objects")
		err = r.readObjects(ctx)
	}
	if err == nil {
		r.Meter.SetPhase("look for what is missing")
		err = r.findMissing(ctx)
	}
	if err != nil {
		return errors.Join(err, r.state.write())
	}
	return r.state.remove()
}

// fault notes a fault. Only the first of an object counts as a wrong one.
func (r *run) fault(f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.wrong[f.Name] {
		r.wrong[f.Name] = true
		r.res.Checked[f.Kind].Wrong++
	}
	r.res.Faults = append(r.res.Faults, f)
}

// each calls do for each object below a prefix, several at once, until one returns an error.
func (r *run) each(ctx context.Context, prefix string, do func(ctx context.Context, e store.Entry) error) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(r.Concurrency)
	for e, err := range r.Store.List(gctx, prefix) {
		if err != nil {
			g.Go(func() error { return err })
			break
		}
		g.Go(func() error { return do(gctx, e) })
	}
	return cmp.Or(g.Wait(), store.Ended(ctx))
}

// kindOf is snapshot.KindOf, with the notes of garbage collection.
func kindOf(name string) snapshot.Kind {
	if name == gcnotes.Object {
		return KindNotes
	}
	kind, _ := snapshot.KindOf(name)
	return kind
}

// readObjects reads all objects but manifests.
func (r *run) readObjects(ctx context.Context) error {
	return r.each(ctx, snapshot.Root, func(ctx context.Context, e store.Entry) error {
		kind := kindOf(e.Name)
		if kind == snapshot.KindManifest {
			return nil
		}
		if r.res.Checked[kind] != nil {
			return r.object(ctx, kind, e)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.res.Other.Objects++
		r.res.Other.Bytes += e.Size
		return nil
	})
}

// isAsSaid compares an object that is right in itself with what manifests say of it.
func (r *run) isAsSaid(said []claim, kind snapshot.Kind, e store.Entry, is content) bool {
	right := true
	for _, c := range said {
		if differs, status := c.differs(kind, e, is); differs != "" {
			right = false
			r.fault(Fault{Kind: snapshot.KindManifest, Name: r.claims.manifests[c.manifest], Status: status, Evidence: "of " + e.Name + " it says " + differs})
		}
	}
	return right
}

// object verifies one object, unless an earlier run has, and compares it with what manifests say of
// it.
func (r *run) object(ctx context.Context, kind snapshot.Kind, e store.Entry) error {
	said := r.claims.of(e.Name)
	mark := markOf(e, said)
	before := r.has(mark)
	var is content
	var err error
	if !before {
		is, err = r.readTwice(ctx, kind, &e, said)
	}
	switch {
	case errors.Is(err, store.ErrNotFound): // removed meanwhile
		return nil
	case err != nil && (ctx.Err() != nil || ends(err)):
		return store.Named(string(kind), e.Name, err)
	}
	r.claims.see(e.Name)
	r.count(kind, e, before)
	if errors.Is(err, store.ErrDenied) {
		return r.unread(kind, e.Name, err)
	}
	if !before {
		r.readable()
	}
	right := err == nil
	if err != nil {
		r.fault(Fault{kind, e.Name, finding.Fail, err.Error(), is.remedy})
	}
	if is.warning != "" {
		r.fault(Fault{Kind: kind, Name: e.Name, Status: finding.Warn, Evidence: is.warning})
	}
	if !right || before || !r.isAsSaid(said, kind, e, is) {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.add(mark)
}

func (r *run) has(m mark) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.has(m)
}

func (r *run) count(kind snapshot.Kind, e store.Entry, before bool) {
	r.Meter.Files.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.res.Checked[kind]
	c.Objects++
	c.Bytes += e.Size
	if before {
		c.Before++
	}
}
