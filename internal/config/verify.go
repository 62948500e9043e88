package config

import (
	"slices"
	"time"
)

// verifyTakes are the options of restore that verify takes, with the same meaning: to mend caches
// it restores.
var verifyTakes = []string{
	"dir", "name", "repo", "scope", "base-scope", "default-scope", "go-sum", "matrix",
	"no-modules", "no-build", "role-to-assume", "role-duration", "audience", "keep-credentials", "sse-c-key",
	"trust-key", "trust-max-age", "concurrency", "stall-timeout",
}

var verifyOptions = []Option{
	{
		Name: "store", Commands: Verify, Group: Common,
		Origin: "none: the caches of this machine are verified",
		Help: "verify this store instead, given as for restore; --fix restores from the store " +
			"that the variable names",
		value: text(func(c *Config) *string { return &c.Store }),
	},
	{
		Name: "timeout", Commands: Verify, Group: Common,
		Default: "0",
		Help: "stop after this time; with --resume, the next verify of the store goes on " +
			"from there; 0: never",
		value: duration(func(c *Config) *time.Duration { return &c.Timeout }),
	},
	{
		Name: "fix", Commands: Verify, Group: Cleaning,
		NoVariable: true,
		Help: "remove what is broken from the caches, and restore it from the store that " +
			"$GOCACHE_ACTION_STORE names, if it is set; refuses while go commands are running",
		value: toggle(func(c *Config) *bool { return &c.Fix }),
	},
	{
		Name: "force", Commands: Verify, Group: Cleaning,
		Help: "with --fix: do not check for running go commands, nor whether all of them can be " +
			"seen; a container does not see those outside",
		value: toggle(func(c *Config) *bool { return &c.Force }),
	},
	{
		Name: "check-sumdb", Commands: Verify, Group: Trust,
		Default: SumDBAuto,
		Help: "whether to ask the checksum database about modules that are not in go.sum: auto " +
			"(those that the go command has asked it about; the others could be private, and " +
			"are not proved), always (all; what it does not know is an error), or off (only " +
			"answers that the go command has kept)",
		value: choice(func(c *Config) *string { return &c.CheckSumDB }, sumDBChoices),
	},
	{
		Name: "resume", Commands: Verify, Group: Transfer,
		NoVariable: true,
		Help: "with --store: file that records which objects are verified, so that an " +
			"interrupted verify can go on; removed at the end",
		value: text(func(c *Config) *string { return &c.Resume }),
	},
}

// takenBy returns the options of a table, of which a command takes those of restore with these
// names.
func takenBy(cmd Command, table []Option, names []string) []Option {
	table = slices.Clone(table)
	for i := range table {
		if o := &table[i]; o.Commands&Restore != 0 && slices.Contains(names, o.Name) {
			o.Commands |= cmd
		}
	}
	return table
}
