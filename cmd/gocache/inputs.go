package main

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A step is one of the three actions that workflows can use.
type step int

const (
	stepWhole   step = 1 << iota // action.yml: restore, and save after the job
	stepRestore                  // restore/action.yml
	stepSave                     // save/action.yml
	everyStep   = stepWhole | stepRestore | stepSave
)

// An input is one of an action. This is the one place that knows them: action.yml and its sisters,
// and docs/inputs.md, are generated from it, and the values are read by it. Flags of restore and
// save are inputs without being listed here.
type input struct {
	name  string
	flag  string // the flag that it stands for; "" if it is none
	help  string // of flags: their own text
	shown string // the default, for people
	expr  string // the default, for the runner: an expression that only the runner can evaluate
	steps step
	kind  inputKind
}

type inputKind int

const (
	plainInput  inputKind = iota
	secretInput           // never appears in a log
	boolInput
	negated // true for the input is false for the flag
)

// specialInputs are no flags, or need more than their flag says. Their order is that of the
// documentation.
var specialInputs = []input{
	{name: "store", flag: "store", steps: everyStep,
		help: "where the cache is kept: s3://bucket/prefix?region=R&endpoint=URL&path-style=true, file:///dir, the path of a directory, or https://host/prefix for reading only. Or use bucket and the inputs after it. Without any the job runs without a cache"},
	{name: "bucket", steps: everyStep, help: "S3 bucket, instead of store"},
	{name: "prefix", steps: everyStep, help: "what the names of all objects in the bucket begin with"},
	{name: "region", steps: everyStep, help: "region of the bucket", shown: "as in the AWS CLI"},
	{name: "endpoint", steps: everyStep, help: "URL of an S3 compatible server, such as https://minio.example.com", shown: "Amazon S3"},
	{name: "path-style", steps: everyStep, kind: boolInput, help: "put the bucket into the path of URLs instead of the host name, as many compatible servers want it", shown: "false"},
	{name: "access-key-id", steps: everyStep, kind: secretInput, help: "S3 access key; better none: a role for the job needs no key that lasts", shown: "as in the AWS CLI"},
	{name: "secret-access-key", steps: everyStep, kind: secretInput, help: "secret of the access key"},
	{name: "session-token", steps: everyStep, kind: secretInput, help: "session token of temporary keys"},
	{name: "sse-c-key", flag: "sse-c-key", steps: everyStep, kind: secretInput, help: "key of server-side encryption with a customer key, 32 bytes in base64; or sse-c-key-file"},
	{name: "role-to-assume", flag: "role-to-assume", help: "ARN of a role that is assumed with the OIDC token of the job, which needs the permission id-token: write for it"},
	{name: "name", flag: "name", steps: everyStep, shown: "workflow, job, matrix and working-directory",
		help: "name of what is cached, part of the key; jobs with the same name share a snapshot"},
	{name: "working-directory", flag: "dir", steps: everyStep, shown: ".", help: "directory of the project, in the checkout"},
	{name: "matrix", steps: everyStep, expr: "${{ toJSON(matrix) }}", shown: "the job's", help: "tells the jobs of a matrix apart in the default name; {} for one snapshot for all of them"},
	{name: "job-status", flag: "job-status", steps: stepWhole | stepSave, expr: "${{ job.status }}", shown: "the job's",
		help: "how the job went so far. After a failure what is new is added and nothing is dropped; a cancelled job saves nothing"},
	{name: "zips", flag: "zips", shown: "omit",
		help: "rebuild, or true: rebuild the zip of each module, which only go mod download wants; omit, or false: leave them out"},
	{name: "debug", flag: "debug", steps: everyStep, kind: boolInput, shown: "as the run, if it is rerun with debug logging", help: "log each request, the store and the environment, without secrets"},
	{name: "save-on-failure", steps: stepWhole | stepSave, kind: boolInput, shown: "true", help: "save after a job that failed, too; false: only after success"},
}

