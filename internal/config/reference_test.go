package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const referenceHead = `# Reference

<!-- ` + generatedNote + ` -->

This page lists every setting of the command and of the GitHub action: flags, environment variables,
inputs, outputs and exit codes. ` + "`gocache COMMAND --help`" + ` lists the flags of one command.

`

const flagsHead = `## Flags

A flag wins over its variable, and an empty variable counts as not set. Where the first column is
empty, only the variable or the input sets the option. Write durations as 90s, 36h or 14d, and sizes
as 500MB or 2GiB. ` + "`gocache try`" + ` also takes packages, ` + "`gocache keygen`" + ` the name of the keys, and
` + "`gocache plan`" + ` the word restore or save.

`

const inputsHead = `## Inputs

The letters name the actions that take the input: "W" is the whole action, ` + "`org/gocache-action`" + `,
"R" is ` + "`org/gocache-action/restore`" + `, and "S" is ` + "`org/gocache-action/save`" + `.

If an input is missing or empty, the variable of the job counts (` + "`GOCACHE_ACTION_MAX_AGE` for\n`max-age`" + `), and after that the default. How the bucket keeps objects (` + "`sse`, `storage-class`,\n`requester-pays`" + `) can also be said in the URL of the store or in the environment
(` + "`GOCACHE_ACTION_SSE`" + `); two different values are refused. Where the bucket is (` + "`bucket`, `prefix`,\n`region`, `endpoint`, `path-style`" + `), the access keys and ` + "`save-on-failure`" + ` have no such variable.

`

const gcInputsHead = `## Inputs of the gc action

` + "`org/gocache-action/gc`" + ` takes the options of ` + "`gocache gc`" + `, and ` + "`token`" + `. It has no outputs.

`

const outputsHead = `## Outputs

The letters are those of the [inputs](#inputs). The whole action has the outputs of its restore
only, because its save comes after the last step that could read one.

`

const variablesTail = `
The CI system, the repository and the ref are read from variables, too:
[what gocache knows by itself](recipes.md#what-gocache-knows-by-itself).

`

// referencePage writes docs/reference.md.
func referencePage() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	writeContents(&b)
	b.WriteString(flagsHead)
	for _, g := range Groups {
		fmt.Fprintf(&b, "### %s\n\n| flag | variable | commands | default | input | what it does |\n|---|---|---|---|---|---|\n", g.Title)
		for _, o := range optionsIn(g.Group) {
			writeOption(&b, o)
		}
		b.WriteString("\n")
	}
	writeVariables(&b)
	writeInputs(&b)
	writeOutputs(&b)
	b.WriteString("\n## Exit codes\n\n| code | commands | meaning |\n|---|---|---|\n")
	for _, e := range ExitCodes {
		fmt.Fprintf(&b, "| %d | %s | %s |\n", e.Code, e.commandsText(), mdText(e.Help))
	}
	return b.String()
}

// writeContents writes a paragraph with links to the headings.
func writeContents(b *strings.Builder) {
	b.WriteString("On this page: [flags](#flags) (")
	for i, g := range Groups {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString(contentsLink(g.Title))
	}
	b.WriteString("),\n")
	for _, title := range []string{"Other variables", "Inputs", "Inputs of the gc action", "Outputs"} {
		b.WriteString(contentsLink(title) + ",\n")
	}
	b.WriteString(contentsLink("Exit codes") + ".\n\n")
}

// contentsLink makes the anchor of a heading as GitHub does.
func contentsLink(title string) string {
	lower := strings.ToLower(title)
	return "[" + lower + "](#" + strings.ReplaceAll(lower, " ", "-") + ")"
}

// optionsIn returns the options of a group in the order of the table, but those with the same name
// one after the other.
func optionsIn(g Group) (list []Option) {
	first := map[string]int{}
	for i, o := range options {
		if _, ok := first[o.Name]; !ok && o.Group == g {
			first[o.Name] = i
		}
		if o.Group == g {
			list = append(list, o)
		}
	}
	slices.SortStableFunc(list, func(a, b Option) int { return cmp.Compare(first[a.Name], first[b.Name]) })
	return list
}

