package config

import (
	"slices"
	"strconv"
	"strings"

	"github.com/org/gocache-action/internal/usage"
)

// A Step is a set of the actions that workflows can use.
type Step int

const (
	StepWhole   Step = 1 << iota // action.yml: restore, and save after the job
	StepRestore                  // restore/action.yml
	StepSave                     // save/action.yml
	StepGC                       // gc/action.yml

	jobSteps  = StepWhole | StepRestore | StepSave
	everyStep = jobSteps | StepGC
)

// An Input is one of the action: an option, or a part of the store's URL, or a key of the store.
type Input struct {
	Name   string
	Option string // that it sets; "" if it sets none by itself
	Help   string
	Shown  string // the default, for people
	Expr   string // the default, for the runner: an expression that only the runner can evaluate
	Steps  Step
	Secret bool // the value never appears in a log
	// what of StepGC differs from the others; "": nothing
	gcHelp, gcShown string

	isSwitch bool // true or false
	negated  bool // true for the input is false for the option
	// part of the URL: all, or only where the store is named by inputs, too
	keeping, address bool
}

// specialInputs are no options, or need more than their option says. Their order is that of the
// documentation. An input with an Option and no Help has the text of the option.
var specialInputs = []Input{
	{
		Name: "store", Option: "store", Steps: everyStep,
		Help: "where snapshots are kept: " + storeHelp +
			"; or use bucket and the inputs after it",
		Shown: "actions",
	},
	{
		Name: "bucket", Steps: everyStep,
		Help: "S3 bucket, instead of store",
	},
	{
		Name: "prefix", Steps: everyStep,
		Help: "prefix of the names of all objects in the bucket",
	},
	{
		Name: "region", Steps: everyStep, address: true,
		Shown: "as in the AWS CLI",
		Help:  "region of the bucket",
	},
	{
		Name: "endpoint", Steps: everyStep, address: true,
		Shown: "Amazon S3",
		Help:  "URL of an S3 compatible server, such as https://minio.example.com",
	},
	{
		Name: "path-style", Steps: everyStep, isSwitch: true, address: true,
		Shown: "false",
		Help: "put the bucket into the path of URLs instead of the host name, as many " +
			"compatible servers require",
	},
	{
		Name: "access-key-id", Steps: everyStep, Secret: true,
		Shown: "as in the AWS CLI",
		Help:  "S3 access key; a role is better, because it needs no long-lived key",
	},
	{
		Name: "secret-access-key", Steps: everyStep, Secret: true,
		Help: "secret of the access key",
	},
	{
		Name: "session-token", Steps: everyStep, Secret: true,
		Help: "session token of temporary keys",
	},
	{
		Name: "role-to-assume", Option: "role-to-assume",
		Help: "ARN of a role to assume with the job's OIDC token; the job needs the permission " +
			"id-token: write",
	},
	{
		Name: "name", Option: "name",
		Shown: "workflow, job, matrix and working-directory",
		Help: "name of what is cached, part of the key; jobs with the same name share a " +
			"snapshot",
	},
	{
		Name: "working-directory", Option: "dir",
		Shown: ".",
		Help:  "directory of the project, in the checkout",
	},
	{
		Name: "fast-drive", Steps: StepWhole | StepRestore,
		Shown: "false",
		Help: "true: on Windows, keep GOMODCACHE, GOCACHE and GOTMPDIR on the drive of the workspace, also for the " +
			"steps after this one, if that is another one than that of the caches; elsewhere nothing changes. Or a " +
			"drive, such as D:, or a directory with its full path",
	},
	{
		Name: "matrix", Option: "matrix",
		Expr: "${{ toJSON(matrix) }}", Shown: "the job's",
		Help: "values of the matrix, part of the default name; {}: all jobs of the matrix share " +
			"one snapshot",
	},
	{
		Name: "job-status", Option: "job-status",
		Expr: "${{ job.status }}", Shown: "the job's",
		Help: "how the job went so far; after a failure, save adds what is new and drops " +
			"nothing; a cancelled job saves nothing",
	},
	{
		Name: "debug", Option: "debug", Steps: everyStep,
		Shown: "true if the run was rerun with debug logging",
		Help:  "log each request, the store and the environment, without secrets",
	},
	{
		Name: "token", Steps: StepGC, Secret: true,
		Expr: "${{ github.token }}", Shown: "the job's",
		Help: "token for the API of GitHub, to delete entries of the repository's cache; the " +
			"job needs the permission actions: write",
	},
	{
		Name: "save-on-failure", Steps: StepWhole | StepSave, isSwitch: true,
		Shown: "true",
		Help:  "true: save after a failed job, too; false: only after success",
	},
	{
		Name: "sse", Steps: everyStep, keeping: true,
		Shown: "the bucket's setting",
		Help:  "server-side encryption of written objects: AES256, aws:kms or aws:kms:dsse",
	},
	{
		Name: "sse-kms-key-id", Steps: everyStep, keeping: true,
		Shown: "the bucket's key",
		Help:  "with sse aws:kms: ID, ARN or alias of the key",
	},
	{
		Name: "sse-bucket-key", Steps: everyStep, isSwitch: true, keeping: true,
		Shown: "false",
		Help:  "with sse aws:kms: use a bucket key, so that one request to KMS serves many objects",
	},
	{
		Name: "storage-class", Steps: everyStep, keeping: true,
		Shown: "the server's default",
		Help:  "storage class of written objects, such as STANDARD_IA",
	},
	{
		Name: "requester-pays", Steps: everyStep, isSwitch: true, keeping: true,
		Shown: "false",
		Help:  "pay for requests to a bucket of another account",
	},
}

