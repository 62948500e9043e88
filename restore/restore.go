// Package restore brings a snapshot, and the modules that go.sum names, from a
// store into GOMODCACHE and GOCACHE.
//
// It does so in four steps, each of which takes values and returns values:
//
//   - Find: which manifest of up to six is the first that is there and sound.
//   - Plan: what of it is missing here. Each kind of content, a package below internal/content,
//     compares what the manifest and go.sum name with the local disk, and plans jobs. The plan
//     itself is pure; it depends on nothing but the values that it is given.
//   - Fetch and Install: all jobs at once, as one streaming pipeline of ranged reads,
//     decompression, verification and file creation. Nothing is staged on disk but modules, which
//     appear whole.
//
// What becomes of the jobs are values too, which fold makes a Result of.
//
// At most Options.Concurrency objects are in transfer, and twice as many jobs are begun. At most
// GOMAXPROCS frames are decoded at once, and GOMAXPROCS+2, but 10 at most, decoded ones of 16 MiB
// are held, beside 40 MiB of stored frames that have arrived or are arriving, and one that is read
// a second time. So peak memory does not depend on the size of the caches, but for their lists of
// entries. With Options.Memory below what that takes, all of these are fewer.
package restore

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/modcache"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/jobstate"
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
	ModDir, BuildDir               string // "": that cache is left alone
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
	// Memory bounds the bytes that are in transfer or being decoded, if it is less than what the
	// package comment says they take; 0: they take that.
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

// Counts says how many entries, modules or files of one kind met which end.
type Counts = install.Counts

// Loss names something that the snapshot or go.sum promises and that could not be restored.
type Loss = install.Loss

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
	// Transferred is BytesFetched by kind of object: packs, modules.
	Transferred map[string]int64 `json:"transferred"`
	// RefusedBytes are stored bytes that did not pass verification: those of frames where the frame
	// is known, else of whole objects.
	RefusedBytes int64              `json:"refusedBytes"`
	Phases       map[string]float64 `json:"phases"` // seconds
	// what the job builds with other values of than the snapshot
	Differs  []string       `json:"differs,omitempty"`
	Losses   []Loss         `json:"losses,omitempty"`
	Warnings []string       `json:"warnings,omitempty"`
	State    jobstate.State `json:"-"` // for the save of the same job
	// NotWritten says why some of Losses could not be written, if Run returns no error that does.
	NotWritten error `json:"-"`
}

// shownLargest is how many modules Result.Largest lists.
const shownLargest = 10

// Hit reports whether anything was found: a snapshot, or modules that go.sum names.
func (r *Result) Hit() bool {
	return r.Matched != nil || r.Modules.Restored+r.Modules.Present > 0
}

// scopes are where snapshots and private modules are looked for, in this order. Some may be "".
func (o *Options) scopes() []string { return []string{o.Scope, o.BaseScope, o.DefaultScope} }

// Lookup says which snapshot Run would restore, and looks at nothing else: neither at the caches
// and Paths nor at modules. The Result has no counts.
func Lookup(ctx context.Context, o Options) (*Result, error) {
	o.setDefaults()
	o.ModDir, o.BuildDir = "", ""
	start := o.Now()
	f, err := find(ctx, o)
	return fold(o, start, f, nil), err
}

// Plan says what Run would do. It reads the store and the caches and writes nothing.
func Plan(ctx context.Context, o Options) (*PlanResult, error) {
	o.setDefaults()
	f, err := find(ctx, o)
	if err != nil {
		return nil, err
	}
	places := newPlaces(o)
	plans, err := prepare(ctx, o, f, places)
	if err != nil {
		return nil, err
	}
	plans = checkRoom(o, f.manifest(), places, plans, osfile.Space)
	f.warnBuiltWith(plans)
	p := describe(o, f, plans)
	for _, place := range places.all() {
		if err := place.Err(); err != nil {
			p.Warnings = append(p.Warnings, err.Error())
		}
	}
	return p, nil
}

// Run restores. A miss is no error. Errors of the store (store.ErrUnreachable, store.ErrDenied,
// store.ErrNoStore) end the restore early. Where the local disk fails in one of the caches or
// directories, the others are restored all the same, and the error says so at the end. What was
// restored until then is whole, and is in the Result beside the error.
func Run(ctx context.Context, o Options) (*Result, error) {
	o.setDefaults()
	start := o.Now()
	places := newPlaces(o)
	keptModules := o.ModDir != "" && modcache.HasVersions(o.ModDir)
	keptBuild := o.BuildDir != "" && buildcache.HasEntries(o.BuildDir)
	f, err := find(ctx, o)
	var plans []plan
	if err == nil {
		plans, err = prepare(ctx, o, f, places)
	}
	if err == nil {
		plans = checkRoom(o, f.manifest(), places, plans, osfile.Space)
		f.warnBuiltWith(plans)
		if plans, err = carryOut(ctx, o, start, plans); err == nil {
			places.countUnwritten(plans)
		}
		err = errors.Join(err, places.failed(plans))
	}
	res := fold(o, start, f, plans)
	res.State.KeptModules, res.State.KeptBuild = keptModules, keptBuild
	res.NotWritten = places.tolerated()
	// A store in which time ran out may be too slow for anything: the save asks first, as after one
	// that did not answer.
	res.State.Unreachable = errors.Is(err, store.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded)
	return res, err
}
