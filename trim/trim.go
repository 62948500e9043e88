// Package trim shrinks the GOMODCACHE and the GOCACHE of a machine to what is in use: a self-hosted
// runner, a laptop. It replaces `go clean -cache -modcache`, which throws everything away.
//
// # What counts as use
//
// For build entries, trim relies on the go command, which sets the time of an entry to now when it
// uses it, if that time is at least an hour old. For modules the go command keeps no record, so
// trim relies on the file system: on when files of the tree were last read (see modcache.Use). If
// the file system does not record reads, no module is removed for its age, and a bound of the size
// removes those first that arrived first.
//
// # Running go commands
//
// The go command locks a module version while it downloads and extracts it, and a cloned repository
// while it works with it. It holds no lock while it reads module trees or the build cache, but it
// leaves marks of what it uses. So trim does three things in order not to remove what a go command
// is using:
//
//   - it leaves alone what bears the mark of a use since the oldest running go command began
//     (Options.Running), and what a go command of up to three hours could be using that it does not
//     see: one in another container, or on another machine (Options.Spare, see spare.go);
//   - it holds the go command's lock on a version while it removes it, and skips versions that are
//     locked;
//   - it keeps a version or a build entry that was used since the scan.
//
// So machines on which jobs run around the clock can be trimmed, too. Only where the file system
// records no reads, modules have no marks: all of them stay there while go commands are running.
//
// # Killed at any instant
//
// A module tree disappears by one rename, before its zip and .ziphash; the next restore or trim
// removes the renamed tree. Action entries are removed before their outputs. So go commands find
// complete versions and entries, or none. The fuzzing corpus, the cache of the checksum database,
// and the .mod files that a module graph may need are kept.
package trim

import (
	"context"
	"fmt"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/retention"
)

// Options say what to trim, and how far. A bound of 0 means no bound.
type Options struct {
	ModDir, BuildDir string // "": not trimmed
	MaxAge           time.Duration
	// bytes on disk: of both caches, of trees with their zips, of build outputs
	MaxSize, MaxModules, MaxBuild int64
	// keep golang.org/toolchain, whatever its use and size
	KeepToolchains bool
	// Spare leaves alone what go commands could be using: those that Running lists, and others that
	// it does not see. Unseen says why there may be such, "" if there is no reason. A nil Running
	// lists none.
	Spare   bool
	Running func() ([]GoCommand, error)
	Unseen  string
	Now     func() time.Time
}

// Types that a report of dropped content consists of.
type (
	Amount  = retention.Amount
	Dropped = retention.Dropped
)

// Trimmed says what was removed from one of the caches, and what is left.
type Trimmed struct {
	Kept    Amount `json:"kept"`
	Dropped Amount `json:"dropped"` // or would be
	// Skipped should have been removed, but are locked, were used meanwhile, or could not be
	// removed.
	Skipped Amount `json:"skipped"`
}

// Result is what a trim did, or would do. It is valid even if there is an error.
type Result struct {
	DryRun  bool    `json:"dryRun"`
	Modules Trimmed `json:"modules"` // versions, and cloned repositories
	Build   Trimmed `json:"build"`   // action entries; an output counts with its last one
	// Graph counts .mod and .info files of versions that no graph read any more.
	Graph Amount `json:"graph"`
	// UnknownUse means that the file system does not record when modules are read, so none was
	// dropped for its age.
	UnknownUse bool `json:"unknownUse,omitempty"`
	// NoneRead means that this is so only because no module has been read yet since it came.
	NoneRead bool `json:"noneRead,omitempty"`
	// AllModules means that, because of that and of go commands, all versions stayed in spite of a
	// bound of the size. A warning says so.
	AllModules bool              `json:"allModulesStay,omitempty"`
	Largest    retention.Largest `json:"largest,omitempty"`
	Warnings   []string          `json:"warnings,omitempty"`
}

// grace is how old broken and unreferenced files must be to be removed: a go command may still be
// writing younger ones.
const grace = 24 * time.Hour

// trimming is one trim, or the plan of one.
type trimming struct {
	Options
	now        time.Time
	mods       *modcache.Cache
	build      *buildcache.Cache
	inv        *buildcache.Inventory
	unread     bool // entries of the build cache could not be read
	candidates []candidate
	watch      watch
	sharing    sharing
	layered    int // versions and clones that cannot be renamed
	res        Result
}

// Plan returns what Run would do, and changes nothing.
func Plan(ctx context.Context, o Options) (*Result, error) {
	t, err := prepare(ctx, o)
	t.res.DryRun = true
	if t.watch.unsafe != nil {
		t.warn("a trim would remove nothing now: %v", t.watch.unsafe)
	}
	if err == nil {
		t.countPlan()
	}
	return &t.res, err
}

// Run trims the caches. It returns ErrBusy if it cannot tell what go commands could be using. What
// cannot be removed is a warning.
func Run(ctx context.Context, o Options) (*Result, error) {
	t, err := prepare(ctx, o)
	if err == nil {
		err = t.watch.unsafe
	}
	if err == nil {
		err = t.execute(ctx)
	}
	return &t.res, err
}

// prepare scans and decides.
func prepare(ctx context.Context, o Options) (*trimming, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	t := &trimming{Options: o, now: o.Now(), watch: watchOver(o)}
	if o.BuildDir != "" {
		t.build = buildcache.Open(o.BuildDir)
		if err := t.scanBuild(ctx); err != nil {
			return t, fmt.Errorf("build cache %s: %w", o.BuildDir, err)
		}
	}
	if o.ModDir != "" {
		t.mods = modcache.Open(o.ModDir, modcache.Options{Unread: func(name string, err error) {
			t.warn("module cache: what lies there stays: %s: %v", name, err)
		}})
		if err := t.scanModules(ctx); err != nil {
			return t, fmt.Errorf("module cache %s: %w", o.ModDir, err)
		}
	}
	t.decide()
	return t, nil
}

func (t *trimming) warn(format string, args ...any) {
	t.res.Warnings = append(t.res.Warnings, fmt.Sprintf(format, args...))
}