// notInputs are options that make no sense in a workflow: what they say is the business of the
// action.
var notInputs = []string{"json", "quiet", "state", "keep-credentials"}

// renamed are options whose input has a name that is customary in workflows.
var renamed = map[string]string{"path": "paths", "no-modules": "modules", "no-build": "build", "no-toolchains": "toolchains"}

// Inputs lists all inputs: the special ones, then the options of restore, save and gc in the order
// of the table.
func Inputs() []Input {
	list := slices.Clone(specialInputs)
	for _, o := range options {
		if o.Commands&(Restore|Save|GC) == 0 || slices.Contains(notInputs, o.Name) {
			continue
		}
		in := inputOf(o)
		i := slices.IndexFunc(list, func(special Input) bool { return special.Option == o.Name })
		if i < 0 {
			list = append(list, in)
			continue
		}
		if in.Steps == StepGC { // an option of gc with the name of another one
			list[i].Steps |= StepGC
			list[i].gcHelp, list[i].gcShown = in.Help, in.Shown
			continue
		}
		if list[i].Help == "" {
			list[i].Help, list[i].Shown = in.Help, in.Shown
		}
		list[i].Steps |= in.Steps
		list[i].isSwitch, list[i].Secret = in.isSwitch, in.Secret
	}
	return list
}

// inputOf makes an input of an option. Switches that take something away become ones that are on.
func inputOf(o Option) Input {
	in := Input{Name: o.Name, Option: o.Name, Help: o.Help, Shown: o.Default, Secret: o.Secret, isSwitch: o.IsSwitch()}
	if o.Origin != "" {
		in.Shown = o.Origin
	}
	if name, ok := renamed[o.Name]; ok {
		in.Name = name
	}
	for _, c := range []struct {
		command Command
		step    Step
	}{{Restore | Save, StepWhole}, {Restore, StepRestore}, {Save, StepSave}, {GC, StepGC}} {
		if o.Commands&c.command != 0 {
			in.Steps |= c.step
		}
	}
	switch {
	case in.isSwitch && strings.HasPrefix(o.Name, "no-"):
		in.negated, in.Shown, in.Help = true, "true", "false: "+in.Help
	case in.isSwitch:
		in.Shown = "false"
	}
	return in
}

// Given reads what a workflow gave to a step.
type Given struct {
	get    func(input string) string
	inputs []Input
}

// NewGiven takes the function that returns an input by its name, "" if it was not given.
func NewGiven(get func(input string) string) Given {
	return Given{func(name string) string { return strings.TrimSpace(get(name)) }, Inputs()}
}

// Get returns an input, or "".
func (g Given) Get(name string) string { return g.get(name) }

// IsFalse reports whether a switch was turned off.
func (g Given) IsFalse(name string) bool {
	on, err := strconv.ParseBool(g.get(name))
	return err == nil && !on
}

// Secrets returns the values that must not be shown.
func (g Given) Secrets() (list []string) {
	for _, in := range g.inputs {
		if value := g.get(in.Name); in.Secret && value != "" {
			list = append(list, value)
		}
	}
	return list
}

// Check refuses switches that are neither on nor off, and inputs that exclude each other. What else
// can be wrong shows when the options are filled.
func (g Given) Check() error {
	for _, in := range g.inputs {
		value := g.get(in.Name)
		if value == "" || !in.isSwitch {
			continue
		}
		if _, err := strconv.ParseBool(value); err != nil {
			return usage.Errorf("invalid value %q in the input %s: want true or false", value, in.Name)
		}
	}
	if (g.get("access-key-id") == "") != (g.get("secret-access-key") == "") {
		return usage.Errorf("the inputs access-key-id and secret-access-key go together, and one of them is empty")
	}
	return nil
}

// Source is that of the inputs which are options.
func (g Given) Source(o Option) (text, origin string) {
	for _, in := range g.inputs {
		if in.Option != o.Name || o.Name == "store" { // see Store
			continue
		}
		text = g.get(in.Name)
		if on, err := strconv.ParseBool(text); err == nil && in.negated {
			text = strconv.FormatBool(!on)
		}
		return text, "the input " + in.Name
	}
	return "", ""
}

// Inheritable limits a source to options that are inputs: in a workflow the others are the business
// of the action, whatever the environment says.
func Inheritable(source Source) Source {
	return func(o Option) (text, origin string) {
		if slices.Contains(notInputs, o.Name) {
			return "", ""
		}
		return source(o)
	}
}
