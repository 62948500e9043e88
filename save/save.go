// Package save stores what a job added to GOMODCACHE and GOCACHE.
//
// It scans both caches, joins them with the snapshot that is already stored, trims,
// uploads what the store does not have, and writes the manifest last. Killed at
// any instant, it leaves the old snapshot whole. Objects are built in memory
// within one bound (Options.Memory), larger ones are streamed; peak memory does not
// depend on the size of the caches but for their lists of entries (about 500 bytes an entry).
package save

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/idindex"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/lookup"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/keys"
)

// Options say what to save, and where to. The identity must be that of the restore of the same job.
type Options struct {
	Store                          store.Store
	Repo                           string
	Scope, BaseScope, DefaultScope string
	Keys                           keys.Plan
	ModDir, BuildDir               string // "" switches that half off: what is stored of it is kept
	Private                        string // patterns as in GOPRIVATE, comma-separated
	State                          *jobstate.State
	// StableTimes says that the files of the project have times that depend on their content only.
	// Without it, what rests on times of files is left out.
	StableTimes bool
	// GoVersion, GOROOT, GOMODCACHE and Getenv are what the go command of the job sees: they prove
	// of build entries that no file times are in them.
	GoVersion, GOROOT, GOMODCACHE string
	// BuiltWith is what the job builds with, as buildenv.Hashes has it; nil: it is not known.
	BuiltWith map[string]string
	Getenv    func(string) (string, bool)
	// ModuleUse lists the module versions that provide a package to the project, and the toolchain
	// in use. It is called once, while the caches are scanned. Nil, and a nil map: everything that
	// go.sum names counts as used. An error becomes a warning.
	ModuleUse  func(context.Context) (map[module.Version]bool, error)
	MaxAge     time.Duration // what was unused for longer is dropped; 0: never
	MaxSize    int64         // bytes on disk, both halves; 0: no bound
	MaxModules int64         // bytes on disk of module trees; 0: no bound
	MaxBuild   int64         // bytes on disk of build outputs; 0: no bound
	// RepackBudget bounds the live bytes that are packed anew because their packs are mostly dead,
	// uncompressed. 0: DefaultRepackBudget; negative: none.
	RepackBudget int64
	// JobFailed says that the job did not come to its end: what it made is added, and nothing is
	// dropped or packed anew, for what it would have used is not known.
	JobFailed bool
	// ReadOnly makes Run do nothing at all.
	ReadOnly bool
	// Sign signs the snapshot; nil: it is not signed.
	Sign note.Signer
	// Trust says whose snapshots this one may build upon; nil: everybody's. With Sign it must be
	// set, and know that key too: else entries that somebody put into an unsigned snapshot would be
	// signed with ours.
	Trust *snapshot.Trust
	Fuzz  bool // save the fuzzing corpus
	// NoToolchains leaves toolchains alone that are here. Those that the snapshot has age there.
	NoToolchains bool
	// Paths are directories beside the two caches. What is stored of others is kept until it is
	// MaxAge old.
	Paths []extradir.Path
	// Describe fills in Result.Largest, for which the largest build outputs are read: some tens of
	// milliseconds each.
	Describe    bool
	Concurrency int // objects in transfer; default 16
	// Memory bounds the bytes of objects that are being built or uploaded; 0: DefaultMemory. Each
	// is accounted for as if it did not compress at all, so caches of Go code take about a third of
	// it. One object is always built, which takes 81 MiB at most.
	Memory int64
	// MoreMemory, unless it is nil, is told how many bytes the lists of entries take beyond what
	// fits into the usual memory, whenever that changes. It is for a collector that works towards a
	// fixed size, which else would run in vain.
	MoreMemory func(bytes int64)
	Writer     snapshot.Writing
	Meter      *report.Meter
	Now        func() time.Time
}

// DefaultConcurrency suits a store in the same region; see docs/transfer.md.
const DefaultConcurrency = 16

// DefaultMemory lets 16 objects of the usual size be in transfer, within the 512 MB that are
// promised for the process. The lists of very large caches take their share of it, down to
// leastMemory, which keeps two cores busy.
const (
	DefaultMemory = 330 << 20
	leastMemory   = 176 << 20
)

// refreshAfter is how old a recorded last use gets before it alone is a reason to write a
// manifest: rarely enough that an unchanged job writes nothing, often enough for ages in days.
const refreshAfter = 24 * time.Hour

// Counts says what became of the things of one kind.
type Counts struct {
	Uploaded int `json:"uploaded"` // new in the store
	Stored   int `json:"stored"`   // was there already
	Trimmed  int `json:"trimmed"`  // dropped from the snapshot
	Skipped  int `json:"skipped"`  // not fit to be stored: see the warnings
}

