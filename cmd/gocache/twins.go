package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// twinPrefix is what the environment twins of flags start with.
const twinPrefix = "GOCACHE_ACTION_"

// twin names the variable that stands for a flag: GOCACHE_ACTION_MAX_AGE for --max-age.
func twin(flag string) string {
	return twinPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// nameTwins puts the names of the twins into the help of a command and those below it.
func nameTwins(cmd *cobra.Command) {
	add := func(f *pflag.Flag) { f.Usage += " [$" + twin(f.Name) + "]" }
	cmd.LocalNonPersistentFlags().VisitAll(add)
	cmd.PersistentFlags().VisitAll(add)
	for _, sub := range cmd.Commands() {
		nameTwins(sub)
	}
}

// applyTwins sets the flags that were not given from the environment. An empty variable counts as
// not set: that is how CI systems pass on inputs that nobody filled in. origin says where the value
// of a flag comes from; nil: from its twin.
func applyTwins(cmd *cobra.Command, lookup lookupEnv, origin func(flag string) string) error {
	if origin == nil {
		origin = func(flag string) string { return "$" + twin(flag) }
	}
	var err error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value := lookup.get(twin(f.Name))
		if err != nil || f.Changed || value == "" || f.Name == "help" || f.Name == "version" {
			return
		}
		if setErr := cmd.Flags().Set(f.Name, value); setErr != nil {
			err = usage("invalid value %q in %s: %w", value, origin(f.Name), setErr)
		}
	})
	return err
}
