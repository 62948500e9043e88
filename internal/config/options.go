package config

import "strings"

// A Command is a set of commands, of which each takes some of the options.
type Command uint

const (
	Restore Command = 1 << iota
	Save
	Plan
	Try
	Trim
	GC
	Mtimes
	Proxy
	Prefetch // proxy prefetch
	Refresh  // proxy refresh
	Bundle   // bundle export and import
	Verify
	Rebuild
	Doctor
	Health
	Stats
	List   // ls
	Show   // show
	Remove // rm
	Run    // restore, a command, save
	Env    // what run has to know elsewhere
	Other  // those with no options of their own: version, keygen

	jobs = Restore | Save | Plan | Run // commands for a job of a CI system
	// commands for a project, which a job builds
	projects = jobs | Health
	// commands that look into a store
	looks = List | Show | Remove
	all   = projects | Try | Trim | GC | Mtimes | Proxy | Prefetch | Refresh | Bundle | Verify | Rebuild | Doctor | Stats | looks | Env | Other
)

// Commands names the commands in the order of the reference.
var Commands = []struct {
	Command Command
	Name    string
}{{Restore, "restore"}, {Save, "save"}, {Run, "run"}, {Env, "env"}, {Plan, "plan"}, {Try, "try"}, {Trim, "trim"}, {Rebuild, "rebuild"},
	{Verify, "verify"}, {Doctor, "doctor"}, {Stats, "stats"}, {Health, "health"}, {List, "ls"}, {Show, "show"}, {Remove, "rm"}, {GC, "gc"}, {Mtimes, "mtimes"},
	{Proxy, "proxy"}, {Prefetch, "proxy prefetch"}, {Refresh, "proxy refresh"}, {Bundle, "bundle"}}

// A Group is a heading of the help.
type Group int

const (
	Common    Group = iota // what people need first
	Identity               // whose snapshot is meant
	Content                // what is restored and saved
	Outcome                // what comes of a restore, and of the job
	Trust                  // roles and signatures
	Cleaning               // of gc and trim
	Measuring              // of stats
	Serving                // modules
	Watching               // metrics and health
	Transfer
	Printing
)

// Groups are the headings in the order of the help.
var Groups = []struct {
	Group Group
	Title string
}{
	{Common, "Most used"}, {Identity, "Which snapshot"}, {Content, "What is cached"}, {Outcome, "Result"},
	{Trust, "Access and trust"}, {Cleaning, "What is removed"}, {Measuring, "Statistics"}, {Serving, "Module proxy"}, {Watching, "Monitoring"},
	{Transfer, "Transfer"}, {Printing, "Output"},
}

// An Option is one setting. Commands that give one a different meaning or default have an Option of
// their own with the same name.
type Option struct {
	Name     string // of the flag; the variable is Variable(Name)
	Help     string
	Default  string // as it would be given; "" is the zero value
	Origin   string // where the value comes from if it is not given, for people
	Group    Group
	Commands Command
	// NoFlag is for settings that are given by a variable or an input: secrets, because flags can
	// be seen in the list of processes, and what hardly anybody sets.
	NoFlag bool
	// NoVariable is for what must be said each time: a variable of that name is one of other
	// commands.
	NoVariable bool
	Secret     bool // the value is never shown

	value func(*Config) Value
}

// Value is where the option lies in a configuration.
func (o Option) Value(c *Config) Value { return o.value(c) }

// IsSwitch reports whether the option is true or false.
func (o Option) IsSwitch() bool {
	_, ok := o.value(new(Config)).(boolValue)
	return ok
}

// Choices are the words that the option can be; nil for what is no choice.
func (o Option) Choices() []string {
	v, _ := o.value(new(Config)).(choiceValue)
	return v.allowed
}

// variablePrefix begins the names of the variables that stand for options.
const variablePrefix = "GOCACHE_ACTION_"

// Variable names the environment variable of an option: GOCACHE_ACTION_MAX_AGE for max-age.
func Variable(option string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(option, "-", "_"))
}

// OptionsOf lists the options of a command in the order of the table.
func OptionsOf(cmd Command) (list []Option) {
	for _, o := range options {
		if o.Commands&cmd != 0 {
			list = append(list, o)
		}
	}
	return list
}

// Options lists all options.
func Options() []Option { return options }

// New returns the defaults of a command.
func New(cmd Command) *Config {
	c := new(Config)
	for _, o := range OptionsOf(cmd) {
		if o.Default == "" {
			continue
		}
		if err := o.Value(c).Set(o.Default); err != nil {
			panic("default of " + o.Name + ": " + err.Error()) // the table is wrong
		}
	}
	return c
}

// Shorthands for the table.
type field[T any] = func(*Config) *T

func text(f field[string]) func(*Config) Value {
	return func(c *Config) Value { return textValue{to: f(c)} }
}
func toggle(f field[bool]) func(*Config) Value {
	return func(c *Config) Value { return boolValue{f(c)} }
}
func choice(f field[string], allowed []string) func(*Config) Value {
	return func(c *Config) Value { return choiceValue{to: f(c), allowed: allowed} }
}
