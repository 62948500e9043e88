package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/procs"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/usage"
	"github.com/org/gocache-action/trim"
)

const trimLong = `Trim removes from the GOMODCACHE and the GOCACHE of this machine what was not used
for --max-age, then what was used least recently above --max-size. It is for
runners and laptops that keep their caches, instead of 'go clean -cache -modcache',
which throws everything away. No store is needed.

It removes whole module versions, and build entries with their outputs; go.mod files
that a module graph may need, and the fuzzing corpus, stay, and so does what go
commands could be using, those that are running and those that it does not see.
--force spares nothing of that.`

// trimCommand describes the command line.
func trimCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "trim",
		Short:   "Remove what is not used from the caches of this machine",
		Long:    trimLong,
		Example: "  gocache trim --max-age 30d --dry-run\n  gocache trim --max-age 30d --max-size 20GiB",
		Args:    noArgs,
	}
	return c.add(cmd, config.Trim, func(ctx context.Context, r *run, _ []string) error { return trimJob(ctx, r) })
}

// trimOutput is what trim prints with --json.
type trimOutput struct {
	ModDir   string `json:"modDir,omitempty"`
	BuildDir string `json:"buildDir,omitempty"`
	*trim.Result
	Seconds float64 `json:"seconds"`
	outcome
}

// trimJob runs the command. Its failures are errors: nobody runs it in a job whose success matters
// more.
func trimJob(ctx context.Context, r *run) error {
	if r.cfg.MaxAge == 0 && !r.cfg.MaxSize.Any() {
		return usage.Errorf("nothing to trim by: give --max-age or --max-size")
	}
	start := time.Now()
	out, err := runTrim(ctx, r.cfg)
	out.Seconds = time.Since(start).Seconds()
	if out.Result != nil {
		r.out.warnings(out.Warnings)
	}
	return r.conclude(ctx, out, err)
}

// runTrim returns as much of the result as it got to, also beside an error.
func runTrim(ctx context.Context, cfg *config.Config) (*trimOutput, error) {
	out := new(trimOutput)
	dir, err := projectDir(cfg.Dir)
	if err != nil {
		return out, err
	}
	env, err := readGoEnv(ctx, dir)
	if err != nil {
		return out, err
	}
	o := trim.Options{
		MaxAge: cfg.MaxAge, MaxSize: cfg.MaxSize.All, MaxModules: cfg.MaxSize.Modules, MaxBuild: cfg.MaxSize.Build,
		KeepToolchains: cfg.NoToolchains, Now: time.Now,
	}
	if !cfg.NoModules {
		o.ModDir = env.GOMODCACHE
	}
	if !cfg.NoBuild {
		o.BuildDir = env.buildDir()
	}
	out.ModDir, out.BuildDir = o.ModDir, o.BuildDir
	if !cfg.Force {
		o.Spare, o.Unseen = true, procs.Unseen()
		o.Running = func() ([]trim.GoCommand, error) { return runningGo(o.ModDir) }
	}
	if cfg.DryRun {
		out.Result, err = trim.Plan(ctx, o)
		return out, err
	}
	out.Result, err = trim.Run(ctx, o)
	return out, err
}

// runningGo lists the programs that are running and read modules in modDir, and since when.
func runningGo(modDir string) ([]trim.GoCommand, error) {
	list, err := procs.Named(func(name string) bool { return procs.IsGo(name) || procs.LoadsPackages(name) })
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, fmt.Errorf("this system does not tell which programs run, use --force when no go command does: %w", err)
	}
	var running []trim.GoCommand
	for _, p := range list {
		at, err := p.Started()
		if errors.Is(err, os.ErrProcessDone) {
			continue
		}
		g := trim.GoCommand{Name: p.String()}
		g.User, _ = p.User()
		g.Tool = procs.LoadsPackages(p.Name)
		g.HidesReads = modDir != "" && !g.Tool && p.HidesReads(modDir)
		if err == nil {
			g.Started = at
		}
		running = append(running, g)
	}
	return running, err
}

// goCommands describes the go commands that are running.
func goCommands() ([]string, error) {
	running, err := runningGo("")
	var names []string
	for _, g := range running {
		if !g.Tool {
			names = append(names, g.Name)
		}
	}
	return names, err
}

// write prints the result for people.
func (o trimOutput) write(w io.Writer) error {
	r := o.Result
	if r == nil || o.Error != "" && r.Modules.Dropped.Count+r.Build.Dropped.Count == 0 {
		return nil // the error says it all
	}
	amount := func(a trim.Amount) string {
		return fmt.Sprintf("%s (%s)", quantity.Count(a.Count), quantity.Bytes(a.Bytes))
	}
	row := func(name string, h trim.Trimmed) []string {
		return []string{name, amount(h.Dropped), amount(h.Kept), amount(h.Skipped)}
	}
	verb := "trimmed"
	if r.DryRun {
		verb = "would trim"
	}
	s := report.Summary{
		Counts: report.Table{Head: []string{"", "removed", "kept", "skipped"}, Rows: [][]string{row("modules", r.Modules), row("build entries", r.Build)}},
		Also:   o.largest(),
		Result: fmt.Sprintf("%s %s, in %s", verb, quantity.Bytes(r.Modules.Dropped.Bytes+r.Build.Dropped.Bytes), seconds(o.Seconds)),
	}
	if r.Graph.Count > 0 {
		s.Facts = append(s.Facts, [2]string{"go.mod files", quantity.Count(r.Graph.Count) + " of versions that nothing reads"})
	}
	return s.Write(w)
}

// largest names some of what went.
func (o trimOutput) largest() string {
	var b strings.Builder
	if o.UnknownUse && !o.AllModules && o.ModDir != "" && o.Modules.Kept.Count > 0 {
		why := "the file system does not record when modules are read"
		if o.NoneRead {
			why = "no read of a module is recorded yet"
		}
		b.WriteString("\n" + why + ", so none is removed for its age\n")
	}
	if len(o.Largest) > 0 {
		b.WriteString("\nthe largest:\n")
	}
	rows := [][]string{}
	for _, d := range o.Largest[:min(len(o.Largest), shownDropped)] {
		rows = append(rows, []string{"  " + d.Kind + " " + d.Name, quantity.Bytes(d.Bytes), "used " + quantity.Ago(d.LastUse, time.Now()), d.Reason})
	}
	report.Table{Rows: rows}.Write(&b)
	return b.String()
}
