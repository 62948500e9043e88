package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/stats"
	"github.com/org/gocache-action/internal/usage"
	"github.com/org/gocache-action/trim"
)

const statsLong = `Stats says what the GOMODCACHE and the GOCACHE of this machine consist of, and a
store: sizes by kind, module, package, repository, scope and age, what is there
twice, what trim and gc would remove, and how all that grows.

It reads, and reading does not count as use. With --record it adds a line to a
history, from which later runs judge growth: bytes a day, and when the disk is full
or --quota is reached. --html writes a page with charts as well. --listen goes on, and
shows the figures to Prometheus.

The store is that of --store, or the directory in the user's cache if there is one.`

// statsCommand describes the command line.
func statsCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "stats",
		Short:   "Say what caches and a store consist of, and how they grow",
		Long:    statsLong,
		Example: "  gocache stats\n  gocache stats --record --quota 50GiB --html stats.html",
		Args:    noArgs,
	}
	return c.add(cmd, config.Stats, func(ctx context.Context, r *run, _ []string) error {
		return statsJob(ctx, r, cmd.Flags().Changed("store"))
	})
}

// statsOutput is what stats prints with --json.
type statsOutput struct {
	*stats.Report
	Seconds float64 `json:"seconds"`
	outcome
}

// statsJob runs the command. It says what failed beside all that it could find out. named means
// that a flag names the store.
func statsJob(ctx context.Context, r *run, named bool) error {
	if r.cfg.Stats.Listen != "" {
		return statsServer(ctx, r, named)
	}
	ctx, cancel := r.end.bound(ctx)
	defer cancel()
	start := time.Now()
	rep, err := runStats(ctx, r, named, start)
	if rep == nil {
		return r.end.finish(ctx, err)
	}
	out := statsOutput{Report: rep, Seconds: time.Since(start).Seconds(), outcome: outcomeOf(err)}
	r.out.warnings(rep.Warnings)
	if printErr := r.out.result(out, rep.WriteText); printErr != nil {
		return printErr
	}
	warnFindings(r.out, rep.Findings)
	if err = r.end.finish(ctx, err); err != nil {
		return err
	}
	return unlessFailed(rep.Findings.Worst())
}

// warnFindings says what is wrong where no report does.
func warnFindings(out *console, list finding.Findings) {
	if out.shows() {
		return
	}
	for _, f := range list.Abridged(shownAlike) {
		if f.Status != finding.OK {
			out.warn(fmt.Errorf("%s: %s", f.Check, f.Evidence), f.Remedy.String())
		}
	}
}

// statsPlan is what is looked at.
type statsPlan struct {
	dirs     cacheDirs
	store    storeLook // nil: none
	warnings []string
}

// planStats finds out what to look at, and all wrong usage, before anything is read.
func planStats(ctx context.Context, r *run, named bool) (p statsPlan, err error) {
	if err = checkPage(r.cfg.Stats.HTML); err != nil {
		return p, err
	}
	if p.store, p.warnings, err = findStore(ctx, r, named); err != nil {
		return p, err
	}
	p.dirs, err = caches(ctx, r.cfg)
	return p, err
}

// runStats finds out, records and writes the page. The report is nil if nothing was looked at.
func runStats(ctx context.Context, r *run, named bool, now time.Time) (*stats.Report, error) {
	plan, err := planStats(ctx, r, named)
	if err != nil {
		return nil, err
	}
	return doStats(ctx, r, plan, now)
}

// doStats is runStats for a plan. If ctx ends first, the report has what was found until then,
// which goes neither into the history nor into the page.
func doStats(ctx context.Context, r *run, plan statsPlan, now time.Time) (*stats.Report, error) {
	history, past, warnings, err := readHistory(r.cfg.Stats)
	if err != nil {
		return nil, err
	}
	rep, err := collectStats(ctx, r, plan, now)
	rep.Warnings = slices.Concat(plan.warnings, warnings, rep.Warnings)
	judgeStats(rep, past, r.cfg)
	if ctx.Err() != nil {
		return rep, cmp.Or(err, ctx.Err())
	}
	if r.cfg.Stats.Record {
		err = errors.Join(err, stats.AppendHistory(ctx, history, stats.RecordOf(rep)))
	}
	if r.cfg.Stats.HTML != "" {
		err = errors.Join(err, writePage(r.cfg.Stats.HTML, rep))
	}
	return rep, err
}

// readHistory reads the history of the configuration, or of this user. If it cannot be read, that
// is a warning, or an error if this run is to be recorded in it.
func readHistory(cfg config.StatsConfig) (file string, past []stats.Record, warnings []string, err error) {
	bad := 0
	if file = cfg.History; file == "" {
		file, err = userCache("stats.jsonl")
	}
	if err == nil {
		past, bad, err = stats.ReadHistory(file)
	}
	switch {
	case err != nil && !cfg.Record:
		return file, nil, []string{"growth is not known: " + err.Error()}, nil
	case bad > 0:
		warnings = []string{fmt.Sprintf("history %s: %d lines cannot be read", file, bad)}
	}
	return file, past, warnings, err
}

