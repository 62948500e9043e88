package config

import "time"

// RebuildConfig holds the settings of rebuild alone.
type RebuildConfig struct {
	Modules, Build bool // neither: both
	Project, All   bool // neither: Project
	NoBuildCheck   bool
	Undo           bool
}

var rebuildOptions = []Option{
	{
		Name: "dir", Commands: Rebuild, Group: Common,
		Default: ".",
		Help: "directory of the project whose modules are downloaded and whose packages are " +
			"built",
		value: text(func(c *Config) *string { return &c.Dir }),
	},
	{
		Name: "timeout", Commands: Rebuild, Group: Common,
		Default: "0",
		Help:    "give up after this time, and bring the old caches back; 0: never",
		value:   duration(func(c *Config) *time.Duration { return &c.Timeout }),
	},
	{
		Name: "modules", Commands: Rebuild, Group: Content,
		NoVariable: true,
		Help:       "rebuild GOMODCACHE, and GOCACHE only with --build",
		value:      toggle(func(c *Config) *bool { return &c.Rebuild.Modules }),
	},
	{
		Name: "build", Commands: Rebuild, Group: Content,
		NoVariable: true,
		Help:       "rebuild GOCACHE, and GOMODCACHE only with --modules",
		value:      toggle(func(c *Config) *bool { return &c.Rebuild.Build }),
	},
	{
		Name: "project", Commands: Rebuild, Group: Content,
		NoVariable: true,
		Help: "rebuild what this project uses and leave the rest of the caches alone; " +
			"this is the default",
		value: toggle(func(c *Config) *bool { return &c.Rebuild.Project }),
	},
	{
		Name: "all", Commands: Rebuild, Group: Content,
		NoVariable: true,
		Help:       "replace the caches as a whole: what other projects use is removed, too",
		value:      toggle(func(c *Config) *bool { return &c.Rebuild.All }),
	},
	{
		Name: "dry-run", Commands: Rebuild, Group: Cleaning,
		Help:  "print the checks and the steps, and change nothing",
		value: toggle(func(c *Config) *bool { return &c.DryRun }),
	},
	{
		Name: "no-build-check", Commands: Rebuild, Group: Cleaning,
		Help:  "do not build the project with the new modules; with --all GOCACHE is left empty",
		value: toggle(func(c *Config) *bool { return &c.Rebuild.NoBuildCheck }),
	},
	{
		Name: "undo", Commands: Rebuild, Group: Cleaning,
		NoVariable: true,
		Help:       "only bring back what a killed rebuild has set aside",
		value:      toggle(func(c *Config) *bool { return &c.Rebuild.Undo }),
	},
	{
		Name: "force", Commands: Rebuild, Group: Cleaning,
		NoVariable: true,
		Help: "go on although a check failed; running go commands are ignored only if " +
			"that check failed",
		value: toggle(func(c *Config) *bool { return &c.Force }),
	},
}
