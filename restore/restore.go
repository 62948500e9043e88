// Package restore brings a snapshot, and the modules that go.sum names, from a
// store into GOMODCACHE and GOCACHE.
//
// It plans first (which manifest, what of it is missing here), then runs one streaming pipeline:
// ranged reads, decompression, verification and file creation all at once, nothing staged on disk.
// At most Options.Concurrency objects are in transfer; at most GOMAXPROCS frames are decoded at
// once, GOMAXPROCS+2, 10 at most, decoded ones are held, and 16 MiB of what arrived early, so peak
// memory does not depend on the size of the caches. With Options.Memory below what that takes, all
// of these are fewer.
package restore

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/lookup"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/keys"
)

// Options say what to restore, from where, and to where.
type Options struct {
	Store store.Store
	Repo  string
	// Scopes are asked in this order: own, base of a pull request, default branch.
	Scope, BaseScope, DefaultScope string
	Keys                           keys.Plan
	ModDir, BuildDir               string // "" switches that half off
	ModWritable                    bool   // GOFLAGS=-modcacherw
	Private                        string // patterns as in GOPRIVATE, comma-separated
	// Trust says whose snapshots are restored: one that it refuses is named among the losses, and
	// the next in order is taken. Nil: everybody's. What go.sum names needs no snapshot and no
	// trust.
	Trust *snapshot.Trust
	// SumDB is asked about modules that go.sum does not name, unless Trust vouches for them; nil:
	// they are restored as the snapshot has them. What the database does not confirm is refused;
	// where it cannot be asked a warning says so.
	SumDB *checksumdb.DB
	// SumDBAlways has it asked also where Trust vouches, and refuses what it cannot be asked about.
	// What GONOSUMDB takes out of its care is restored all the same.
	SumDBAlways bool
	Zips        bool // rebuild cache/download/...zip
	// VerifyOutputs hashes every build output: those that come, and those that are here.
	VerifyOutputs bool
	Fuzz          bool            // restore the fuzzing corpus
	NoToolchains  bool            // leave out downloaded toolchains
	Paths         []extradir.Path // directories beside the two caches
	// BuiltWith is what the job builds with, as buildenv.Hashes has it; nil: it is not known.
	BuiltWith   map[string]string
	Concurrency int   // objects in transfer; default 16
	PartSize    int64 // bytes of one ranged read; default 16 MiB
	// bytes for what is in transfer or being decoded; 0, and what is more than enough: see the
	// package comment
	Memory int64
	// MoreMemory, unless it is nil, is told how many bytes the lists of entries take beyond what
	// fits into the usual memory, whenever that changes. It is for a collector that works towards a
	// fixed size, which else would run in vain.
	MoreMemory func(bytes int64)
	Meter      *report.Meter
	Now        func() time.Time
}

// Defaults, chosen by the measurements in docs/transfer.md.
const (
	DefaultConcurrency = 16
	DefaultPartSize    = 16 << 20
)

