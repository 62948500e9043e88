package misses

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/org/gocache-action/internal/quantity"
)

// TestInputs is what the tests of a package looked at when they ran last, as far as it can be part
// of their result. Files are named as they are to be shown.
type TestInputs struct {
	Variables []string // environment variables
	Changed   []string // files that differ from the commit from which the snapshot was saved
	Newer     []string // other files that have a time after that run
	// Asked are those of the variables that have another value just because gocache asks.
	Asked []string
}

// inputCause says why the result of a package's tests is one for other inputs.
func (f *Facts) inputCause(pkg string) Cause {
	in, known := f.Inputs[pkg]
	mtimes := "restore with --stable-mtimes, which gives files the same times in each checkout"
	if f.StableTimes {
		mtimes = "run gocache mtimes after the job has made files that tests read"
	}
	const variables = "set the variables that tests read to the same values in every job"
	of := "; those of " + pkg + " read "
	switch {
	case len(in.Changed) > 0:
		return Cause{
			Ingredient: ResultFiles, Inputs: in.Changed, named: true,
			Evidence: "files that tests read changed since commit " + short(f.Changes.Commit) + ", from which the snapshot was saved" + of + some(in.Changed),
		}
	case len(in.Newer) > 0:
		return Cause{
			Ingredient: ResultTimes, Inputs: in.Newer, named: true, Remedy: mtimes,
			Evidence: "files that tests read have times after their result" + f.Changes.unless() + of + some(in.Newer),
		}
	case len(in.Asked) > 0:
		return Cause{
			Ingredient: ResultUnknown, Inputs: in.Asked, named: true,
			Evidence: "to ask the go command, gocache sets variables that these tests read, so it is not known whether their results would be found" + of + some(in.Asked),
		}
	}
	c := Cause{
		Ingredient: ResultInputs, Remedy: variables + "; for files, " + mtimes,
		Evidence: "the tests ran with other environment variables, or files that they read had another size, mode or time",
	}
	if f.Profile {
		c.Evidence += ", or there is no coverage profile of them"
	}
	if known {
		c.Inputs, c.named = byChange(in.Variables), true
		c.Evidence += "; no file of " + pkg + " is newer than its result, and the variables are " + some(c.Inputs)
	}
	return c
}

// unless says that it is not known whether files changed.
func (c Changes) unless() string {
	if c.Unknown == "" {
		return ""
	}
	return fmt.Sprintf(" (whether their content changed is not known: %s)", c.Unknown)
}

// perRun are beginnings of names of variables that have another value in each job or directory.
var perRun = []string{"GITHUB_RUN_", "GITHUB_SHA", "GITHUB_ENV", "GITHUB_OUTPUT", "RUNNER_TEMP", "CI_JOB_", "CI_PIPELINE_", "CI_COMMIT_", "TMPDIR", "TEMP", "TMP", "PWD"}

// byChange sorts names of variables: those first whose values change with each job.
func byChange(names []string) []string {
	rank := func(name string) int {
		if slices.ContainsFunc(perRun, func(begin string) bool { return strings.HasPrefix(name, begin) }) {
			return 0
		}
		return 1
	}
	return slices.SortedFunc(slices.Values(names), func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
}

// maxInputs bounds how many files or variables are named.
const maxInputs = 6

func some(list []string) string {
	if len(list) <= maxInputs {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:maxInputs], ", ") + " and " + quantity.Counted(len(list)-maxInputs, "other")
}
