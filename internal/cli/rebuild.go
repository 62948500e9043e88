package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/rebuild"
	"github.com/org/gocache-action/internal/report"
)

const rebuildLong = `Rebuild makes GOMODCACHE and GOCACHE anew, as far as this project uses them, in one
safe step: it checks that this can succeed, sets the old modules aside by renames,
downloads new ones, verifies them against go.sum, and builds the project offline into
an empty build cache. Only then are the old ones deleted. If anything fails before that,
or on a signal, it brings them back; after a kill, the next rebuild or --undo does.

It says what was wrong in the old caches. Use it instead of
'go clean -cache -modcache', which cannot be undone.`

// rebuildCommand describes the command line.
func rebuildCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "rebuild",
		Short:   "Make the caches of this machine anew, or leave them as they were",
		Long:    rebuildLong,
		Example: "  gocache rebuild --dry-run\n  gocache rebuild --modules\n  gocache rebuild --undo",
		Args:    noArgs,
	}
	return c.add(cmd, config.Rebuild, func(ctx context.Context, r *run, _ []string) error { return rebuildJob(ctx, r) })
}

// rebuildOutput is what rebuild prints with --json.
type rebuildOutput struct {
	ModDir   string           `json:"modDir,omitempty"`
	BuildDir string           `json:"buildDir,omitempty"`
	DryRun   bool             `json:"dryRun"`
	Checks   finding.Findings `json:"checks,omitempty"`
	Plan     []rebuild.Step   `json:"plan,omitempty"`
	*rebuild.Result
	Undo    []string `json:"undo,omitempty"` // with --undo: what was done
	Seconds float64  `json:"seconds"`
	outcome
}

// errChecks means that nothing was done.
var errChecks = errors.New("a check failed: nothing was changed")

func rebuildJob(ctx context.Context, r *run) error {
	start := time.Now()
	out := new(rebuildOutput)
	// Not bounded as other commands are: nothing may end the process while it undoes.
	ctx, cancel := withTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	err := runRebuild(ctx, r, out)
	out.Seconds = time.Since(start).Seconds()
	if out.Result != nil {
		r.out.warnings(out.Warnings)
	}
	return r.conclude(ctx, out, err)
}

// runRebuild fills in as much of the output as it got to.
func runRebuild(ctx context.Context, r *run, out *rebuildOutput) error {
	s, err := rebuildSurroundings(ctx, r)
	if err != nil {
		return err
	}
	out.ModDir, out.BuildDir, out.DryRun = s.ModDir, s.BuildDir, r.cfg.DryRun
	if r.cfg.Rebuild.Undo {
		return undoRebuild(s, r.cfg.Force, out)
	}
	r.out.say("checking")
	out.Checks = rebuild.Check(ctx, s)
	if r.cfg.Force && rebuild.SeesGoCommands(out.Checks) {
		s.Busy = nil
	}
	failed := out.Checks.Worst() == finding.Fail && !r.cfg.Force
	if r.cfg.DryRun {
		out.Plan = rebuild.Plan(s.Options)
		if failed {
			return errChecks
		}
		return nil
	}
	if failed {
		return errChecks
	}
	for _, f := range out.Checks {
		if f.Status != finding.OK {
			r.out.say("%s: %s: %s", f.Status, f.Check, f.Evidence)
		}
	}
	s.Began = func(step rebuild.Step) { r.out.say("%s: %s", step.Name, step.Does) }
	s.Waits = func(text string) { r.out.say("%s: %s", rebuild.Download, text) }
	out.Result, err = rebuild.Run(ctx, s.Options)
	return err
}

// undoRebuild brings back what a rebuild that was killed has set aside.
func undoRebuild(s rebuild.Surroundings, force bool, out *rebuildOutput) error {
	if !force {
		if running, err := s.Busy(); err != nil {
			return err
		} else if len(running) > 0 {
			return fmt.Errorf("%w: %s", rebuild.ErrBusy, running[0])
		}
	}
	var errs []error
	for _, dir := range []string{s.ModDir, s.BuildDir} {
		if dir == "" {
			continue
		}
		did, err := rebuild.Undo(dir)
		if err != nil {
			err = fmt.Errorf("%s: %w", dir, err)
		}
		errs = append(errs, err)
		if did != "" {
			out.Undo = append(out.Undo, dir+": "+did)
		}
	}
	return errors.Join(errs...)
}

// write prints the output for people.
func (o rebuildOutput) write(w io.Writer) error {
	switch {
	case o.DryRun || o.Result == nil && o.Checks != nil:
		if err := o.Checks.Write(w); err != nil {
			return err
		}
		return o.writePlan(w)
	case o.Result == nil || o.Undone || o.Error != "":
		text := strings.Join(o.Undo, "\n")
		if text == "" && o.Error == "" {
			text = "nothing to undo"
		}
		if text != "" {
			text += "\n"
		}
		_, err := io.WriteString(w, text)
		return err
	}
	return o.writeResult(w)
}

func (o rebuildOutput) writePlan(w io.Writer) error {
	var b strings.Builder
	for i, step := range o.Plan {
		fmt.Fprintf(&b, "\n%d. %s: %s\n   undo: %s\n", i+1, step.Name, step.Does, step.Undo)
	}
	if _, err := io.WriteString(w, b.String()); err != nil || o.Error != "" {
		return err // which is the last line
	}
	io.WriteString(w, "\n")
	return report.WriteResult(w, report.Plain, fmt.Sprintf("would do these %d steps; nothing was changed", len(o.Plan)))
}

func (o rebuildOutput) writeResult(w io.Writer) error {
	s := report.Summary{Also: o.differing(), Result: "rebuilt in " + seconds(o.Seconds), Counts: report.Table{Head: []string{"", "before", "after"}}}
	for _, row := range []struct {
		name  string
		sizes *rebuild.Sizes
	}{{"modules", o.Modules}, {"build outputs", o.Build}} {
		if row.sizes != nil {
			s.Counts.Rows = append(s.Counts.Rows, []string{row.name, quantity.Bytes(row.sizes.Before), quantity.Bytes(row.sizes.After)})
		}
	}
	if c := o.Outputs; c != nil {
		s.Facts = append(s.Facts, [2]string{"outputs", fmt.Sprintf("%s were there before, of which %s were damaged and %s had other bytes",
			quantity.Count(int64(c.Compared)), quantity.Count(int64(c.Damaged)), quantity.Count(int64(c.Other)))})
	}
	for _, file := range o.Backups {
		s.Facts = append(s.Facts, [2]string{"copied to", file})
	}
	return s.Write(w)
}

// differing says what was wrong with the old modules.
func (o rebuildOutput) differing() string {
	if o.Modules == nil {
		return ""
	}
	text := "\nthe old modules were as go.sum says\n"
	if len(o.Differing) > 0 {
		text = "\nwrong before:\n"
	}
	for _, d := range o.Differing {
		text += fmt.Sprintf("  %s: %s\n", d.Module, d.What)
	}
	return text
}
