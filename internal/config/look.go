package config

// LookConfig holds the settings of ls, show and rm alone.
type LookConfig struct {
	Name     string // of snapshots; "": any
	AllRepos bool
	Sort     string // one of lookOrders
	Packages bool
	Yes      bool
}

// The orders of ls.
const (
	SortUse, SortSize, SortName = "use", "size", "name"
)

var lookOrders = []string{SortUse, SortSize, SortName}

// The scope and the name of a job are variables, too, and so is none of these: in a job, ls would
// show less than there is, and rm remove what nobody named.
var lookOptions = []Option{
	{
		Name: "scope", Commands: List | Show | Remove, Group: Identity,
		NoVariable: true,
		Origin:     "all",
		Help:       "only snapshots of this ref, such as refs/pull/7/merge",
		value:      text(func(c *Config) *string { return &c.Scope }),
	},
	{
		Name: "name", Commands: List | Show | Remove, Group: Identity,
		NoVariable: true,
		Origin:     "all",
		Help:       "only snapshots of this name",
		value:      text(func(c *Config) *string { return &c.Look.Name }),
	},
	{
		Name: "all-repos", Commands: List | Show, Group: Identity,
		NoVariable: true,
		Help:       "snapshots of all repositories, and not only of --repo",
		value:      toggle(func(c *Config) *bool { return &c.Look.AllRepos }),
	},
	{
		Name: "sort", Commands: List, Group: Outcome,
		NoVariable: true,
		Default:    SortUse,
		Help:       "by last use, size or name",
		value:      choice(func(c *Config) *string { return &c.Look.Sort }, lookOrders),
	},
	{
		Name: "packages", Commands: Show, Group: Outcome,
		NoVariable: true,
		Help:       "also say which packages are the largest, for which most of the build cache is read from the store",
		value:      toggle(func(c *Config) *bool { return &c.Look.Packages }),
	},
	{
		Name: "yes", Commands: Remove, Group: Cleaning,
		NoVariable: true,
		Help:       "remove; without it, only say what would be removed",
		value:      toggle(func(c *Config) *bool { return &c.Look.Yes }),
	},
}