func writeOption(b *strings.Builder, o Option) {
	flag, shown := "`--"+o.Name+"`", mdDefault(o.Default)
	if o.NoFlag {
		flag = ""
	}
	if o.Origin != "" {
		shown = mdText(o.Origin)
	}
	variable := "`" + Variable(o.Name) + "`"
	if o.NoVariable {
		variable = ""
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", flag, variable, commandNames(o.Commands), shown, inputName(o), mdText(o.Help))
}

func commandNames(set Command) string {
	if set == all {
		return "all"
	}
	var names []string
	for _, c := range Commands {
		if set&c.Command != 0 {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ", ")
}

// inputName names the input of an option in a cell; "" if there is none.
func inputName(o Option) string {
	list := Inputs()
	i := slices.IndexFunc(list, func(in Input) bool { return in.Option == o.Name })
	if i < 0 || o.Commands&(Restore|Save|GC) == 0 && o.Commands != all {
		return ""
	}
	return "`" + list[i].Name + "`"
}

// otherVariables are variables that are no options.
var otherVariables = [][2]string{
	{TokenVariable, "OIDC token of the job, for `--role-to-assume`: from id_tokens of GitLab, Buildkite, CircleCI"},
	{"AWS_WEB_IDENTITY_TOKEN_FILE", "file with that token, as for all AWS tools"},
	{"AWS_...", "credentials, region, endpoints and certificates for S3, as in the AWS CLI"},
	{"AZURE_CLIENT_ID, AZURE_TENANT_ID", "for azblob://, the application that trusts the token of the job, which is that in AZURE_FEDERATED_TOKEN_FILE, in " + TokenVariable + ", or of GitHub (the action, with id-token: write)"},
	{"AZURE_STORAGE_SAS_TOKEN, AZURE_STORAGE_KEY", "for azblob://, a shared access signature, or the key of the account, before everything else"},
	{"AZURE_...", "other credentials for azblob://, as DefaultAzureCredential of Azure's libraries reads them"},
	{"GOOGLE_APPLICATION_CREDENTIALS", "a file with credentials for gs://, also for workload identity federation; without it the application default credentials"},
	{"HTTP_PROXY, HTTPS_PROXY, NO_PROXY", "HTTP proxy for all requests"},
	{"SSL_CERT_FILE, SSL_CERT_DIR", "certificates of authorities for https:// stores, on systems that keep them in files"},
	{"GOMODCACHE, GOCACHE, GOFLAGS, GOPRIVATE, ...", "settings of the go command: gocache takes what `go env` prints"},
	{"GOMEMLIMIT, GOGC", "memory limits of the Go runtime, instead of those that gocache sets itself"},
	{"TMPDIR", "directory in which `gocache try` works"},
	{"NO_COLOR, TERM=dumb", "no colours on a terminal; with the latter, no lines that are redrawn, either"},
	{variablePrefix + "SSE, ..._SSE_KMS_KEY_ID, ..._SSE_BUCKET_KEY, ..._SSE_C_KEY_FILE, ..._STORAGE_CLASS, ..._REQUESTER_PAYS", "how a bucket keeps objects, like the parameters of the same names in the URL of the store; two different values are refused"},
	{variablePrefix + "BINARY", "the action: path of the gocache binary, instead of a download"},
	{variablePrefix + "DOWNLOAD_URL", "the action: URL to download releases from"},
}

func writeVariables(b *strings.Builder) {
	b.WriteString("## Other variables\n\n| variable | what it does |\n|---|---|\n")
	for _, v := range otherVariables {
		fmt.Fprintf(b, "| `%s` | %s |\n", v[0], mdText(v[1]))
	}
	b.WriteString(variablesTail)
}

func writeInputs(b *strings.Builder) {
	b.WriteString(inputsHead + "| input | in | default | what it does |\n|---|---|---|---|\n")
	for _, in := range Inputs() {
		if in.Steps != StepGC {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", in.Name, in.Steps, mdDefault(in.Shown), mdText(in.Help))
		}
	}
	b.WriteString("\n" + gcInputsHead + "| input | default | what it does |\n|---|---|---|\n")
	for _, in := range Inputs() {
		if in.Steps&StepGC != 0 {
			help, shown := in.of(StepGC)
			fmt.Fprintf(b, "| `%s` | %s | %s |\n", in.Name, mdDefault(shown), mdText(help))
		}
	}
}

func writeOutputs(b *strings.Builder) {
	b.WriteString("\n" + outputsHead + "| output | of | what it says |\n|---|---|---|\n")
	for _, o := range Outputs {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", o.Name, o.Steps, mdText(o.Help))
	}
}

// mdDefault shows a default in a cell: values as code, what explains them as text.
func mdDefault(shown string) string {
	shown = mdText(shown)
	if shown != "" && !strings.Contains(shown, " ") {
		shown = "`" + shown + "`"
	}
	return shown
}

// mdText makes text fit for a cell.
func mdText(s string) string {
	return strings.NewReplacer("|", "\\|", "<", "&lt;", "\n", " ").Replace(s)
}

// commandsText names the commands of an exit code.
func (e ExitCode) commandsText() string {
	switch e.Commands {
	case all &^ serving:
		return "all but those of the proxy"
	case all &^ Proxy:
		return "all but proxy"
	}
	return commandNames(e.Commands)
}