// Result is what a save did, also beside an error.
type Result struct {
	Key      string `json:"key"`
	Written  bool   `json:"written"` // false: nothing was new
	ReadOnly bool   `json:"readOnly,omitempty"`
	// the key that the restore of this job looked for, if the module files are others now
	Also    []string `json:"also,omitempty"`
	Objects []string `json:"objects,omitempty"`
	Modules Counts   `json:"modules"`
	Build   Counts   `json:"build"` // action entries
	// new action entries that were left out because they rest on times of files
	Timed         int    `json:"timed"`
	Packs         Counts `json:"packs"`
	Files         Counts `json:"files"` // of Options.Paths
	BytesUploaded int64  `json:"bytesUploaded"`
	BytesRead     int64  `json:"bytesRead"`
	StoredBytes   int64  `json:"storedBytes"` // of the whole snapshot
	// of the snapshot that this save built on
	Before  *snapshot.Size `json:"before,omitempty"`
	After   *snapshot.Size `json:"after,omitempty"`
	Reuse   *Reuse         `json:"reuse,omitempty"`   // none: no restore told
	Largest *Largest       `json:"largest,omitempty"` // with Options.Describe
	Trim    Trim           `json:"trim"`
	// what the job built with other values of than the snapshot that it restored
	Differs  []string         `json:"differs,omitempty"`
	Seconds  float64          `json:"seconds"`
	Requests map[string]int64 `json:"requests"`
	Warnings []string         `json:"warnings,omitempty"`
	// the last saves, and with Written this one
	Trend []snapshot.Saved `json:"trend,omitempty"`
}

// run is one save, or the plan of one.
type run struct {
	Options
	start time.Time
	mods  *modcache.Cache
	build *buildcache.Cache

	prev    previous
	inv     *buildcache.Inventory
	local   localEntries
	modules []localModule
	trees   []localTree
	files   []extraFile    // of Paths, sorted
	newFile map[fileID]int // what this save packed of them: index into packs
	// when ModuleUse told last what is in use, for this snapshot or one that it builds upon
	asked time.Time
	// provides is what ModuleUse told; nil: it was not asked.
	provides map[module.Version]bool
	// what the file system tells, where all was asked for it
	uses map[module.Version]modcache.Use
	// graph dates the versions of the module graph that go.sum does not name.
	graph map[module.Version]int64
	reuse *Reuse
	// rewrite are the packs whose live outputs this save packs anew; nil: not decided yet.
	rewrite map[string]bool

	memory   *semaphore.Weighted
	building *semaphore.Weighted // objects that are being built: see builders
	denied   atomic.Int64        // modules that the store refused
	packs    []snapshot.Pack     // what this save packed
	// unreadable is how many files of the build cache this user may not read.
	unreadable int
	// unread says which directories of the module cache could not be read.
	unread []error
	// timed is how many new build entries were left out because they rest on times of files.
	timed   int
	ignored bool // the store takes conditional writes and ignores the condition
	// where in them the outputs of inv lie, with the same indices; nil: this save packs no outputs
	placed []placed
	tally  tally
	garbage

	// others indexes the outputs of othersOf, a manifest that another save wrote after this one
	// began.
	others   *idindex.Index
	othersOf *snapshot.Manifest
}

// builders is how many objects are built at once. More would only share the cores, and what was
// begun first, which is the largest, would be what all wait for at the end.
func builders() int64 { return int64(max(runtime.GOMAXPROCS(0), 2)) }

// Plan says what Run would do, and writes nothing anywhere.
func Plan(ctx context.Context, o Options) (*PlanResult, error) {
	r, err := prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	return r.describe(ctx)
}

// Run saves. Nothing new is no error, and writes nothing. After an error of the
// store, the snapshot is the one from before.
func Run(ctx context.Context, o Options) (*Result, error) {
	if o.ReadOnly {
		return &Result{Key: o.Keys.Key.String(), ReadOnly: true, Requests: o.Store.Requests()}, nil
	}
	if err := store.Writable(ctx, o.Store); err != nil {
		return &Result{Key: o.Keys.Key.String(), Requests: o.Store.Requests()}, err
	}
	r, err := prepare(ctx, o)
	if err == nil {
		err = r.execute(ctx)
	}
	return r.result(), err
}

