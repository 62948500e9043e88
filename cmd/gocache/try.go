package main

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

func (a *app) tryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "try [PACKAGES]",
		Short:   "Measure gocache on this project, with no store needed",
		Long:    tryLong,
		Example: "  gocache try ./cmd/...",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.try(cmd.Context(), args) },
	}
	fs := cmd.Flags()
	fs.StringVar(&a.flags.dir, "dir", ".", "directory of the project")
	a.flags.restore(fs)
	return cmd
}

// tryOutput is what try found out. Times are in seconds, sizes in bytes.
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
}

// tryCache is one way through a cache.
type tryCache struct {
	Save    float64 `json:"saveSeconds"`
	Restore float64 `json:"restoreSeconds"`
	Stored  int64   `json:"storedBytes"`
}

// A trial is one run of try.
type trial struct {
	app      *app
	project  *project
	packages []string
	tmp      string // holds everything that is written
	res      tryOutput
}

func (a *app) try(ctx context.Context, packages []string) error {
	if len(packages) == 0 {
		packages = []string{"./..."}
	}
	a.flags.identity = identity{Name: "try", Repo: "try", Scope: fallbackScope}
	p, err := a.project(ctx)
	if err != nil {
		return a.finish(err, true)
	}
	tmp, err := os.MkdirTemp("", "gocache-try-")
	if err != nil {
		return a.finish(fmt.Errorf("temporary directory: %w", err), true)
	}
	t := &trial{app: a, project: p, packages: packages, tmp: tmp}
	t.res.Key, t.res.Packages = p.key.Key.String(), packages
	err = errors.Join(t.run(ctx), t.clean())
	if ctx.Err() != nil {
		err = fmt.Errorf("try: %w", ctx.Err())
	}
	if err != nil {
		return a.finish(err, true)
	}
	if err := a.out.result(t.res, t.res.write); err != nil {
		return err
	}
	if !t.res.Proved {
		return failure{exitFailed, fmt.Errorf("the offline build ran the compiler %d times", t.res.Warm.Compiled)}
	}
	return nil
}

// clean removes all temporary files. Compilers that an interrupted build left behind may
// write for another moment, so it tries more than once.
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

// caches is a pair of directories below the temporary one.
type caches struct{ root, mod, build string }

func (t *trial) caches(name string) caches {
	root := filepath.Join(t.tmp, name)
	return caches{root, filepath.Join(root, "mod"), filepath.Join(root, "build")}
}

func (t *trial) run(ctx context.Context) error {
	first, second := t.caches("first"), t.caches("second")
	var err error
	t.app.out.say("build %s with empty caches", strings.Join(t.packages, " "))
	if t.res.Cold, err = t.build(ctx, first, "GOPROXY="+t.proxies()); err != nil {
		return fmt.Errorf("build with empty caches: %w", err)
	}
	if err := t.measure(first); err != nil {
		return err
	}
	if err := t.throughStore(ctx, first, second); err != nil {
		return err
	}
	t.app.out.say("build again, offline")
	if t.res.Warm, err = t.build(ctx, second, "GOPROXY=off"); err != nil {
		return fmt.Errorf("offline build after the restore: %w", err)
	}
	t.res.Proved = t.res.Warm.Compiled == 0
	if err := osfile.RemoveAll(second.root); err != nil { // makes room for the next one
		return fmt.Errorf("remove temporary files: %w", err)
	}
	return t.throughTar(ctx, first)
}

// measure counts what the first build left.
func (t *trial) measure(c caches) error {
	var err error
	var n int64
	if t.res.ModuleBytes, n, err = usageOf(c.mod); err != nil {
		return err
	}
	t.res.Files = n
	t.res.BuildBytes, n, err = usageOf(c.build)
	t.res.Files += n
	return err
}

// throughStore saves one pair of caches and restores it into another, with the same code as the commands.
func (t *trial) throughStore(ctx context.Context, from, to caches) error {
	path := filepath.Join(t.tmp, "store")
	st, err := dir.Open(path)
	if err != nil {
		return err
	}
	t.app.out.say("save into a temporary store")
	so := t.app.saveOptions(t.project, st, new(report.Meter))
	so.State, so.MaxAge, so.MaxSize = nil, 0, 0
	so.ModDir, so.BuildDir = t.halves(from)
	start := time.Now()
	show := t.app.progress(so.Meter, uploadWords)
	saved, err := save.Run(ctx, so)
	show.Stop()
	if err != nil {
		return fmt.Errorf("save: %w", err)
	}
	t.app.warnings(saved.Warnings)
	t.res.Cache.Save = time.Since(start).Seconds()
	if t.res.Cache.Stored, _, err = usageOf(path); err != nil {
		return err
	}
	t.app.out.say("restore into empty directories")
	ro := t.app.restoreOptions(t.project, st, new(report.Meter))
	ro.ModDir, ro.BuildDir = t.halves(to)
	start = time.Now()
	show = t.app.progress(ro.Meter, downloadWords)
	restored, err := restore.Run(ctx, ro)
	show.Stop()
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	t.app.warnings(restored.Warnings)
	t.res.Cache.Restore = time.Since(start).Seconds()
	return nil
}

// halves leaves out the module cache of a vendored project: nothing is in there.
func (t *trial) halves(c caches) (mod, build string) {
	if t.project.modDir == "" {
		return "", c.build
	}
	return c.mod, c.build
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
