// Package cli is the command line: commands, what they print, and their exit codes. A command turns
// flags and the environment into a configuration (package config), runs a pipeline with it, and
// says what came of it. There is one file for each command.
//
// Only this package and ci read the environment; the packages below get values.
package cli

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/usage"
)

// Main runs the command line of this process and returns the exit code. ctx ends with the signals
// of EndSignals.
func Main(ctx context.Context, args []string, release Release) int {
	ignoreFileSize()
	p := &process{
		out: &console{stdout: os.Stdout, stderr: os.Stderr}, env: os.Getenv, version: release.info(),
		memory: limitMemory(), exit: os.Exit, files: openFiles(),
	}
	return p.execute(ctx, args)
}

// A process is where commands run. Tests have one without memory, exit and files: they use what
// they like, and do not end the process.
type process struct {
	out     *console
	env     ci.Env
	version versionInfo

	memory memoryBudget
	exit   func(code int)
	files  uint64 // that may be open; 0: not known
}

// execute runs a command line, and returns the exit code.
func (p *process) execute(ctx context.Context, args []string) int {
	root := newRoot(p)
	p.out.secrets = knownSecrets(p.env)
	p.out.colours = p.colours()
	root.SetArgs(args)
	root.SetOut(p.out.stdout)
	root.SetErr(p.out.stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return config.ExitOK
	}
	if f := asFailure(err); f.err != nil {
		p.out.fail(f.err, hintOf(f.err, cmd, root, args))
	}
	return exitCode(ctx, err)
}

// colours says where words may have colours: not in the log of a job on GitHub, where some programs
// that run steps give them a terminal.
func (p *process) colours() colours {
	if ci.OnGitHub(p.env) {
		return colours{}
	}
	return colours{report.HasColours(p.out.stdout, p.env), report.HasColours(p.out.stderr, p.env)}
}

// failure is an error with an exit code.
type failure struct {
	code int
	err  error // nil if everything has been said
}

func (f failure) Error() string {
	if f.err == nil {
		return "failed"
	}
	return f.err.Error()
}

func (f failure) Unwrap() error { return f.err }

// asFailure returns an error with its exit code: its own, or that of errors of its kind.
func asFailure(err error) failure {
	var f failure
	switch {
	case errors.As(err, &f):
		return f
	case usage.Is(err):
		return failure{config.ExitUsage, err}
	}
	return failure{config.ExitFailed, err}
}

// exitCode returns the exit code for an error. After a signal it is always that of an interruption:
// the signal is the reason for whatever happened.
func exitCode(ctx context.Context, err error) int {
	switch {
	case err == nil:
		return config.ExitOK
	case ctx.Err() != nil:
		return config.ExitInterrupted
	}
	return asFailure(err).code
}

// hintOf points to the help after wrong usage; other errors have hints of their own.
func hintOf(err error, cmd, root *cobra.Command, args []string) string {
	if !usage.Is(err) {
		return hintFor(err)
	}
	if cmd == root && len(args) > 0 {
		if near := root.SuggestionsFor(args[0]); len(near) > 0 {
			return "did you mean " + strings.Join(near, " or ") + "?"
		}
	}
	if hint := flagHint(err, cmd); hint != "" {
		return hint
	}
	return "run '" + cmd.CommandPath() + " --help'"
}
