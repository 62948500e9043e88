// Package trim shrinks the GOMODCACHE and the GOCACHE of a machine to what is in use: a self-hosted
// runner, a laptop. It replaces `go clean -cache -modcache`, which throws everything away.
//
// # What counts as use
//
// For build entries the go command's own marks: it sets the time of an entry on use, if that is an
// hour old. For modules it keeps no record, so the file system's is taken: when files of the tree
// were read last (see modcache.Use). Where the file system does not record that, modules do not go
// for their age, and the time of their arrival gives the order for a bound of the size.
//
// # Running go commands
//
// The go command locks a module version while it downloads and extracts it, and a cloned repository
// while it works with it. It holds no lock while it reads module trees or the build cache. So three
// things keep trim from pulling something away from under a go command:
//
//   - it looks for running go commands (Options.Busy) before it begins, and again before each
//     module version and each hundredth build entry;
//   - it holds the go command's lock on a version while it removes it, and leaves alone what is
//     locked;
//   - a build entry that was marked since the scan stays, as in the go command's own trimming.
//
// Not seen are go commands in containers with a process list of their own, and on other machines
// that share the caches.
//
// # Killed at any instant
//
// A module tree goes away by one rename, before its zip and .ziphash; the next restore or trim
// removes what was renamed. Action entries go before their outputs. So every go command finds whole
// versions and entries, or none. The fuzzing corpus, the checksum database, and the .mod files that
// a module graph may need are kept.
package trim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/retention"
)

// ErrBusy means that go commands are running. Nothing more was removed.
var ErrBusy = errors.New("go commands are running")

// Options say what to trim, and how far. Bounds of 0 do not bound.
type Options struct {
	ModDir, BuildDir string // "" leaves that half alone
	MaxAge           time.Duration
	// bytes on disk: of both caches, of trees with their zips, of build outputs
	MaxSize, MaxModules, MaxBuild int64
	// keep golang.org/toolchain, whatever its use and size
	KeepToolchains bool
	// describes the go commands that are running; nil: not asked
	Busy func() ([]string, error)
	Now  func() time.Time
}

// What a report of dropped things is made of.
type (
	Amount  = retention.Amount
	Dropped = retention.Dropped
)

// Half is what becomes of one of the caches.
type Half struct {
	Kept    Amount `json:"kept"`
	Dropped Amount `json:"dropped"` // or would be
	// Skipped were to go, and were left alone: they are locked, were used meanwhile, or could not
	// be removed.
	Skipped Amount `json:"skipped"`
}

// Result is what a trim did, or would do. It is whole even beside an error.
type Result struct {
	DryRun  bool `json:"dryRun"`
	Modules Half `json:"modules"` // versions, and cloned repositories
	Build   Half `json:"build"`   // action entries; an output counts with its last one
	// Graph counts .mod and .info files of versions that no graph read any more.
	Graph Amount `json:"graph"`
	// UnknownUse: the file system does not record when modules are read, so none went for its age.
	UnknownUse bool              `json:"unknownUse,omitempty"`
	Largest    retention.Largest `json:"largest,omitempty"`
	Warnings   []string          `json:"warnings,omitempty"`
}

// grace is how long broken and unreferenced files are left alone: a go command that writes them may
// be at work.
const grace = 24 * time.Hour

// trimming is one trim, or the plan of one.
type trimming struct {
	Options
	now    time.Time
	mods   *modcache.Cache
	build  *buildcache.Cache
	inv    *buildcache.Inventory
	things []thing
	res    Result
}

// Plan says what Run would do, and changes nothing.
func Plan(ctx context.Context, o Options) (*Result, error) {
	t, err := prepare(ctx, o)
	t.res.DryRun = true
	if err == nil {
		t.countPlan()
	}
	return &t.res, err
}

// Run trims. It returns ErrBusy when go commands are running, also when one starts meanwhile. What
// cannot be removed is a warning.
func Run(ctx context.Context, o Options) (*Result, error) {
	t, err := prepare(ctx, o)
	if err == nil {
		err = t.idle()
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
	t := &trimming{Options: o, now: o.Now()}
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

// idle returns ErrBusy when go commands are running, and the error when that cannot be known.
func (t *trimming) idle() error {
	if t.Busy == nil {
		return nil
	}
	running, err := t.Busy()
	if err != nil {
		return fmt.Errorf("looking for go commands: %w", err)
	}
	if len(running) > 0 {
		return fmt.Errorf("%w: %s", ErrBusy, running[0])
	}
	return nil
}

func (t *trimming) warn(format string, args ...any) {
	t.res.Warnings = append(t.res.Warnings, fmt.Sprintf(format, args...))
}
