package config

import (
	"fmt"
	"strings"
)

// A File is one that is generated from the tables of this package, by its path in the repository.
type File struct{ Path, Text string }

// Generated returns action.yml, its sub-actions and the generated pages of docs.
func Generated() []File {
	var list []File
	for _, d := range actionFiles {
		list = append(list, File{d.path, d.yaml()})
	}
	return append(list, File{"docs/inputs.md", inputsPage()}, File{"docs/reference.md", referencePage()})
}

const generatedNote = "generated from the tables of internal/config by " +
	"`go test ./internal/config -run Generated -update`"

// An actionFile is what the three files do not share.
type actionFile struct {
	path, name, description, runs string
	step                          Step
}

var actionFiles = []actionFile{
	{"action.yml", "Go cache",
		"Gives a job a warm Go module cache and build cache, from the cache of the repository or a " +
			"bucket, and stores afterwards what changed",
		"  main: shim/main.js\n  post: shim/post.js\n  post-if: always()\n", StepWhole},
	{"restore/action.yml", "Go cache: restore",
		"Fills the Go module cache and build cache from the cache of the repository or a bucket; " +
			"org/gocache-action/save stores what changed",
		"  main: ../shim/restore.js\n", StepRestore},
	{"save/action.yml", "Go cache: save",
		"Stores what changed in the Go module cache and build cache in the cache of the repository or a " +
			"bucket; use it after org/gocache-action/restore",
		"  main: ../shim/save.js\n", StepSave},
	{"gc/action.yml", "Go cache: clean",
		"Removes from the cache of the repository, or from a bucket, what no job needs any more, or all " +
			"that a closed pull request has left",
		"  main: ../shim/gc.js\n", StepGC},
}

// yaml writes the metadata of an action.
// https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax
func (d actionFile) yaml() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\nname: %s\ndescription: %s\nauthor: org\nbranding:\n  icon: archive\n  color: blue\n\ninputs:\n",
		generatedNote, yamlString(d.name), yamlString(d.description))
	for _, in := range Inputs() {
		if in.Steps&d.step == 0 {
			continue
		}
		help, shown := in.of(d.step)
		if shown != "" {
			help += " (default: " + shown + ")"
		}
		fmt.Fprintf(&b, "  %s:\n    description: %s\n    required: false\n", in.Name, yamlString(help))
		if in.Expr != "" {
			fmt.Fprintf(&b, "    default: %s\n", in.Expr)
		}
	}
	if d.step != StepGC {
		b.WriteString("\noutputs:\n")
	}
	for _, o := range Outputs {
		if o.Steps&d.step != 0 {
			fmt.Fprintf(&b, "  %s:\n    description: %s\n", o.Name, yamlString(o.Help))
		}
	}
	b.WriteString("\nruns:\n  using: node24\n" + d.runs)
	return b.String()
}

// of returns the text and the default that an input has in a step.
func (in Input) of(s Step) (help, shown string) {
	if s == StepGC && in.gcHelp != "" {
		return in.gcHelp, in.gcShown
	}
	return in.Help, in.Shown
}

// yamlString quotes a line. In single quotes nothing but the quote is special.
func yamlString(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

const inputsHead = `# Inputs and outputs of the action

<!-- ` + generatedNote + ` -->

Nearly every option of ` + "`gocache restore` and `gocache save`" + ` is an input. Where such an input
is not given, or is empty, the environment of the job counts (` + "`GOCACHE_ACTION_MAX_AGE` for `max-age`" + `),
then the default. Durations are such as 90s, 36h, 14d; sizes such as 500MB, 2GiB.

"R" marks what ` + "`org/gocache-action/restore`" + ` takes or sets, "S" what
` + "`org/gocache-action/save`" + ` does, "W" the whole action, ` + "`org/gocache-action`" + `. How the
bucket keeps objects (` + "`sse`, `storage-class`, `requester-pays`" + `) can also stand in the URL of the
store, or in the environment (` + "`GOCACHE_ACTION_SSE`" + `); two different values are refused. Where the
bucket is (` + "`bucket`, `prefix`, `region`, `endpoint`, `path-style`" + `), access keys and ` + "`save-on-failure`" + ` are
inputs only.

`

// inputsPage writes docs/inputs.md.
func inputsPage() string {
	var b strings.Builder
	b.WriteString(inputsHead + "## Inputs\n\n| input | in | default | what it does |\n|---|---|---|---|\n")
	for _, in := range Inputs() {
		if in.Steps != StepGC {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", in.Name, in.Steps, mdDefault(in.Shown), mdText(in.Help))
		}
	}
	b.WriteString("\n## Inputs of org/gocache-action/gc\n\nThose of `gocache gc`, and `token`. It has no outputs.\n\n| input | default | what it does |\n|---|---|---|\n")
	for _, in := range Inputs() {
		if in.Steps&StepGC != 0 {
			help, shown := in.of(StepGC)
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", in.Name, mdDefault(shown), mdText(help))
		}
	}
	b.WriteString("\n## Outputs\n\nThe whole action has the outputs of its restore: the save comes after the last step that could\nread one.\n\n")
	writeOutputs(&b)
	return b.String()
}

func writeOutputs(b *strings.Builder) {
	b.WriteString("| output | of | what it says |\n|---|---|---|\n")
	for _, o := range Outputs {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", o.Name, o.Steps, mdText(o.Help))
	}
}

// String names the steps by their letters; StepGC has none, as its inputs have a table of their
// own.
func (s Step) String() string {
	text := ""
	for _, l := range []struct {
		step Step
		name string
	}{{StepWhole, "W"}, {StepRestore, "R"}, {StepSave, "S"}} {
		if s&l.step != 0 {
			text += l.name
		}
	}
	return text
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
