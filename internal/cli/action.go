package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/ghaction"
	"github.com/org/gocache-action/internal/store/s3"
)

const actionLong = `Action is what the GitHub action runs: main before the steps of the job, post after
them, or restore and save where a workflow has a step for each. It reads the inputs
of the action and tells the runner what came of it. In a shell, use restore and save.`

// actionCommand is hidden: its users are action.yml and its sub-actions, by way of shim/gocache.js.
func actionCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{Use: "action", Short: "Run a step of the GitHub action", Long: actionLong, Hidden: true, Args: cobra.NoArgs}
	for _, phase := range ghaction.Phases {
		cmd.AddCommand(&cobra.Command{
			Use: phase.Name, Short: phase.Short, Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				p, step := newStep(c.process)
				err := phase.Run(step, cmd.Context(), p.actionCommands())
				if err == nil {
					return nil
				}
				return failure{asFailure(err).code, nil} // an annotation says why
			},
		})
	}
	return cmd
}

// newStep makes a step, and the process that its commands run in. They write everything to stdout,
// for the runner reads both streams and keeps no order between them.
func newStep(outer *process) (*process, *ghaction.Step) {
	p := *outer
	p.out = &console{stdout: outer.out.stdout, stderr: outer.out.stdout, secrets: outer.out.secrets}
	step := ghaction.New(p.out.stdout, surroundings{p.env}, p.out.say)
	p.out.observe = step.Observe
	p.env = step.Getenv
	return &p, step
}

// actionCommands are restore and save for a step.
func (p *process) actionCommands() ghaction.Commands {
	return ghaction.Commands{
		Restore: func(ctx context.Context, cfg *config.Config, job ghaction.Job) (*ghaction.Restored, error) {
			r, err := p.stepRun("restore", config.Restore, cfg, job)
			if err != nil {
				return nil, p.reported(ctx, err)
			}
			out, err := restoreJob(ctx, r)
			tellRestore(ctx, r, out)
			return restoredOf(out), p.reported(ctx, err)
		},
		Save: func(ctx context.Context, cfg *config.Config, job ghaction.Job) (*ghaction.Saved, error) {
			r, err := p.stepRun("save", config.Save, cfg, job)
			if err != nil {
				return nil, p.reported(ctx, err)
			}
			out, err := saveJob(ctx, r)
			tellSave(ctx, r, out)
			return savedOf(out), p.reported(ctx, err)
		},
		Collect: func(ctx context.Context, cfg *config.Config, job ghaction.Job) error {
			r, err := p.stepRun("gc", config.GC, cfg, job)
			if err == nil {
				err = cleanStore(ctx, r)
			}
			return p.reported(ctx, err)
		},
		NoDefault: func() error {
			_, err := ci.FindCacheService(p.env)
			return err
		},
		Summarize: p.summarizeStep,
	}
}

// stepRun is the run of a command for a step.
func (p *process) stepRun(name string, kind config.Command, cfg *config.Config, job ghaction.Job) (*run, error) {
	p.out.secrets = knownSecrets(p.env) // in post also those of main
	r, err := newRun(p, name, kind, cfg)
	if err != nil {
		return nil, err
	}
	r.notes, r.tokens = job.Notes, job.Token
	return r, nil
}

// reported prints why a command fails, as execute does.
func (p *process) reported(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	f := asFailure(err)
	p.out.fail(f.err, hintFor(f.err))
	return failure{exitCode(ctx, err), err}
}

// restoredOf is what a step has to know of a restore; nil of none.
func restoredOf(out *restoreOutput) *ghaction.Restored {
	if out == nil {
		return nil
	}
	details, _ := json.Marshal(out) // of types that always have JSON
	r := &ghaction.Restored{CacheResult: out.CacheResult, Details: details}
	if out.Result == nil {
		return r
	}
	r.Known, r.Key, r.Scope, r.Title = true, out.Key, out.Scope, foundTitle(out.Key, out.Matched, out.partial)
	r.Entries, r.Modules, r.Written, r.Fetched = out.Build.Restored, out.Modules.Restored, out.BytesWritten, out.BytesFetched
	if m := out.Matched; m != nil {
		r.Found, r.Exact, r.FoundKey, r.FoundScope = true, m.Exact, strings.Join(m.Key, "/"), m.Scope
	}
	for _, l := range out.Losses {
		if l.Kind == "refused" {
			r.Refused = append(r.Refused, fmt.Sprintf("%s: %s", l.What, l.Reason))
		}
	}
	return r
}

// savedOf is what a step has to know of a save; nil of none.
func savedOf(out *saveOutput) *ghaction.Saved {
	if out == nil {
		return nil
	}
	s := &ghaction.Saved{Details: out, Expired: errors.Is(out.cause, s3.ErrExpired)}
	if out.Result == nil {
		return s
	}
	s.Known, s.Key, s.Scope, s.Title, s.Written = true, out.Key, out.Scope, out.title(), out.Written
	s.Entries, s.Modules, s.Uploaded, s.Stored = out.Build.Uploaded, out.Modules.Uploaded, out.BytesUploaded, out.StoredBytes
	return s
}

// summarizeStep adds the section of a step to the summary. The result of a restore may be that of
// another phase, which has left it as JSON; without it the section has the save alone.
func (p *process) summarizeStep(cfg *config.Config, before *ghaction.Restored, after *ghaction.Saved) {
	var restored *restoreOutput
	var saved *saveOutput
	if before != nil {
		restored = new(restoreOutput)
		if json.Unmarshal(before.Details, restored) != nil {
			restored = nil
		}
	}
	if after != nil {
		saved, _ = after.Details.(*saveOutput)
	}
	writeSummary(&run{cfg: cfg, env: p.env, out: p.out, version: p.version}, restored, saved)
}

// surroundings are those of this process, with the environment that a test may give it.
type surroundings struct{ env ci.Env }

func (s surroundings) Getenv(name string) string       { return s.env(name) }
func (s surroundings) Setenv(name, value string) error { return os.Setenv(name, value) }
func (s surroundings) Unsetenv(name string) error      { return os.Unsetenv(name) }
func (s surroundings) Getwd() (string, error)          { return os.Getwd() }
func (s surroundings) Chdir(dir string) error          { return os.Chdir(dir) }
func (s surroundings) TempDir() string                 { return os.TempDir() }
func (s surroundings) Executable() (string, error)     { return os.Executable() }

func (s surroundings) Environ() map[string]string {
	vars := map[string]string{}
	for _, kv := range os.Environ() {
		if name, value, _ := strings.Cut(kv, "="); name != "" {
			vars[name] = value
		}
	}
	return vars
}

func (s surroundings) Has(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