func (o *Options) setDefaults() {
	o.Concurrency = o.transfers(cmp.Or(max(o.Concurrency, 0), DefaultConcurrency))
	o.PartSize = cmp.Or(max(o.PartSize, 0), DefaultPartSize)
	if o.Meter == nil {
		o.Meter = new(report.Meter)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Counts says what became of the things of one kind.
type Counts struct {
	Restored int `json:"restored"`
	Present  int `json:"present"` // already there, and whole
	Missing  int `json:"missing"` // not in the store
	Refused  int `json:"refused"` // did not pass verification, or another program had the file open
}

// Result is what a restore did. It is whole even when Run also returns an error: what was done
// before it.
type Result struct {
	Key          string            `json:"key"`
	Matched      *jobstate.Matched `json:"matched"`           // null: no snapshot
	Exact        bool              `json:"-"`                 // as Matched says
	Size         *snapshot.Size    `json:"size,omitempty"`    // of the snapshot
	Largest      []snapshot.Sized  `json:"largest,omitempty"` // modules of the snapshot
	Modules      Counts            `json:"modules"`
	Build        Counts            `json:"build"` // action entries
	Packs        Counts            `json:"packs"`
	Files        Counts            `json:"files"` // of Options.Paths
	BytesFetched int64             `json:"bytesFetched"`
	BytesWritten int64             `json:"bytesWritten"`
	FilesWritten int64             `json:"filesWritten"`
	Seconds      float64           `json:"seconds"`
	Requests     map[string]int64  `json:"requests"`
	// what the job builds with other values of than the snapshot
	Differs  []string       `json:"differs,omitempty"`
	Losses   []Loss         `json:"losses,omitempty"`
	Warnings []string       `json:"warnings,omitempty"`
	State    jobstate.State `json:"-"` // for the save of the same job
}

// Loss names something that the snapshot or go.sum promises and that could not be restored.
type Loss struct {
	What   string `json:"what"`   // a module version or an object
	Reason string `json:"reason"` // why
	Kind   string `json:"kind"`   // "missing", "refused", "locked" or "disk"
}

// planBytes is what the plan takes for each action, in bytes: whether it is wanted, the actions of
// its output, the job.
const planBytes = 32

// usualLists are the bytes of lists that fit into the memory of a restore beside what is in
// transfer.
const usualLists = 100 << 20

// transferMemory is free while the caches are compared, in bytes.
const transferMemory = 160 << 20

// shownLargest is how many modules Result.Largest lists.
const shownLargest = 10

// Hit reports whether anything was found: a snapshot, or modules that go.sum names.
func (r *Result) Hit() bool {
	return r.Matched != nil || r.Modules.Restored+r.Modules.Present > 0
}

// run is one restore, or the plan of one.
type run struct {
	Options
	start   time.Time
	found   lookup.Found
	damaged []lookup.Found

	mods  *modcache.Cache
	build *buildcache.Cache

	modules []moduleJob
	packs   []packJob
	trees   []treeJob
	paths   []pathJob
	ready   []int32                // actions whose output is already here
	wrong   []buildcache.Output    // here, but not what they are named by
	stuck   map[buildcache.ID]bool // of those, what cannot be removed
	byOut   actionIndex
	// Parts fail by themselves.
	modPart, buildPart part
	pathParts          map[string]*part // by name; made while planning

	differs []string // see Result.Differs

	tally   tally
	buffers *buffers
	stored  *frameMemory
	stage   *modcache.Stage
	sums    *sumCheck // nil: nothing is checked
}

// Plan says what Run would do. It reads the store and the caches and writes nothing.
func Plan(ctx context.Context, o Options) (*PlanResult, error) {
	r, err := prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	return r.describe(), nil
}

// Lookup says which snapshot Run would restore, and looks at nothing else: neither at the caches
// nor at modules. The Result has no counts.
func Lookup(ctx context.Context, o Options) (*Result, error) {
	o.ModDir, o.BuildDir = "", ""
	r, err := prepare(ctx, o)
	return r.result(), err
}

// Run restores. A miss is no error. Errors of the store (store.ErrUnreachable, store.ErrDenied,
// store.ErrNoStore) end the restore early. Where the local disk fails in one of the caches or
// directories, the others are restored all the same, and the error says so at the end. What was
// restored until then is whole, and is in the Result beside the error.
func Run(ctx context.Context, o Options) (*Result, error) {
	r, err := prepare(ctx, o)
	if err == nil {
		err = r.execute(ctx)
	}
	res := r.result()
	// A store in which time ran out may be too slow for anything: the save asks first, as after one
	// that did not answer.
	res.State.Unreachable = errors.Is(err, store.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded)
	return res, err
}

// prepare finds the manifest and compares it with what is here.
func prepare(ctx context.Context, o Options) (*run, error) {
	o.setDefaults()
	r := &run{Options: o, start: o.Now()}
	r.modPart.name, r.buildPart.name = "module cache "+o.ModDir, "build cache "+o.BuildDir
	r.Meter.SetPhase("look up")
	k := o.Keys.Key
	var err error
	r.found, r.damaged, err = lookup.Reader{Store: o.Store, Repo: o.Repo, Trust: o.Trust, Now: o.Now}.First(ctx,
		lookup.Candidates(o.Repo, r.scopes(), k.Exact(), k.Latest()))
	for _, d := range r.damaged {
		if errors.Is(d.Err, store.ErrDenied) {
			r.tally.warn("%v: it is passed over", d.Err)
			continue
		}
		r.tally.damage(jobstate.Damage{Object: d.Object, Frame: -1, Reason: d.Err.Error()}, kindOf(d.Err))
	}
	if err != nil {
		return r, err
	}
	r.tellMemory(0)
	r.Meter.SetPhase("compare")
	if o.ModDir != "" {
		r.mods = modcache.Open(o.ModDir, modcache.Options{Writable: o.ModWritable})
		if err := r.planModules(ctx); err != nil {
			return r, err
		}
	}
	if o.BuildDir != "" {
		r.compareBuilds()
		r.build = buildcache.Open(o.BuildDir)
		if err := r.planBuild(ctx); err != nil {
			return r, err
		}
	}
	r.planTrees()
	r.planPaths()
	return r, nil
}

// tellMemory tells whether the lists of the manifest, and more bytes, are so large that they
// matter.
func (r *run) tellMemory(more int64) {
	m := r.manifest()
	n := int64(m.Memory()+planBytes*len(m.Actions)) + max(more, 0)
	if n += n / 8; r.MoreMemory != nil {
		r.MoreMemory(max(n-usualLists, 0))
	}
}

func (r *run) scopes() []string { return []string{r.Scope, r.BaseScope, r.DefaultScope} }

// manifest returns the one found, or an empty one.
func (r *run) manifest() *snapshot.Manifest {
	if r.found.Manifest == nil {
		return new(snapshot.Manifest)
	}
	return r.found.Manifest
}

func (r *run) matched() *jobstate.Matched {
	if r.found.Manifest == nil {
		return nil
	}
	// The digest decides, not the name: "latest" can well be the snapshot of these very module
	// files.
	return &jobstate.Matched{
		Object: r.found.Object, Scope: r.found.Scope, Key: r.found.Key,
		Exact: r.found.Manifest.Digest == r.Keys.Key.Digest, Saved: r.found.Manifest.Writer.Time,
	}
}

func (r *run) result() *Result {
	res := &Result{
		Key: r.Keys.Key.String(), Matched: r.matched(),
		BytesFetched: r.Meter.Bytes.Load(), BytesWritten: r.Meter.Disk.Load(), FilesWritten: r.Meter.Files.Load(),
		Seconds: time.Since(r.start).Seconds(), Requests: r.Store.Requests(),
	}
	res.Exact = res.Matched != nil && res.Matched.Exact
	if m := r.found.Manifest; m != nil {
		size := m.Size()
		res.Size, res.Largest = &size, m.LargestModules(shownLargest)
	}
	r.tally.into(res)
	res.Differs = r.differs
	res.State = jobstate.State{
		Store: r.Store.String(), Repo: r.Repo, Scope: r.Scope, Time: r.start,
		Matched: res.Matched, Damaged: r.tally.damages, ZipsRebuilt: r.Zips, Differs: r.differs,
		Key: r.Keys.Key.Exact(), Sums: make(map[string]string, len(r.Keys.Sums.Zip)),
	}
	for v, sum := range r.Keys.Sums.Zip {
		res.State.Sums[v.String()] = sum
	}
	return res
}

// kindOf tells a loss that is no more than an absence from bytes that were refused.
func kindOf(err error) string {
	if errors.Is(err, store.ErrNotFound) {
		return "missing"
	}
	return "refused"
}

// isStore reports whether an error means that going on asking the store is pointless.
func isStore(err error) bool {
	return errors.Is(err, store.ErrUnreachable) || errors.Is(err, store.ErrDenied) || errors.Is(err, store.ErrNoStore) || errors.Is(err, store.ErrMoved) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// errLocal marks a failure of the local disk, for which a part of the restore is given up.
type errLocal struct{ error }

func (e errLocal) Unwrap() error { return e.error }

func local(err error) error {
	if err == nil {
		return nil
	}
	return errLocal{err}
}

// diskError marks err as a failure of the disk if it comes from a system call; the
// other errors of the caches speak about the content, which costs one module or file only.
func diskError(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	var no syscall.Errno
	if errors.Is(err, fs.ErrExist) || osfile.IsBadName(err) || osfile.IsLocked(err) || !errors.As(err, &path) && !errors.As(err, &link) && !errors.As(err, &no) {
		return err
	}
	return local(err)
}

func isLocal(err error) bool {
	var l errLocal
	return errors.As(err, &l)
}

// fetchError names the object that a read failed on.
func fetchError(object string, err error) error { return store.Named("object", object, err) }