// cacheDirs are the caches that a command looks at; "" where it does not.
type cacheDirs struct{ mod, build string }

// caches asks the go command where its caches are.
func caches(ctx context.Context, cfg *config.Config) (dirs cacheDirs, err error) {
	if cfg.NoModules && cfg.NoBuild {
		return dirs, nil
	}
	dir, err := projectDir(cfg.Dir)
	if err != nil {
		return dirs, err
	}
	env, err := readGoEnv(ctx, dir)
	if err != nil {
		return dirs, err
	}
	if !cfg.NoModules {
		dirs.mod = env.GOMODCACHE
	}
	if !cfg.NoBuild {
		dirs.build = env.buildDir()
	}
	return dirs, nil
}

var statsWords = report.Words{Transfer: "read", TransferDone: "read", Disk: "look", DiskDone: "looked at", Things: "objects"}

// collectStats looks at the caches and the store at once. What of them fails is an error beside the
// report.
func collectStats(ctx context.Context, r *run, plan statsPlan, now time.Time) (*stats.Report, error) {
	dirs := plan.dirs
	rep := &stats.Report{Time: now.UTC().Truncate(time.Second), Findings: finding.Findings{}}
	meter := new(report.Meter)
	meter.SetPhase("read the caches")
	show := r.progress(meter, statsWords)
	defer show.Stop()
	var errs [4]error
	var warnings [2][]string
	var group errgroup.Group
	group.Go(func() error {
		if plan.store != nil {
			rep.Store, errs[0] = plan.store(ctx, meter, now)
		}
		return nil
	})
	group.Go(func() error {
		if dirs.mod != "" {
			rep.Modules, warnings[0], errs[1] = stats.CollectModules(ctx, dirs.mod, now)
		}
		return nil
	})
	group.Go(func() error {
		if dirs.build != "" {
			rep.Build, warnings[1], errs[2] = stats.CollectBuild(ctx, dirs.build, now)
		}
		return nil
	})
	group.Wait()
	if dirs.mod+dirs.build != "" && ctx.Err() == nil {
		rep.Trim, errs[3] = trimStats(ctx, r.cfg, dirs, now) // afterwards: it needs as much memory
	}
	rep.Warnings = append(warnings[0], warnings[1]...)
	rep.Disks = stats.DisksOf(dirs.mod, dirs.build)
	return rep, errors.Join(errs[:]...)
}

// trimStats asks trim what it would remove.
func trimStats(ctx context.Context, cfg *config.Config, dirs cacheDirs, now time.Time) (*stats.Trim, error) {
	if cfg.MaxAge == 0 && !cfg.MaxSize.Any() {
		return nil, nil
	}
	plan, err := trim.Plan(ctx, trim.Options{
		ModDir: dirs.mod, BuildDir: dirs.build, MaxAge: cfg.MaxAge, KeepToolchains: cfg.NoToolchains,
		MaxSize: cfg.MaxSize.All, MaxModules: cfg.MaxSize.Modules, MaxBuild: cfg.MaxSize.Build,
		Now: func() time.Time { return now },
	})
	if err != nil {
		return nil, err
	}
	t := &stats.Trim{MaxAge: quantity.Duration(cfg.MaxAge), Modules: plan.Modules.Dropped, Build: plan.Build.Dropped}
	if cfg.MaxSize.Any() {
		t.MaxSize = config.SizesText(cfg.MaxSize)
	}
	return t, nil
}

// judgeStats adds to a report what the past tells.
func judgeStats(rep *stats.Report, past []stats.Record, cfg *config.Config) {
	rep.History = stats.Comparable(past, stats.RecordOf(rep))
	limits := stats.Limits{Local: cfg.Stats.Quota.Caches, Store: cfg.Stats.Quota.Store}
	rep.Growth = stats.Judge(rep.History, limits, rep.Disks, rep.Time)
	rep.Findings = stats.Check(rep, rep.Time)
}

// checkPage refuses the name of something that is not a file.
func checkPage(file string) error {
	if file == "" {
		return nil
	}
	if st, err := os.Stat(file); err == nil && !st.Mode().IsRegular() {
		return usage.Errorf("--html: %s is not a file", file)
	}
	return nil
}

// writePage writes the page by a rename: who reads it gets the old or the new one. The mode of a
// page that exists stays, so that a web server may go on reading it.
func writePage(file string, rep *stats.Report) error {
	var b bytes.Buffer
	if err := rep.WritePage(&b); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	old, statErr := os.Stat(file)
	if statErr != nil && !errors.Is(statErr, fs.ErrNotExist) {
		return fmt.Errorf("page: %w", statErr)
	}
	if err := checkPage(file); err != nil {
		return err
	}
	mode := fs.FileMode(0o600)
	if statErr == nil {
		mode = old.Mode().Perm()
	}
	if err := osfile.ReplaceMode(file, b.Bytes(), 0o777, mode); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	return nil
}
