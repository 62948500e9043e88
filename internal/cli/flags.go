package cli

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/report"
)

// groupKey is the annotation of a flag that names its group in the help.
const groupKey = "group"

// addFlags adds the options of a command. Those that all commands take are flags of the root.
func addFlags(fs *pflag.FlagSet, kind config.Command, cfg *config.Config) {
	for _, o := range config.OptionsOf(kind) {
		if o.NoFlag || fs.Lookup(o.Name) != nil || kind != config.Other && o.Group == config.Printing {
			continue
		}
		f := fs.VarPF(o.Value(cfg), o.Name, "", flagHelp(o))
		if o.IsSwitch() {
			f.NoOptDefVal = "true"
		}
		fs.SetAnnotation(o.Name, groupKey, []string{fmt.Sprint(int(o.Group))})
	}
	fs.SortFlags = false
}

func flagHelp(o config.Option) string {
	help := o.Help
	if o.Origin != "" {
		help += " (default: " + o.Origin + ")"
	}
	if o.NoVariable {
		return help
	}
	return help + " [$" + config.Variable(o.Name) + "]"
}

// complete tells shells what the flags of a command take.
func complete(cmd *cobra.Command, kind config.Command) {
	for _, o := range config.OptionsOf(kind) {
		switch choices := o.Choices(); {
		case o.NoFlag:
		case o.Name == "dir":
			cmd.MarkFlagDirname(o.Name)
		case choices != nil:
			cmd.RegisterFlagCompletionFunc(o.Name, cobra.FixedCompletions(choices, cobra.ShellCompDirectiveNoFileComp))
		}
	}
}

// writeHelp prints the help of a command. Examples come first: they are what most people look for.
func writeHelp(cmd *cobra.Command, _ []string) {
	var b strings.Builder
	if cmd.HasExample() {
		fmt.Fprintf(&b, "Examples:\n%s\n\n", cmd.Example)
	}
	fmt.Fprintf(&b, "%s\n\n", strings.TrimSpace(cmp.Or(cmd.Long, cmd.Short)))
	io.WriteString(cmd.OutOrStdout(), b.String())
	_ = cmd.Usage() // which prints to the same writer
}

// writeUsage is the help below the text of a command: the flags by groups, those first that people
// need first, then what only variables set, then the exit codes.
func writeUsage(cmd *cobra.Command) error {
	out := cmd.OutOrStdout()
	var b strings.Builder
	fmt.Fprintf(&b, "Usage:\n  %s\n", cmd.UseLine())
	writeCommands(&b, cmd)
	columns := report.Columns(out)
	for _, g := range config.Groups {
		writeFlags(&b, g.Title, flagsOf(cmd, g.Group), columns)
	}
	writeFlags(&b, "Other flags", otherFlags(cmd), columns)
	writeVariables(&b, cmd)
	if cmd.Runnable() {
		writeExitCodes(&b, kindOf(cmd))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func writeCommands(b *strings.Builder, cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() || cmd == cmd.Root() { // whose text lists them by what they are for
		return
	}
	b.WriteString("\nCommands:\n")
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			fmt.Fprintf(b, "  %-*s  %s\n", cmd.NamePadding(), sub.Name(), sub.Short)
		}
	}
}

// flagsOf returns the flags of a group, in the order of the table.
func flagsOf(cmd *cobra.Command, group config.Group) *pflag.FlagSet {
	return selectFlags(cmd, func(f *pflag.Flag) bool {
		name := f.Annotations[groupKey]
		return len(name) == 1 && name[0] == fmt.Sprint(int(group))
	})
}

// otherFlags returns those of no group: help, version, and those of completion.
func otherFlags(cmd *cobra.Command) *pflag.FlagSet {
	return selectFlags(cmd, func(f *pflag.Flag) bool { return f.Annotations[groupKey] == nil })
}

func selectFlags(cmd *cobra.Command, want func(*pflag.Flag) bool) *pflag.FlagSet {
	list := pflag.NewFlagSet("", pflag.ContinueOnError)
	list.SortFlags = false
	add := func(f *pflag.Flag) {
		if want(f) && list.Lookup(f.Name) == nil {
			list.AddFlag(f)
		}
	}
	local, inherited := cmd.LocalFlags(), cmd.InheritedFlags()
	local.SortFlags, inherited.SortFlags = false, false
	local.VisitAll(add)
	inherited.VisitAll(add)
	return list
}

func writeFlags(b *strings.Builder, title string, fs *pflag.FlagSet, columns int) {
	if fs.HasAvailableFlags() {
		fmt.Fprintf(b, "\n%s:\n%s", title, fs.FlagUsagesWrapped(columns))
	}
}

// writeVariables lists the options of a command that are no flags.
func writeVariables(b *strings.Builder, cmd *cobra.Command) {
	title := "\nOnly as variables:\n"
	for _, c := range config.Commands {
		if c.Name != cmd.Name() || cmd.Parent() != cmd.Root() {
			continue
		}
		for _, o := range config.OptionsOf(c.Command) {
			if !o.NoFlag {
				continue
			}
			fmt.Fprintf(b, "%s  $%s\n      %s\n", title, config.Variable(o.Name), variableHelp(o))
			title = ""
		}
	}
}

func variableHelp(o config.Option) string {
	switch {
	case o.Origin != "":
		return o.Help + " (default: " + o.Origin + ")"
	case o.Default != "":
		return o.Help + " (default " + o.Default + ")"
	}
	return o.Help
}

// kindKey is the annotation of a command that says which of config.Command it is.
const kindKey = "gocache kind"

func kindOf(cmd *cobra.Command) config.Command {
	n, err := strconv.ParseUint(cmd.Annotations[kindKey], 10, 0)
	if err != nil {
		return config.Other
	}
	return config.Command(n)
}

func writeExitCodes(b *strings.Builder, kind config.Command) {
	b.WriteString("\nExit codes:\n")
	for _, e := range config.ExitCodesOf(kind) {
		fmt.Fprintf(b, "  %-3d  %s\n", e.Code, report.Fold(e.Help, 73, "\n       "))
	}
}