// notInputs are flags that have no sense in a workflow: what they say is the business of the
// action.
var notInputs = []string{"json", "quiet", "help", "version", "state", "keep-credentials"}

// renamed are flags whose input has a name that is customary in workflows.
var renamed = map[string]string{"dir": "working-directory", "path": "paths"}

// secretFlags are flags whose value can be a secret.
var secretFlags = []string{"sign-key"}

// inputs lists all inputs of all steps: the special ones, then the flags in the order of the help.
func inputs() []input {
	list := slices.Clone(specialInputs)
	at := map[string]int{}
	for i, in := range list {
		at[in.name] = i
	}
	for _, c := range []struct {
		command string
		step    step
	}{{"restore", stepRestore}, {"save", stepSave}} {
		commandFlags(c.command).VisitAll(func(f *pflag.Flag) {
			if slices.Contains(notInputs, f.Name) {
				return
			}
			in := inputOf(f)
			in.steps = stepWhole | c.step
			i, ok := at[in.name]
			if !ok {
				at[in.name] = len(list)
				list = append(list, in)
				return
			}
			list[i].steps |= in.steps
			if list[i].help == "" {
				list[i].help = in.help
			}
		})
	}
	return list
}

// commandFlags returns the flags of restore or save, as they are before anything was set.
func commandFlags(name string) *pflag.FlagSet {
	cmd := findCommand((&app{out: new(console)}).root(), name)
	cmd.Flags().SortFlags = false
	fs := cmd.LocalNonPersistentFlags()
	fs.SortFlags = false
	return fs
}

func findCommand(root *cobra.Command, name string) *cobra.Command {
	cmd, _, err := root.Find([]string{name})
	if err != nil {
		panic(err) // a name of ours
	}
	return cmd
}

// inputOf makes an input of a flag. Switches that take something away become ones that are on.
func inputOf(f *pflag.Flag) input {
	in := input{name: f.Name, flag: f.Name, help: strings.TrimSuffix(f.Usage, " [$"+twin(f.Name)+"]"), shown: f.DefValue}
	if name, ok := renamed[f.Name]; ok {
		in.name = name
	}
	if f.Value.Type() == "bool" {
		in.kind = boolInput
	}
	if slices.Contains(secretFlags, f.Name) {
		in.kind = secretInput
	}
	if name, ok := strings.CutPrefix(f.Name, "no-"); ok && in.kind == boolInput {
		in.name, in.kind, in.shown = name, negated, "true"
		in.help = "false: " + in.help
	}
	if in.shown == "[]" {
		in.shown = ""
	}
	return in
}

// inputValues reads what a workflow gave to a step.
type inputValues struct {
	env  lookupEnv
	list []input
}

// get returns an input, or "". The runner upper-cases names and leaves hyphens.
func (v inputValues) get(name string) string {
	return strings.TrimSpace(v.env.get("INPUT_" + strings.ToUpper(name)))
}

// isFalse reports whether a switch was turned off.
func (v inputValues) isFalse(name string) bool {
	on, err := strconv.ParseBool(v.get(name))
	return err == nil && !on
}

// check refuses switches that are neither on nor off. What else can be wrong the flags find.
func (v inputValues) check() error {
	for _, in := range v.list {
		value := v.get(in.name)
		if value == "" || in.kind != boolInput && in.kind != negated {
			continue
		}
		if _, err := strconv.ParseBool(value); err != nil {
			return usage("invalid value %q in the input %s: want true or false", value, in.name)
		}
	}
	_, err := v.storeURL()
	return err
}

// lookup makes inputs the twins of flags: what a step is given wins over the environment of its
// job.
func (v inputValues) lookup(name string) (string, bool) {
	if flag, ok := strings.CutPrefix(name, twinPrefix); ok {
		flag = strings.ToLower(strings.ReplaceAll(flag, "_", "-"))
		if slices.Contains(notInputs, flag) {
			return "", false
		}
		if value := v.ofFlag(flag); value != "" {
			return value, true
		}
	}
	return v.env(name)
}

