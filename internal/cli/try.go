package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/osfile"
)

const tryLong = `Try measures on this project what gocache would do for its jobs. No store is needed.

It builds the packages (default ./...) with empty caches, saves those into a
temporary directory, restores them into empty directories, and builds again
offline. The second build must download and compile nothing; programs are linked
again, as the go command keeps no linked programs. Then it changes one file, for the
go command only (-overlay), builds, and saves again: that is what most jobs do.

Beside it, the same directories go through tar and zstd, as with actions/cache. The two
take turns, with files that were read before; where that takes seconds the best of three
runs counts, and it says so if they differ. Both ways end on the local disk: no network
is part of any figure.

Modules that are in GOMODCACHE already are not downloaded again. Your own files and caches
are only read. All temporary files lie in one directory ($TMPDIR), which needs room for
both caches three times over, and is removed at the end.`

// tryCommand takes few flags, since identity and store are made up.
func tryCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "try [PACKAGES]",
		Short:   "Measure gocache on this project, with no store needed",
		Long:    tryLong,
		Example: "  gocache try\n  gocache try ./cmd/...\n  gocache try --dir ~/src/shop",
	}
	return c.add(cmd, config.Try, tryJob)
}

// tryOutput is the result of try. Times are in seconds, sizes in bytes.
type tryOutput struct {
	Key      string   `json:"key"`
	Packages []string `json:"packages"`
	Go       string   `json:"go"`       // such as go1.26.8
	Platform string   `json:"platform"` // such as linux/amd64

	ModuleBytes int64 `json:"moduleBytes"` // GOMODCACHE after the first build
	BuildBytes  int64 `json:"buildBytes"`  // GOCACHE
	Files       int64 `json:"files"`       // of both

	Cold tryBuild `json:"cold"` // with empty caches
	Warm tryBuild `json:"warm"` // offline, after the restore

	Change        *tryChange `json:"change"` // null: see ChangeMissing
	ChangeMissing string     `json:"changeMissing,omitempty"`

	Cache tryCache  `json:"gocache"`
	Tar   *tryCache `json:"tar"` // null: see TarMissing

	TarMissing string `json:"tarMissing,omitempty"`
	Proved     bool   `json:"proved"` // the offline build compiled nothing
}

// tryBuild is one build.
type tryBuild struct {
	Seconds  float64 `json:"seconds"`
	Compiled int     `json:"compiled"` // runs of compile, asm and cgo
	Linked   int     `json:"linked"`   // runs of link

	packages []string // some of what was compiled
}

// tryChange is the build after a change of one file.
type tryChange struct {
	File  string   `json:"file"` // relative to the project
	Build tryBuild `json:"build"`
}

// tryCache is one way of caching.
type tryCache struct {
	Save    timing `json:"save"`
	Restore timing `json:"restore"`
	Again   timing `json:"saveAfterChange"`

	Stored      int64 `json:"storedBytes"`
	StoredAgain int64 `json:"storedBytesAfterChange"` // by the save after the change
}

// A trial is one run of try.
type trial struct {
	run      *run
	project  *project
	packages []string
	tmp      string          // holds everything that is written
	state    *jobstate.State // of the last restore
	overlay  string          // for builds after a change
	res      tryOutput
}

// tryJob runs the command. In any case the temporary files are removed before anything is printed.
func tryJob(ctx context.Context, r *run, packages []string) error {
	if len(packages) == 0 {
		packages = []string{"./..."}
	}
	r.cfg.Name, r.cfg.Repo, r.cfg.Scope = "try", "try", ci.LocalScope
	p, err := findProject(ctx, r)
	if err != nil {
		return r.end.finish(ctx, err)
	}
	if err := p.holds(packages); err != nil {
		return r.end.finish(ctx, err)
	}
	tmp, err := os.MkdirTemp("", "gocache-try-")
	if err != nil {
		return r.end.finish(ctx, fmt.Errorf("%w: %w", errNoTemp, err))
	}
	t := &trial{run: r, project: p, packages: packages, tmp: tmp}
	key := p.key.Key
	t.res.Key, t.res.Packages, t.res.Go, t.res.Platform = key.String(), packages, key.Go, key.OS+"/"+key.Arch
	err = errors.Join(t.measureAll(ctx), t.clean())
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return r.end.finish(ctx, err)
	}
	if err := r.out.result(t.res, t.res.write); err != nil {
		return err
	}
	if !t.res.Proved {
		return failure{config.ExitFailed, fmt.Errorf("the offline build ran the compiler %d times: %s",
			t.res.Warm.Compiled, strings.Join(t.res.Warm.packages, " "))}
	}
	return nil
}

// clean removes all temporary files. Compilers that an interrupted build has left behind may still
// write for a moment, so it tries more than once.
func (t *trial) clean() error {
	var err error
	for range 20 {
		if err = osfile.RemoveAll(t.tmp); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("remove temporary files: %w", err)
}

// The two caches are always at the same path: action IDs contain the directories of sources, and in
// CI that path does not change either.
func (t *trial) path(name string) string { return filepath.Join(t.tmp, name) }
func (t *trial) cacheDir() string        { return t.path("caches") }
func (t *trial) modDir() string          { return filepath.Join(t.cacheDir(), "mod") }
func (t *trial) buildDir() string        { return filepath.Join(t.cacheDir(), "build") }

// measureAll does one step after the other, each with what the one before has left.
func (t *trial) measureAll(ctx context.Context) error {
	var err error
	t.run.out.say("build %s with empty caches", shortened(strings.Join(t.packages, " "), tryColumns-len("gocache: build  with empty caches")))
	if t.res.Cold, err = t.build(ctx, "GOPROXY="+t.proxies()); err != nil {
		return fmt.Errorf("build with empty caches: %w", err)
	}
	if err := t.measure(); err != nil {
		return err
	}
	rounds, err := t.newRounds()
	if err != nil {
		return err
	}
	t.run.out.say("save into a temporary store")
	if err := rounds.saves(ctx); err != nil {
		return err
	}
	t.run.out.say("restore into empty directories")
	if err := rounds.restores(ctx); err != nil {
		return err
	}
	t.run.out.say("build again, offline")
	if t.res.Warm, err = t.build(ctx, "GOPROXY=off"); err != nil {
		return fmt.Errorf("offline build after the restore: %w", err)
	}
	t.res.Proved = t.res.Warm.Compiled == 0
	t.run.out.say("change a file, build and save")
	return rounds.change(ctx)
}

// measure counts what the first build left. It reads all of it, so that no way of caching finds
// files in memory that another has brought there.
func (t *trial) measure() error {
	var err error
	var n int64
	if t.res.ModuleBytes, n, err = readAll(t.modDir()); err != nil {
		return err
	}
	t.res.Files = n
	t.res.BuildBytes, n, err = readAll(t.buildDir())
	t.res.Files += n
	return err
}

// dirs leaves out the module cache of a vendored project, which is empty.
func (t *trial) dirs() (mod, build string) {
	if t.project.modDir == "" {
		return "", t.buildDir()
	}
	return t.modDir(), t.buildDir()
}
