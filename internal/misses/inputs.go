package misses

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/gocache-action/internal/quantity"
)

// TestInputs is what the tests of a package looked at when they ran last, as far as it can be part
// of their result.
type TestInputs struct {
	Variables []string // environment variables, sorted
	Newer     []string // files that were written after that run; as they are to be shown
	Changed   bool     // git says of one of Newer that its content changed since the snapshot
}

// A TestLog is the list of inputs that a test program writes while it runs, and that the go command
// keeps in the build cache under the test ID (cmd/go/internal/test.computeTestInputsID, go1.26).
type TestLog struct {
	Variables []string // sorted
	Files     []string // opened or looked for, directories as well: absolute, sorted
}

// testLogMagic is how a test log begins.
const testLogMagic = "# test log\n"

// ParseTestLog reads a test log of a package in dir.
func ParseTestLog(data []byte, dir string) (l TestLog, err error) {
	text, ok := strings.CutPrefix(string(data), testLogMagic)
	if !ok {
		return l, fmt.Errorf("test log: it does not begin with %q", strings.TrimSpace(testLogMagic))
	}
	for line := range strings.Lines(text) {
		op, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch {
		case op == "getenv":
			l.Variables = append(l.Variables, name)
			continue
		case op == "chdir":
			dir = name
		case op != "open" && op != "stat":
			return TestLog{}, fmt.Errorf("test log: unknown line %.80q", line)
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		l.Files = append(l.Files, filepath.Clean(name))
	}
	for _, list := range []*[]string{&l.Variables, &l.Files} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return l, nil
}

// InModule reports whether a file can be part of the result of a package's tests: the go command
// looks at no others than those of its module. dir is the root of that.
func InModule(file, dir string) bool {
	rel, err := filepath.Rel(dir, file)
	return err == nil && filepath.IsLocal(rel)
}

// cause says why the result of tests is one for other inputs.
func (in TestInputs) cause(pkg string, stableTimes bool) Cause {
	mtimes := "restore with --stable-mtimes, which gives files the same times in each checkout"
	if stableTimes {
		mtimes = "run gocache mtimes after the job has made files that tests read"
	}
	const variables = "set the variables that tests read to the same values in every job"
	switch {
	case in.Changed:
		return Cause{Ingredient: ResultFiles, Evidence: "tests read files that changed since their result was made; those of " + pkg + " read " + some(in.Newer)}
	case len(in.Newer) > 0:
		return Cause{Ingredient: ResultFiles, Evidence: "tests read files that are newer than their result; those of " + pkg + " read " + some(in.Newer), Remedy: mtimes}
	case len(in.Variables) > 0:
		return Cause{
			Ingredient: ResultInputs, Remedy: variables + "; for files, " + mtimes,
			Evidence: "the tests ran with other environment variables, or with files of other times, none of which is newer than the result; those of " + pkg + " read the variables " + some(in.Variables),
		}
	}
	return Cause{Ingredient: ResultInputs, Evidence: "the tests ran with files of other times, or other environment variables", Remedy: variables + "; for files, " + mtimes}
}

// maxInputs bounds how many files or variables are named.
const maxInputs = 6

func some(list []string) string {
	if len(list) <= maxInputs {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:maxInputs], ", ") + " and " + quantity.Counted(len(list)-maxInputs, "other")
}
