// Package verify checks that the GOMODCACHE and the GOCACHE of a machine hold what they should,
// byte by byte, at the speed of the disk.
//
// # Modules
//
// Every tree, zip and go.mod of the module cache is hashed, whether a project uses it or not, and
// compared with go.sum where that names it, else with the checksum database. `go mod verify` looks
// only at the build list, and compares with .ziphash, which lies beside the zip and is written by
// whoever writes that. What neither go.sum nor the database knows is compared among itself: tree,
// zip and .ziphash must agree. That is no proof, and the result says so. Trees without a zip, and
// zips without a tree, are nothing unusual. Links in the place of a tree, a zip or an output fail:
// the go command follows them.
//
// # Build cache
//
// Every output is hashed: its name is the SHA-256 of its bytes. The go command looks at its size
// only, so an output of the right size with wrong bytes is linked into programs without a word.
// That fails. Entries and outputs that the go command takes for a miss do no harm, and are
// warnings; entries whose output was removed are not even that.
//
// # Mending
//
// Fix removes what is wrong, and as little else as possible: a tree that its zip can replace goes
// alone, a zip goes without the tree beside it, a .mod is written from a tree that is proven, a
// .ziphash for what is proven or consistent. It looks again under the go command's lock, and mends
// what still is wrong then. An output goes after all entries that name it. Recheck looks once more
// at what was fixed.
//
// Fix asks Options.Idle before it begins, before each module version and each hundredth output, and
// ends when go commands run; it holds the go command's lock on a version, and on go.sum, meanwhile.
package verify

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/keys"
)

// Options say what to verify, and by what.
type Options struct {
	ModDir, BuildDir string    // "": not verified
	Sums             keys.Sums // of all go.sum files of the project
	DB               *checksumdb.DB
	// Always asks the database about all modules that are not in go.sum, and makes it fail that it
	// cannot be asked about one, or does not know it. Otherwise names that may be private are kept
	// from it.
	Always bool
	// ModWritable is GOFLAGS=-modcacherw.
	ModWritable bool
	// Idle returns an error while go commands run. Fix needs it; nil: nobody looks.
	Idle  func() error
	Meter *report.Meter
}

// A Kind of object.
type Kind string

// The kinds.
const (
	Tree    Kind = "tree"
	Zip     Kind = "zip"
	ZipHash Kind = "ziphash"
	GoMod   Kind = "mod"
	Info    Kind = "info"
	Entry   Kind = "entry"
	Output  Kind = "output"
)

// Kinds are all of them, in the order of reports.
var Kinds = []Kind{Tree, Zip, ZipHash, GoMod, Info, Entry, Output}

// Checked counts objects of one kind. Each is proved, consistent or unproved, unless it is wrong or
// could not be read.
type Checked struct {
	Objects int64 `json:"objects"`
	Bytes   int64 `json:"bytes"`
	Proved  int64 `json:"proved"` // by go.sum, the checksum database, or its own name
	// Consistent agree with what lies beside them, and nothing proves them.
	Consistent int64 `json:"consistent,omitempty"`
	Unproved   int64 `json:"unproved,omitempty"` // nothing is known against them, or for them
	Wrong      int64 `json:"wrong"`              // or useless
	Unread     int64 `json:"unread,omitempty"`   // nothing is known of its content
}

// What became of a fault.
const (
	Removed  = "removed"
	Restored = "restored" // and right now
)

// A Fault is an object that is not what it should be.
type Fault struct {
	Kind     Kind           `json:"kind"`
	Name     string         `json:"name"`
	Status   finding.Status `json:"status"` // of what is only useless, or cannot be read: warn
	Evidence string         `json:"evidence"`
	Fixed    string         `json:"fixed,omitempty"` // Removed or Restored
	proof    bool           // nothing is known against it, but Options.Always demands more
}

// Fixable reports whether Fix does something about it.
func (f Fault) Fixable() bool { return f.Status == finding.Fail && !f.proof }

// Unproved is a module version that nothing vouches for.
type Unproved struct {
	Module string `json:"module"`
	Reason string `json:"reason"`
}

// Result is what was found. It is valid even if there is an error.
type Result struct {
	Checked map[Kind]*Checked `json:"checked"`
	// NoOutput counts entries whose output the go command has removed.
	NoOutput int64      `json:"entriesWithoutOutput"`
	Faults   []Fault    `json:"faults"`
	Unproved []Unproved `json:"unproved,omitempty"`
	// Stopped says that the checksum database stopped answering, and why; "": it did not.
	Stopped string  `json:"databaseStopped,omitempty"`
	Bytes   int64   `json:"bytes"` // that were hashed
	Seconds float64 `json:"seconds"`

	modules []facts  // versions that have something wrong
	outputs []broken // outputs that the go command would use, and that are wrong
}

// Worst is the status of the worst fault that was not fixed.
func (r *Result) Worst() finding.Status {
	worst := finding.OK
	for _, f := range r.Faults {
		if f.Fixed == "" {
			worst = max(worst, f.Status)
		}
	}
	return worst
}

// verifier is one verification. mods and build are nil for a cache that is not verified.
type verifier struct {
	Options
	mods  *modcache.Cache
	build *buildcache.Cache
	res   *Result
}

func newVerifier(o Options, res *Result) *verifier {
	if o.Meter == nil {
		o.Meter = new(report.Meter)
	}
	v := &verifier{Options: o, res: res}
	if o.ModDir != "" {
		v.mods = modcache.Open(o.ModDir, modcache.Options{Writable: o.ModWritable, Unread: func(name string, err error) {
			res.add(Fault{Kind: Tree, Name: name, Status: finding.Warn, Evidence: fmt.Sprintf("cannot be read: %v", err)})
		}})
	}
	if o.BuildDir != "" {
		v.build = buildcache.Open(o.BuildDir)
	}
	return v
}

// Run verifies the caches, and changes nothing.
func Run(ctx context.Context, o Options) (*Result, error) {
	start := time.Now()
	res := &Result{Checked: map[Kind]*Checked{}, Faults: []Fault{}}
	for _, k := range Kinds {
		res.Checked[k] = new(Checked)
	}
	v := newVerifier(o, res)
	err := v.verifyModules(ctx)
	if err == nil {
		err = v.verifyBuild(ctx)
	}
	res.Bytes = v.Meter.Disk.Load()
	res.Seconds = time.Since(start).Seconds()
	res.sort()
	return res, err
}

func (r *Result) add(f Fault) { r.Faults = append(r.Faults, f) }

// sort puts what harms most first.
func (r *Result) sort() {
	slices.SortStableFunc(r.Faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(b.Status, a.Status), cmp.Compare(slices.Index(Kinds, a.Kind), slices.Index(Kinds, b.Kind)), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(r.Unproved, func(a, b Unproved) int { return cmp.Compare(a.Module, b.Module) })
}

// workers is how many files are read at once: hashing takes a core, and reading waits for the disk.
func workers() int { return max(4, 2*runtime.GOMAXPROCS(0)) }
