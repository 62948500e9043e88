package config

import (
	"fmt"
	"strings"
)

// A File is one that is generated from the tables of this package, by its path in the repository.
type File struct{ Path, Text string }

// Generated returns action.yml, its sub-actions and docs/reference.md.
func Generated() []File {
	var list []File
	for _, d := range actionFiles {
		list = append(list, File{d.path, d.yaml()})
	}
	return append(list, File{"docs/reference.md", referencePage()})
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
