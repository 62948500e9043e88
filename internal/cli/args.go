package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/org/gocache-action/internal/usage"
)

// noArgs is cobra.NoArgs, which would call a store or a package an unknown command.
func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0 || cmd.HasSubCommands():
		return cobra.NoArgs(cmd, args)
	case cmd.Flags().Lookup("store") != nil && strings.ContainsAny(args[0], `/\`) && !strings.HasSuffix(args[0], "..."):
		// which is not repeated: it may have a password
		return usage.Errorf("%s takes no arguments; a store is given as --store URL", cmd.CommandPath())
	}
	return usage.Errorf("%s takes no arguments, but has got %q", cmd.CommandPath(), args[0])
}

// need demands arguments, from least to most of them (-1: any number), and says what they are.
func need(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usage.Errorf("%s needs %s", cmd.CommandPath(), what)
		case most >= 0 && len(args) > most:
			return usage.Errorf("%s needs %s, and nothing after it, but has got %q", cmd.CommandPath(), what, args[most])
		}
		return nil
	}
}

// flagHint says which flag somebody may have meant, or "".
func flagHint(err error, cmd *cobra.Command) string {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return ""
	}
	if short := unknown.GetSpecifiedShortnames(); short != "" {
		// Package flag takes one dash, pflag two.
		name, _, _ := strings.Cut(short, "=")
		if f := cmd.Flags().Lookup(name); f != nil {
			return "write --" + name + ", with two dashes"
		}
		return ""
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	near := closeTo(unknown.GetSpecifiedName(), names)
	if len(near) == 0 {
		return ""
	}
	return "did you mean --" + strings.Join(near[:min(len(near), 2)], " or --") + "?"
}