// prepare reads what is stored and what is here.
func prepare(ctx context.Context, o Options) (*run, error) {
	o.Concurrency = cmp.Or(max(o.Concurrency, 0), DefaultConcurrency)
	o.Memory = cmp.Or(max(o.Memory, 0), DefaultMemory)
	if o.Meter == nil {
		o.Meter = new(report.Meter)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.State = usableState(o)
	r := &run{Options: o, start: o.Now(), building: semaphore.NewWeighted(builders()), newFile: map[fileID]int{}}
	r.Meter.SetPhase("look up")
	if err := r.probe(ctx); err != nil {
		return r, err
	}
	if err := r.readPrevious(ctx); err != nil {
		return r, err
	}
	r.Meter.SetPhase("scan")
	if err := r.scan(ctx); err != nil {
		return r, err
	}
	r.shareMemory()
	return r, nil
}

// probeTime is how long a save waits for a store that did not answer the restore of the same job.
const probeTime = 5 * time.Second

// probe asks for one object first, if the restore of this job found that the store does not answer:
// all timeouts and retries of a whole save would only hold up a job that has waited for them once.
func (r *run) probe(ctx context.Context) error {
	if r.State == nil || !r.State.Unreachable {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, probeTime, fmt.Errorf("%w: no answer within %s", store.ErrUnreachable, probeTime))
	defer cancel()
	_, err := r.Store.Stat(ctx, snapshot.ManifestObject(r.Repo, r.Scope, r.Keys.Key.Latest()))
	if err == nil || errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return fmt.Errorf("as in the restore of this job: %w", err)
}

// scan lists both caches at once: that of modules waits for the go command, which says what
// provides packages.
func (r *run) scan(ctx context.Context) error {
	g, both := errgroup.WithContext(ctx)
	if r.BuildDir != "" {
		r.build = buildcache.Open(r.BuildDir)
		g.Go(func() error {
			if err := r.scanBuild(both); err != nil {
				return fmt.Errorf("build cache %s: %w", r.BuildDir, err)
			}
			return nil
		})
	}
	if r.ModDir != "" {
		r.mods = modcache.Open(r.ModDir, modcache.Options{Unread: r.addUnread})
		g.Go(func() error {
			if err := r.scanModules(both); err != nil {
				return fmt.Errorf("module cache %s: %w", r.ModDir, err)
			}
			return nil
		})
	}
	g.Go(func() error { return r.scanPaths(both) })
	if err := g.Wait(); err != nil {
		return err
	}
	return r.scanTrees(ctx)
}

// usableState drops from the state what it says about another store or repository. When the
// caches were filled holds all the same.
func usableState(o Options) *jobstate.State {
	if o.State == nil || o.State.Store == o.Store.String() && o.State.Repo == o.Repo {
		return o.State
	}
	return &jobstate.State{Time: o.State.Time}
}

// execute uploads what is new, then publishes.
func (r *run) execute(ctx context.Context) error {
	first := r.assemble(r.prev.own())
	first.manifest = nil // publish makes another one
	if err := r.upload(ctx, first); err != nil {
		return err
	}
	if err := r.confirm(ctx); err != nil {
		return err
	}
	return r.publish(ctx)
}

func (r *run) result() *Result {
	res := &Result{
		Key: r.Keys.Key.String(), BytesUploaded: r.Meter.Bytes.Load(), BytesRead: r.Meter.Disk.Load(),
		Seconds: time.Since(r.start).Seconds(), Requests: r.Store.Requests(),
	}
	r.tally.into(res)
	return res
}

// previous is what the store has already: the manifests that this save builds on.
type previous struct {
	exact, latest lookup.Found            // in the own scope
	manifests     []*snapshot.Manifest    // best first: own exact, the one restored, own latest
	where         *idindex.Index          // their outputs, see index
	files         map[fileID]storedFile   // of directories beside the caches
	bad           map[string]map[int]bool // damaged frames by object; -1: the whole object
}

// own is the snapshot under the exact key in the own scope: the one that the save replaces; or nil.
func (p *previous) own() *snapshot.Manifest { return p.exact.Manifest }

func (r *run) reader() lookup.Reader {
	return lookup.Reader{Store: r.Store, Repo: r.Repo, Trust: r.Trust, Now: r.Now}
}

// readPrevious fetches the manifests that matter, and finds out which of their packs are still
// good.
func (r *run) readPrevious(ctx context.Context) error {
	k := r.Keys.Key
	own := lookup.Candidates(r.Repo, []string{r.Scope}, k.Exact(), k.Latest())
	found, err := r.reader().All(ctx, own)
	if err != nil {
		return err
	}
	r.prev.exact, r.prev.latest = found[0], found[1]
	base, err := r.readBase(ctx, own)
	if err != nil {
		return err
	}
	for _, f := range []lookup.Found{found[0], base, found[1]} {
		if f.Err != nil {
			r.tally.warn("%v: it will be replaced", f.Err)
		}
		if f.Manifest != nil && !slices.ContainsFunc(r.prev.manifests, f.Manifest.SharesTables) {
			r.prev.manifests = append(r.prev.manifests, f.Manifest)
		}
	}
	if err := r.findDamage(ctx); err != nil {
		return err
	}
	r.prev.index()
	return nil
}

// readBase fetches the snapshot that the restore of this job used, where that is in another
// scope; without a state, the one that a restore would use.
func (r *run) readBase(ctx context.Context, own []lookup.Candidate) (lookup.Found, error) {
	k := r.Keys.Key
	cands := lookup.Candidates(r.Repo, []string{r.BaseScope, r.DefaultScope}, k.Exact(), k.Latest())
	if r.State != nil && r.State.Matched != nil {
		m := r.State.Matched
		cands = []lookup.Candidate{{Scope: m.Scope, Key: m.Key, Object: snapshot.ManifestObject(r.Repo, m.Scope, m.Key)}}
	}
	if len(cands) > 0 && (cands[0].Object == own[0].Object || cands[0].Object == own[1].Object) {
		return lookup.Found{}, nil
	}
	found, _, err := r.reader().First(ctx, cands)
	if errors.Is(err, store.ErrDenied) {
		return lookup.Found{}, nil // another scope that this job may not read is as good as absent
	}
	return found, err
}
