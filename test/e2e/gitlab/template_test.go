package gitlab

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write the table of inputs into docs/gitlab.md")

const (
	templateFile = "../../../templates/gocache.yml"
	docsFile     = "../../../docs/gitlab.md"
)

// A template holds the parts of the component that the tests read.
type template struct {
	inputs      []input
	afterScript string
	text        string
}

type input struct {
	name        string
	Description string    `yaml:"description"`
	Default     yaml.Node `yaml:"default"`
	Options     []string  `yaml:"options"`
	Type        string    `yaml:"type"`
}

// readTemplate parses the two documents of the file: the header and the jobs.
func readTemplate(t *testing.T) template {
	t.Helper()
	data, err := os.ReadFile(templateFile)
	if err != nil {
		t.Fatal(err)
	}
	var header struct {
		Spec struct {
			Inputs yaml.Node `yaml:"inputs"`
		} `yaml:"spec"`
	}
	var jobs map[string]struct {
		AfterScript []string `yaml:"after_script"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for _, v := range []any{&header, &jobs} {
		if err := dec.Decode(v); err != nil {
			t.Fatal(err)
		}
	}
	out := template{text: string(data), afterScript: strings.Join(jobs["$[[ inputs.job ]]"].AfterScript, "\n")}
	nodes := header.Spec.Inputs.Content
	for i := 0; i < len(nodes); i += 2 {
		in := input{name: nodes[i].Value}
		if err := nodes[i+1].Decode(&in); err != nil {
			t.Fatal(err)
		}
		out.inputs = append(out.inputs, in)
	}
	return out
}

func runScript(t *testing.T, script string, env ...string) string {
	t.Helper()
	cmd := exec.Command("sh", "-e", "-c", script)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return string(out)
}

// TestInputs: each input has a description and is used, and the table in the documentation is
// generated from the inputs.
func TestInputs(t *testing.T) {
	tmpl := readTemplate(t)
	var table strings.Builder
	table.WriteString("| input | default | |\n|---|---|---|\n")
	for _, in := range tmpl.inputs {
		if in.Description == "" || !strings.HasSuffix(in.Description, ".") || !strings.Contains(tmpl.text, "$[[ inputs."+in.name+" ]]") {
			t.Errorf("%s: no description, or not used", in.name)
		}
		value := "`" + in.Default.Value + "`"
		switch {
		case in.Default.IsZero():
			value = "required"
		case in.Default.Value == "":
			value = ""
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", in.name, value, strings.ReplaceAll(in.Description, "|", `\|`))
	}
	for _, m := range regexp.MustCompile(`\$\[\[ (.*?) \]\]`).FindAllStringSubmatch(tmpl.text, -1) {
		if name := strings.TrimPrefix(m[1], "inputs."); !bytes.Contains([]byte(tmpl.text), []byte("\n    "+name+":\n")) {
			t.Errorf("%s is not an input", m[1])
		}
	}
	const begin, end = "<!-- inputs: made by go test ./test/e2e/gitlab -run TestInputs -update -->\n", "<!-- end of inputs -->"
	docs, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(docs), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("docs/gitlab.md has no place for the table")
	}
	want := before + begin + table.String() + end + after
	if *update {
		if err := os.WriteFile(docsFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(docs) {
		t.Error("the table of inputs in docs/gitlab.md is out of date: run this test with -update")
	}
}
