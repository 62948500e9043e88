package config

import (
	"fmt"
	"slices"
	"strings"
)

const referenceHead = `# Reference

<!-- ` + generatedNote + ` -->

All settings of the command, and of the action. A flag wins over its variable; an empty variable
counts as not set. Durations are such as 90s, 36h, 14d; sizes such as 500MB, 2GiB. Where there is no
flag, the variable or the input sets the option.

`

// referencePage writes docs/reference.md.
func referencePage() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, g := range Groups {
		fmt.Fprintf(&b, "## %s\n\n| flag | variable | commands | default | input | what it does |\n|---|---|---|---|---|---|\n", g.Title)
		for _, o := range options {
			if o.Group == g.Group {
				writeOption(&b, o)
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("`gocache try` takes packages, `gocache keygen` the name of the keys, `gocache plan` the word restore or\nsave.\n\n")
	writeVariables(&b)
	b.WriteString("## Inputs and outputs of the action\n\n[inputs.md](inputs.md) lists the inputs, with those that are no options. The outputs, by the letters of\nthat page:\n\n")
	writeOutputs(&b)
	b.WriteString("\n## Exit codes\n\n| code | meaning |\n|---|---|\n")
	for _, e := range ExitCodes {
		fmt.Fprintf(&b, "| %d | %s |\n", e.Code, mdText(e.Help))
	}
	return b.String()
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
	{TokenVariable, "the OIDC token of the job, for `--role-to-assume`: id_tokens of GitLab, Buildkite, CircleCI"},
	{"AWS_WEB_IDENTITY_TOKEN_FILE", "a file with that token, as for all AWS tools"},
	{"AWS_...", "credentials, region, endpoints and certificates for S3, as in the AWS CLI"},
	{"AZURE_CLIENT_ID, AZURE_TENANT_ID", "for azblob://, the application that trusts the token of the job, which is that in AZURE_FEDERATED_TOKEN_FILE, in " + TokenVariable + ", or of GitHub (the action, with id-token: write)"},
	{"AZURE_STORAGE_SAS_TOKEN, AZURE_STORAGE_KEY", "for azblob://, a shared access signature, or the key of the account, before everything else"},
	{"AZURE_...", "other credentials for azblob://, as DefaultAzureCredential of Azure's libraries reads them"},
	{"GOOGLE_APPLICATION_CREDENTIALS", "a file with credentials for gs://, also for workload identity federation; without it the application default credentials"},
	{"HTTP_PROXY, HTTPS_PROXY, NO_PROXY", "the proxy of all requests"},
	{"SSL_CERT_FILE, SSL_CERT_DIR", "certificates of authorities for https:// stores, where those of the system are files"},
	{"GOMODCACHE, GOCACHE, GOFLAGS, GOPRIVATE, ...", "what `go env` says counts, as for the go command"},
	{"GOMEMLIMIT, GOGC", "bounds of memory, instead of those that the command finds out"},
	{"TMPDIR", "where `gocache try` works"},
	{variablePrefix + "SSE, ..._SSE_KMS_KEY_ID, ..._SSE_BUCKET_KEY, ..._SSE_C_KEY_FILE, ..._STORAGE_CLASS, ..._REQUESTER_PAYS", "how a bucket keeps objects, as these parameters in the URL of the store; another value there is refused"},
	{variablePrefix + "BINARY", "the action: path of the program, instead of a download"},
	{variablePrefix + "DOWNLOAD_URL", "the action: where releases are downloaded from"},
}

func writeVariables(b *strings.Builder) {
	b.WriteString("## Other variables\n\n| variable | what it does |\n|---|---|\n")
	for _, v := range otherVariables {
		fmt.Fprintf(b, "| `%s` | %s |\n", v[0], mdText(v[1]))
	}
	b.WriteString("\nWhich CI system runs the job, its repository and its ref are read from the variables of that system:\n[recipes.md](recipes.md).\n\n")
}
