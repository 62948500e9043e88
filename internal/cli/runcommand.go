package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/subprocess"
	"github.com/org/gocache-action/internal/usage"
)

const runLong = `Run restores, runs COMMAND, and saves: a whole job in one step, as a CI system
without steps after the job needs it, and as one RUN of an image build.

The exit code is that of COMMAND, whatever the cache does, unless with
--fail-on-error or --fail-on-miss the restore fails: then COMMAND does not run.
After a COMMAND that failed, save only adds. Stdin and stdout belong to COMMAND;
what gocache says goes to stderr. COMMAND does not see keys that are for gocache
alone, nor what --env-file holds.`

// runCommand describes the command line.
func runCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run [flags] -- COMMAND [ARGUMENT...]",
		Short: "Restore, run a command, and save",
		Long:  runLong,
		Example: `  gocache run --store 's3://bucket/prefix?region=eu-central-1' -- go test ./...
  gocache run --env-file /run/secrets/gocache -- go build -o /app ./cmd/app`,
		Args: need(1, -1, "a command, as in: gocache run -- go build"),
	}
	var environ []string // without what --env-file adds
	do := c.add(cmd, config.Run, func(ctx context.Context, r *run, args []string) error {
		return runBetween(ctx, r, newWrapped(args, environ))
	}).RunE
	cmd.Flags().SetInterspersed(false) // flags after COMMAND are its own
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if c.global.JSON {
			return usage.Errorf("run has no --json: stdout is that of %s", args[0])
		}
		environ = os.Environ()
		c.process.out.stdout = c.process.out.stderr
		file := cmd.Flags().Lookup("env-file").Value.String()
		if file == "" {
			return do(cmd, args)
		}
		if err := c.process.applyEnvFile(file); err != nil {
			return err
		}
		if c.process.env(config.Variable("store")) == "" && !cmd.Flags().Changed("store") {
			c.process.out.say("%s names no store: %s runs without a cache", file, args[0])
			return newWrapped(args, environ).run(cmd.Context())
		}
		return do(cmd, args)
	}
	return cmd
}

// applyEnvFile sets the variables of a file in this process, where libraries read credentials.
// A file that does not exist sets none.
func (p *process) applyEnvFile(file string) error {
	list, err := readEnvFile(file)
	if err != nil {
		return fmt.Errorf("file of --env-file: %w", err)
	}
	for _, s := range list {
		if err := os.Setenv(s.name, s.value); err != nil {
			return fmt.Errorf("file of --env-file: $%s: %w", s.name, err)
		}
	}
	p.out.secrets = knownSecrets(p.env)
	return nil
}

// A wrapped command is what runs between restore and save.
type wrapped struct {
	args    []string
	environ []string
}

// newWrapped leaves out of the environment what is for gocache alone.
func newWrapped(args, environ []string) wrapped {
	return wrapped{args, without(environ, signKeyVariable, customerKeyVariable, config.TokenVariable)}
}

// Exit codes of shells for a command that could not be started.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
)

// endOfCommand is how long a command may take to end after a signal. GitHub kills a cancelled job
// after 10 s.
const endOfCommand = 6 * time.Second

// run runs the command. Its failure has its exit code, and no text: it has said itself what is
// wrong.
func (w wrapped) run(ctx context.Context) error {
	cmd := subprocess.Foreground(ctx, endOfCommand, term.IsTerminal(int(os.Stdin.Fd())), w.args[0], w.args[1:]...)
	cmd.Env = w.environ
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit) || ctx.Err() != nil:
		return failure{subprocess.ExitCode(cmd.ProcessState), nil}
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist):
		return failure{exitNotFound, err}
	}
	return failure{exitNotExecutable, err}
}

// runBetween restores, runs the command, and saves. The notes of restore and save, and temporary
// credentials, are in a directory that is removed at the end.
func runBetween(ctx context.Context, r *run, command wrapped) error {
	notes, err := os.MkdirTemp("", "gocache-run-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(notes)
	r.notes = notes
	restoring := r.as("restore")
	restored, err := restoreJob(ctx, restoring)
	if err != nil {
		return err
	}
	tellRestore(ctx, restoring, restored)
	failed := command.run(ctx)
	if ctx.Err() != nil {
		r.out.say("interrupted: nothing is saved")
		return failed
	}
	saving := r.as("save")
	saving.cfg.JobStatus = config.JobSuccess
	if failed != nil {
		saving.cfg.JobStatus = config.JobFailure
	}
	saved, err := saveJob(ctx, saving)
	writeSummary(r, restored, saved)
	if saved != nil {
		tellSave(ctx, saving, saved)
	}
	return cmp.Or(failed, err)
}

// as returns a run for one of several steps, with an ending of its own.
func (r *run) as(command string) *run {
	one, cfg := *r, *r.cfg
	one.cfg = &cfg
	one.end = &ending{command: command, timeout: cfg.Timeout, failOnError: cfg.FailOnError, noSecrets: r.end.noSecrets, out: r.out, exit: r.end.exit}
	return &one
}