// ofFlag returns what the inputs say about a flag, in the flag's own words.
func (v inputValues) ofFlag(flag string) string {
	switch flag {
	case "store":
		s, _ := v.storeURL()
		return s
	case "matrix":
		return v.get(flag)
	}
	i := slices.IndexFunc(v.list, func(in input) bool { return in.flag == flag })
	if i < 0 {
		return ""
	}
	in := v.list[i]
	value := v.get(in.name)
	on, err := strconv.ParseBool(value)
	switch {
	case err != nil:
		return value
	case in.kind == negated:
		return strconv.FormatBool(!on)
	case flag == "zips" && on:
		return "rebuild"
	case flag == "zips":
		return "omit"
	}
	return value
}

// origin names the input of a flag.
func (v inputValues) origin(flag string) string {
	for _, in := range v.list {
		if in.flag == flag && v.get(in.name) != "" {
			return "the input " + in.name
		}
	}
	return "$" + twin(flag)
}

// storeURL puts the store's URL together; "" if no input names one.
func (v inputValues) storeURL() (string, error) {
	text, bucket := v.get("store"), v.get("bucket")
	if text != "" && bucket != "" {
		return "", usage("the inputs store and bucket exclude each other")
	}
	u := &url.URL{Scheme: "s3", Host: bucket}
	if text != "" {
		var err error
		if u, err = url.Parse(text); err != nil || u.Scheme != "s3" {
			return text, nil // a directory, or a mistake that --store names better
		}
	}
	prefix := strings.Trim(v.get("prefix"), "/")
	q := u.Query()
	for _, name := range []string{"region", "endpoint", "path-style"} {
		if value := v.get(name); value != "" && !q.Has(name) {
			q.Set(name, value)
		}
	}
	u.RawQuery = q.Encode()
	switch {
	case text != "" && prefix != "":
		return "", usage("the input prefix goes with bucket; with store, put it into the URL: s3://%s/%s", u.Host, prefix)
	case u.Host == "":
		return "", nil
	case prefix != "":
		u.Path = "/" + prefix
	}
	return u.String(), nil
}

// An output is what later steps can read of a step.
type output struct {
	name, help string
	steps      step
}

var outputs = []output{
	{"cache-hit", "'true' if the snapshot is of the same module files, 'false' if it is an older one, empty if there is none", stepWhole | stepRestore},
	{"cache-result", "what came of the restore: 'hit' (the same module files, all of it), 'partial' (an older snapshot, or not all of it), 'miss' (there is none) or 'unavailable' (no store, or it could not be asked)", stepWhole | stepRestore},
	{"cache-primary-key", "the key of these module files", everyStep},
	{"cache-matched-key", "the key of the snapshot that was restored, empty if there is none", stepWhole | stepRestore},
	{"matched-key", "the same as cache-matched-key", stepWhole | stepRestore},
	{"matched-scope", "the scope of that snapshot, such as refs/heads/main", stepWhole | stepRestore},
	{"scope", "the scope of this job: what it saves, it saves there", everyStep},
	{"restored-entries", "how many entries of the build cache were restored", stepWhole | stepRestore},
	{"restored-modules", "how many module versions were restored", stepWhole | stepRestore},
	{"restored-bytes", "bytes that were written to disk", stepWhole | stepRestore},
	{"fetched-bytes", "bytes that came from the store", stepWhole | stepRestore},
	{"saved", "'true' if a snapshot was written, 'false' if nothing was new or nothing may be saved", stepSave},
	{"saved-entries", "how many entries of the build cache were uploaded", stepSave},
	{"saved-modules", "how many module versions were uploaded", stepSave},
	{"saved-bytes", "bytes that were uploaded", stepSave},
	{"stored-bytes", "bytes of the whole snapshot in the store", stepSave},
}
