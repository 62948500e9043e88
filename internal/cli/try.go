package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
)

const tryLong = `Try measures on this project what gocache would do for its jobs. No store is needed.

It builds the packages (default ./...) with empty caches, saves those into a
temporary directory, restores them into empty directories, and builds again
offline. The second build must download and compile nothing; programs are linked
again, as the go command keeps no linked programs. Beside it, the same directories go
through tar and zstd, as with actions/cache. No network is part of any figure.

Modules that are in GOMODCACHE already are not downloaded again. Your own caches are only
read. All temporary files lie in one directory ($TMPDIR), which needs room for both
caches three times over, and is removed at the end.`

// tryCommand takes few flags, since identity and store are made up.
func tryCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "try [PACKAGES]",
		Short:   "Measure gocache on this project, with no store needed",
		Long:    tryLong,
		Example: "  gocache try ./cmd/...",
	}
	return c.add(cmd, config.Try, tryJob)
}

// tryOutput is the result of try. Times are in seconds, sizes in bytes.
type tryOutput struct {
	Key      string   `json:"key"`
	Packages []string `json:"packages"`

	ModuleBytes int64 `json:"moduleBytes"` // GOMODCACHE after the first build
	BuildBytes  int64 `json:"buildBytes"`  // GOCACHE
	Files       int64 `json:"files"`       // of both

	Cold  tryBuild  `json:"cold"` // with empty caches
	Warm  tryBuild  `json:"warm"` // offline, after the restore
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

// tryCache is one way of caching.
type tryCache struct {
	Save    float64 `json:"saveSeconds"`
	Restore float64 `json:"restoreSeconds"`
	Stored  int64   `json:"storedBytes"`
}

// A trial is one run of try.
type trial struct {
	run      *run
	project  *project
	packages []string
	tmp      string // holds everything that is written
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
	tmp, err := os.MkdirTemp("", "gocache-try-")
	if err != nil {
		return r.end.finish(ctx, fmt.Errorf("temporary directory: %w", err))
	}
	t := &trial{run: r, project: p, packages: packages, tmp: tmp}
	t.res.Key, t.res.Packages = p.key.Key.String(), packages
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
func (t *trial) cacheDir() string { return filepath.Join(t.tmp, "caches") }
func (t *trial) modDir() string   { return filepath.Join(t.cacheDir(), "mod") }
func (t *trial) buildDir() string { return filepath.Join(t.cacheDir(), "build") }

// measureAll does one step after the other, each with what the one before has left.
func (t *trial) measureAll(ctx context.Context) error {
	var err error
	t.run.out.say("build %s with empty caches", strings.Join(t.packages, " "))
	if t.res.Cold, err = t.build(ctx, "GOPROXY="+t.proxies()); err != nil {
		return fmt.Errorf("build with empty caches: %w", err)
	}
	if err := t.measure(); err != nil {
		return err
	}
	st, err := dir.Open(filepath.Join(t.tmp, "store"))
	if err != nil {
		return err
	}
	if err := t.save(ctx, st); err != nil {
		return err
	}
	original := filepath.Join(t.tmp, "original")
	if err := osfile.Rename(t.cacheDir(), original); err != nil {
		return err
	}
	if err := t.restore(ctx, st); err != nil {
		return err
	}
	t.run.out.say("build again, offline")
	if t.res.Warm, err = t.build(ctx, "GOPROXY=off"); err != nil {
		return fmt.Errorf("offline build after the restore: %w", err)
	}
	t.res.Proved = t.res.Warm.Compiled == 0
	if err := osfile.RemoveAll(t.cacheDir()); err != nil { // makes room for the next one
		return fmt.Errorf("remove temporary files: %w", err)
	}
	return t.throughTar(ctx, original)
}

// measure counts what the first build left.
func (t *trial) measure() error {
	var err error
	var n int64
	if t.res.ModuleBytes, n, err = usageOf(t.modDir()); err != nil {
		return err
	}
	t.res.Files = n
	t.res.BuildBytes, n, err = usageOf(t.buildDir())
	t.res.Files += n
	return err
}

// save runs the code of `gocache save` on the first caches.
func (t *trial) save(ctx context.Context, st *dir.Store) error {
	t.run.out.say("save into a temporary store")
	o := saveOptions(t.run, t.project, st, new(report.Meter))
	o.State, o.ModuleUse, o.MaxAge, o.MaxSize = nil, nil, 0, 0
	o.ModDir, o.BuildDir = t.dirs()
	start := time.Now()
	show := t.run.progress(o.Meter, uploadWords)
	res, err := save.Run(ctx, o)
	show.Stop()
	if err != nil {
		return fmt.Errorf("save: %w", err)
	}
	t.run.out.warnings(res.Warnings)
	t.res.Cache.Save = time.Since(start).Seconds()
	t.res.Cache.Stored, _, err = usageOf(filepath.Join(t.tmp, "store"))
	return err
}

// restore runs the code of `gocache restore` on empty directories.
func (t *trial) restore(ctx context.Context, st *dir.Store) error {
	t.run.out.say("restore into empty directories")
	o := restoreOptions(t.run, t.project, st, new(report.Meter))
	o.ModDir, o.BuildDir = t.dirs()
	start := time.Now()
	show := t.run.progress(o.Meter, downloadWords)
	res, err := restore.Run(ctx, o)
	show.Stop()
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	t.run.out.warnings(res.Warnings)
	t.res.Cache.Restore = time.Since(start).Seconds()
	return nil
}

// dirs leaves out the module cache of a vendored project, which is empty.
func (t *trial) dirs() (mod, build string) {
	if t.project.modDir == "" {
		return "", t.buildDir()
	}
	return t.modDir(), t.buildDir()
}

// usageOf sums up the sizes of the files below a directory, and counts them.
func usageOf(root string) (bytes, files int64, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == root {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		bytes, files = bytes+info.Size(), files+1
		return nil
	})
	return bytes, files, err
}
