package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/usage"
)

const rootLong = `gocache gives a CI job a warm Go module cache and build cache from an object
store, and stores afterwards what changed.

  gocache restore        before the job
  gocache save           after it
  gocache run            both, around a command
  gocache plan           what the two would do, and why
  gocache try            measure it on this project, with no store needed
  gocache trim           shrink the caches of a machine that keeps them
  gocache rebuild        make the caches of a machine anew, or leave them as they were
  gocache verify         check every byte of the caches of a machine, or of a store
  gocache doctor         find what is wrong with Go, caches, proxies and stores here
  gocache stats          say what caches and a store consist of, and how they grow
  gocache health         judge a cache, and tell when that changes
  gocache ls             list the snapshots of a store
  gocache show           say what a snapshot has
  gocache rm             remove snapshots
  gocache gc             remove from a store what nobody needs any more
  gocache proxy          serve modules to a team, from the same store
  gocache bundle         carry modules into a network without access
  gocache env            what run needs to know elsewhere, as in an image build
  gocache keygen         make keys for signed snapshots
  gocache mtimes         give tracked files times that survive a checkout
  gocache version        say which version this is
  gocache completion     write a completion script for a shell
  gocache help COMMAND   say what a command does, and which flags it has

Every flag can also be given as a variable, which the help shows in brackets:
$GOCACHE_ACTION_STORE for --store. A flag wins over its variable.`

// newRoot builds the command line. Errors and usage are printed by execute, not by cobra, so that
// they follow the rules of console.
func newRoot(p *process) *cobra.Command {
	global := config.New(config.Other)
	root := &cobra.Command{
		Use:               "gocache",
		Short:             "Cache for Go in CI",
		Long:              rootLong,
		Example:           "  gocache try\n  gocache restore --store 's3://bucket/prefix?region=eu-central-1'",
		Version:           p.version.Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		// Suggestions are ours to print: cobra would put them into the error.
		DisableSuggestions: true,
		// otherwise cobra would find unknown commands itself, and its error has no type
		Args: cobra.ArbitraryArgs,
		RunE: subcommand,
	}
	addFlags(root.PersistentFlags(), config.Other, global)
	root.SetHelpFunc(writeHelp)
	root.SetUsageFunc(writeUsage)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage.Wrap(err) })
	c := commands{process: p, global: global}
	root.AddCommand(restoreCommand(c), saveCommand(c), runCommand(c), envCommand(c), planCommand(c), tryCommand(c), trimCommand(c), rebuildCommand(c),
		verifyCommand(c), doctorCommand(c), statsCommand(c), healthCommand(c), lsCommand(c), showCommand(c), rmCommand(c), gcCommand(c), proxyCommand(c), bundleCommand(c),
		keygenCommand(c), mtimesCommand(c), actionCommand(c), cacheReaderCommand(), compileNothingCommand(), versionCommand(c))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	typeErrors(root)
	return root
}

// subcommand runs a command that only has commands below it. Without any of those it shows the
// help.
func subcommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
	}
	return cmd.Help()
}

// typeErrors turns what is wrong with arguments into wrong usage, also where cobra would only show
// the help.
func typeErrors(cmd *cobra.Command) {
	if !cmd.Runnable() && cmd.HasSubCommands() {
		cmd.Args, cmd.RunE = cobra.ArbitraryArgs, subcommand
	}
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error { return usage.Wrap(check(cmd, args)) }
	}
	for _, sub := range cmd.Commands() {
		typeErrors(sub)
	}
}

// commands makes commands of one process.
type commands struct {
	process *process
	global  *config.Config // what the flags before a command say
}

// add gives a command its flags, and runs it with what they and the environment say.
func (c commands) add(cmd *cobra.Command, kind config.Command, do func(context.Context, *run, []string) error) *cobra.Command {
	cfg := config.New(kind)
	cmd.Annotations = map[string]string{kindKey: strconv.FormatUint(uint64(kind), 10)}
	addFlags(cmd.Flags(), kind&^config.Other, cfg)
	complete(cmd, kind)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg.JSON, cfg.Quiet, cfg.Debug = c.global.JSON, c.global.Quiet, c.global.Debug
		if err := cfg.Fill(kind, cmd.Flags().Changed, config.Environment(c.process.env)); err != nil {
			return err
		}
		if err := cfg.FillStore(kind, c.process.env); err != nil {
			return err
		}
		r, err := newRun(c.process, cmd.Name(), kind, cfg)
		if err != nil {
			return err
		}
		return do(cmd.Context(), r, args)
	}
	return cmd
}
