// Package save stores what a job added to GOMODCACHE and GOCACHE.
//
// A save has five phases, each of which takes values and returns values:
//
//	gather    previous manifests, notes of garbage collection, both caches ▶ facts
//	plan      facts and the manifest to be replaced ▶ the next manifest, and what the store lacks
//	prepare   what the store lacks ▶ the objects to be made; it can have parts of outputs
//	upload    these objects ▶ outcomes, which become part of the facts
//	publish   plan again, and write the manifest; after a conflict with another save, once more
//
// The plan is pure: no store, no clock, no files. It goes through the kinds of content, of which
// this package knows the interface only (internal/content/collect).
//
// The manifest is written last. Killed at any instant, a save leaves the old snapshot whole.
// Objects are built in memory within one bound (Options.Memory), larger ones are streamed; peak
// memory does not depend on the size of the caches but for their lists of entries (about 500 bytes
// an entry).
package save

import (
	"cmp"
	"context"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/note"

	"github.com/org/gocache-action/internal/content/build"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/modules"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/jobstate"
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
	ModDir, BuildDir               string // "" leaves that cache out: what is stored of it is kept
	Private                        string // patterns as in GOPRIVATE, comma-separated
	// Withhold leaves private modules out, and new build outputs that mention one: the paths of
	// those that the project uses, beside which those in ModDir count. Nil: everything is saved.
	Withhold []string
	// SumDB says that a restore confirms modules that go.sum does not name with the checksum
	// database.
	SumDB bool
	// Own says what belongs to the project. On a machine that keeps its caches, new build outputs
	// of other packages are left out. Nil: nothing is, or it is not known.
	Own   *Own
	State *jobstate.State
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
	MaxSize    int64         // bytes on disk of both caches; 0: no bound
	MaxModules int64         // bytes on disk of module trees; 0: no bound
	MaxBuild   int64         // bytes on disk of build outputs; 0: no bound
	// RepackBudget bounds the live bytes that are packed anew because their packs are mostly dead,
	// uncompressed. 0: DefaultRepackBudget; negative: none.
	RepackBudget int64
	// JobFailed says that the job did not come to its end: what it made is added, and nothing is
	// dropped or packed anew, for what it would have used is not known.
	JobFailed bool
	// LeastNew is how many bytes must be new, uncompressed, for anything to be written; see
	// SmallSave. 0: one byte is enough.
	LeastNew int64
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

// refreshAfter is how old a recorded last use gets before it alone is a reason to write a manifest.
const refreshAfter = modules.RefreshAfter

// Reuse says what the job got out of the snapshot that its restore found.
type Reuse = build.Reuse

// Counts says what became of the things of one kind.
type Counts struct {
	Uploaded int `json:"uploaded"` // new in the store
	Stored   int `json:"stored"`   // was there already
	Trimmed  int `json:"trimmed"`  // dropped from the snapshot
	Skipped  int `json:"skipped"`  // not fit to be stored: see the warnings
}

// Own is what belongs to a project.
type Own struct {
	// Modules are paths of the modules of which it builds packages, as far as go.sum does not name
	// them: its own, what they require, and what they replace.
	Modules []string
	// Dirs are the directories of its modules, with slashes.
	Dirs []string
}

// Foreign is what of other projects was left out.
type Foreign struct {
	Build   int      `json:"build"`
	Modules []string `json:"modules,omitempty"` // about the paths of some of their modules
}

// shownForeign bounds Foreign.Modules.
const shownForeign = 20

// LeftOut counts what is here, and not saved.
type LeftOut struct {
	Modules int `json:"modules"`
	Build   int `json:"build"`
}

// Result is what a save did, also beside an error.
type Result struct {
	Key      string `json:"key"`
	Written  bool   `json:"written"` // false: nothing was new
	ReadOnly bool   `json:"readOnly,omitempty"`
	Why      string `json:"why,omitempty"` // ReadOnly, if the store says so and not the user
	// bytes that are new, and too few to be written (Options.LeastNew)
	TooFew int64 `json:"tooFew,omitempty"`
	// nothing was written, as the job failed before it had what others start from
	Partial bool `json:"partial,omitempty"`
	// the key that the restore of this job looked for, if the module files are others now
	Also    []string `json:"also,omitempty"`
	Objects []string `json:"objects,omitempty"`
	Modules Counts   `json:"modules"`
	Build   Counts   `json:"build"` // action entries
	// new action entries that were left out because they rest on times of files
	Timed int `json:"timed"`
	// modules and new action entries that were left out because of Options.Withhold
	Withheld LeftOut `json:"withheld"`
	// modules and new action entries that were left out because this job did not use them
	Unused LeftOut `json:"unused"`
	// new action entries that were left out because they are of other projects
	Foreign       Foreign `json:"foreign"`
	Packs         Counts  `json:"packs"`
	Files         Counts  `json:"files"` // of Options.Paths
	BytesUploaded int64   `json:"bytesUploaded"`
	BytesRead     int64   `json:"bytesRead"`
	StoredBytes   int64   `json:"storedBytes"` // of the whole snapshot
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
	// Transferred is BytesUploaded by kind of object: packs, modules, manifests.
	Transferred map[string]int64   `json:"transferred"`
	Phases      map[string]float64 `json:"phases"` // seconds
	Warnings    []string           `json:"warnings,omitempty"`
	// the last saves, and with Written this one
	Trend []snapshot.Saved `json:"trend,omitempty"`
}

// Plan says what Run would do, and writes nothing anywhere.
func Plan(ctx context.Context, o Options) (*PlanResult, error) {
	j := newJob(o)
	g, err := gatherer{j}.gather(ctx)
	if err != nil {
		return nil, err
	}
	return j.describe(ctx, g)
}

// Run saves. Nothing new is no error, and writes nothing. After an error of the store, the snapshot
// is the one from before.
func Run(ctx context.Context, o Options) (*Result, error) {
	if o.ReadOnly {
		return &Result{Key: o.Keys.Key.String(), ReadOnly: true, Requests: o.Store.Requests()}, nil
	}
	if err := store.Writable(ctx, o.Store); isNotice(o.Store, err) {
		return &Result{Key: o.Keys.Key.String(), ReadOnly: true, Why: err.Error(), Requests: o.Store.Requests()}, nil
	} else if err != nil {
		return &Result{Key: o.Keys.Key.String(), Requests: o.Store.Requests()}, err
	}
	j := newJob(o)
	g, err := gatherer{j}.gather(ctx)
	if err != nil {
		return j.result(new(Result)), err
	}
	res, err := j.execute(ctx, g)
	if isNotice(o.Store, err) && !res.Written {
		res.ReadOnly, res.Why, err = true, err.Error(), nil
	}
	return j.result(res), err
}

// job is what all phases of one save are told. Its fields do not change; log and notes are safe for
// concurrent use.
type job struct {
	Options
	start time.Time
	log   *journal
	notes *notes
}

func newJob(o Options) job {
	o.Concurrency = cmp.Or(max(o.Concurrency, 0), DefaultConcurrency)
	o.Memory = cmp.Or(max(o.Memory, 0), DefaultMemory)
	if o.Meter == nil {
		o.Meter = new(report.Meter)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.State = usableState(o)
	log := new(journal)
	return job{o, o.Now(), log, &notes{store: o.Store, now: o.Now, warn: log.warn}}
}

// usableState drops from the state what it says about another store or repository. When the
// caches were filled holds all the same.
func usableState(o Options) *jobstate.State {
	if o.State == nil || o.State.Store == o.Store.String() && o.State.Repo == o.Repo {
		return o.State
	}
	return &jobstate.State{Time: o.State.Time}
}

// env is what scans are told.
func (j job) env(stock *collect.Stock) collect.Env {
	return collect.Env{Stock: stock, State: j.State, Start: j.start, Warn: j.log.warn}
}

// execute uploads what is new, then publishes. The result tells what was done, also beside an
// error.
func (j job) execute(ctx context.Context, g gathered) (*Result, error) {
	first := g.facts.plan(g.facts.exact)
	j.log.warnAll(first.warnings)
	g.facts.rewrite = first.rewrite
	res := new(Result)
	if j.leavesAlone(g.latest.Manifest, first.manifest) {
		res.Partial = true
		j.summarize(res, g, published{plan: first}, nil)
		return res, nil
	}
	few, n, err := tooFew(ctx, j, first)
	if few || err != nil {
		res.TooFew = n
		j.summarize(res, g, published{plan: first}, nil)
		return res, err
	}
	g.memory.preparing(j, first)
	todo, err := j.prepare(ctx, first)
	if err != nil {
		return res, err
	}
	u := newUploader(j, g.facts.stock, g.memory.with(j, todo).budget)
	done, err := u.store(ctx, todo.jobs, first.manifest)
	res.countUploads(done)
	first = planned{} // its manifest is in the way of the next one
	if err != nil {
		return res, err
	}
	g.facts = g.facts.with(append(todo.known, done...))
	todo = prepared{}
	for i := range done {
		done[i].Of = nil // which outputs have which chunks is much, and the facts have it now
	}
	if g.facts, err = j.confirm(ctx, g.facts, done); err != nil {
		return res, err
	}
	p := publisher{job: j, facts: g.facts, latest: g.latest, version: g.version, reuse: g.reuse, pause: pauses(j.Store)}
	res.Also, res.Written, err = p.publish(ctx, func(pub published) { j.summarize(res, g, pub, done) })
	return res, err
}

// confirm leaves out of the facts what a collection may remove before the manifest names it.
func (j job) confirm(ctx context.Context, f facts, done []collect.Outcome) (facts, error) {
	doubtful, err := j.notes.confirm(ctx)
	if err != nil || doubtful == nil {
		return f, err
	}
	if n := countDoubtful(f, done, doubtful); n > 0 {
		j.log.warn("%d objects are not named this time, since a garbage collection may be removing them; the next save looks after them", n)
	}
	return f.without(doubtful), nil
}

// countDoubtful returns how many objects are left out because they may be removed at this moment.
func countDoubtful(f facts, done []collect.Outcome, doubtful func(string) bool) int {
	seen := map[string]bool{}
	add := func(object string) {
		if object != "" && doubtful(object) {
			seen[object] = true
		}
	}
	for _, d := range done {
		for _, object := range d.Stored() {
			add(object)
		}
	}
	for _, m := range f.stock.Manifests() {
		for _, object := range collect.Objects(m) {
			if !f.stock.IsGone(object) {
				add(object)
			}
		}
	}
	return len(seen)
}
