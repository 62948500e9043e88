package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/report"
)

// Exit codes, as documented in --help.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitMiss        = 3
	exitInterrupted = 130 // as shells report SIGINT
)

const rootLong = `gocache gives a CI job a warm Go module cache and build cache from an object
store, and stores afterwards what changed.

  gocache restore        before the job
  gocache save           after it
  gocache plan           what the two would do, and why
  gocache try            measure it on this project, with no store needed
  gocache trim           shrink the caches of a machine that keeps them
  gocache gc             remove from a store what nobody needs any more
  gocache keygen         make keys for signed snapshots
  gocache mtimes         give tracked files times that survive a checkout

Every flag has a twin in the environment, which is shown in brackets in the help
of each command: $GOCACHE_ACTION_STORE for --store. A flag wins over its twin.`

const exitCodes = `
Exit codes:
  0    done; also when nothing was found, and when the store does not answer or
       anything else goes wrong in restore or save: a warning says so, and the job goes on
  1    restore or save went wrong and --fail-on-error was given; plan, try, trim, gc
       or version went wrong
  2    wrong usage: an unknown command or flag, a value that makes no sense,
       an unknown kind of store
  3    the store answered and has no snapshot, and --fail-on-miss was given
  130  interrupted by a signal: what goes on is cleaned up, within 5 seconds; a second
       signal ends the process at once
`

// app is what all commands share.
type app struct {
	out    *console
	lookup lookupEnv
	flags  flags
	// onSummary gets what a restore or a save has for the summary, of which the other is nil. Who
	// sets it says what there is to say about the whole job.
	onSummary func(*restoreOutput, *saveOutput) error
	// origin names where the value of a flag's twin comes from, for complaints; nil: the variable.
	origin func(flag string) string

	// process is nil in tests; command and meter tell what was going on when a command ended early.
	process *process
	command string
	meter   atomic.Pointer[report.Meter]

	// tokens asks the runner for an OIDC token; nil: the environment has it.
	tokens func(ctx context.Context, audience string) (string, error)
}

// lookupEnv is os.LookupEnv, or a table in tests.
type lookupEnv func(string) (string, bool)

// get returns a variable, or "".
func (l lookupEnv) get(name string) string {
	v, _ := l(name)
	return v
}

// failure is an error with an exit code. Errors without one come from cobra: they are wrong usage.
type failure struct {
	code int
	err  error // nil when all was said already
}

func (f failure) Error() string { return fmt.Sprint(f.err) }
func (f failure) Unwrap() error { return f.err }

// usage marks an error as the caller's mistake.
func usage(format string, args ...any) error {
	return failure{exitUsage, fmt.Errorf(format, args...)}
}

// execute runs the command line and returns the exit code.
func execute(ctx context.Context, out *console, args []string, lookup lookupEnv) int {
	return (&app{out: out, lookup: lookup}).execute(ctx, args)
}

func (a *app) execute(ctx context.Context, args []string) int {
	out, root := a.out, a.root()
	out.secrets = knownSecrets(a.lookup)
	root.SetArgs(args)
	root.SetOut(out.stdout)
	root.SetErr(out.stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	var f failure
	if !errors.As(err, &f) {
		f = failure{exitUsage, err}
	}
	if ctx.Err() != nil {
		f.code = exitInterrupted
	}
	if f.err != nil {
		out.fail(f.err, f.hint(cmd, root, args))
	}
	return f.code
}

// hint points to the help after wrong usage; other errors have hints of their own.
func (f failure) hint(cmd, root *cobra.Command, args []string) string {
	if f.code != exitUsage {
		return hintFor(f.err)
	}
	if cmd == root && len(args) > 0 {
		if near := root.SuggestionsFor(args[0]); len(near) > 0 {
			return "did you mean " + strings.Join(near, " or ") + "?"
		}
	}
	return "run '" + cmd.CommandPath() + " --help'"
}

// root builds the command line. Errors and usage are printed by execute, not by cobra, for
// they follow the rules of console.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:               "gocache",
		Short:             "Cache for Go in CI",
		Long:              rootLong + "\n" + exitCodes,
		Version:           buildVersion().Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		// Suggestions are ours to print: cobra would put them into the error.
		DisableSuggestions: true,
		PersistentPreRunE:  func(cmd *cobra.Command, _ []string) error { return a.prepare(cmd) },
	}
	pf := root.PersistentFlags()
	pf.BoolVar(&a.out.json, "json", false, "print the result as JSON on stdout")
	pf.BoolVar(&a.out.quiet, "quiet", false, "print no progress and no table; warnings stay")
	pf.BoolVar(&a.out.debug, "debug", false, "log each request, the store and the environment to stderr, without secrets")
	root.AddCommand(a.restoreCommand(), a.saveCommand(), a.planCommand(), a.tryCommand(), a.trimCommand(), a.gcCommand(), a.keygenCommand(), a.mtimesCommand(), a.actionCommand(), a.versionCommand())
	nameTwins(root)
	return root
}

// prepare runs before every command: twins of flags that were not given.
func (a *app) prepare(cmd *cobra.Command) error {
	if err := applyTwins(cmd, a.lookup, a.origin); err != nil {
		return err
	}
	a.debugCommand(cmd)
	return nil
}
