package misses

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/buildenv"
	"github.com/org/gocache-action/internal/quantity"
)

// Facts are what Explain compares.
type Facts struct {
	Graph    *Graph
	Packages map[string]Package // by import path
	Tests    Tests
	Inputs   map[string]TestInputs // of tests in the state TestChanged, as far as they are known
	// Here reports whether the build cache has an action, Stored whether the snapshot has it.
	Here, Stored func(ActionID) bool
	// Modules are the versions that the snapshot has; nil where it has none, whatever is compiled.
	Modules map[module.Version]bool
	// Differs names the ingredients of which the job has other values, see buildenv.Differing.
	Differs []string
	Changes Changes
	// VCS says that programs contain the commit that they were built from.
	VCS bool
	// StableTimes says that the job gives the files of the project times that are made of their
	// content.
	StableTimes bool
	// Expired says that `go clean -testcache` was run after the snapshot was saved.
	Expired bool
	// Elsewhere are packages that the snapshot has, compiled in another way. Nil: it is not known.
	Elsewhere map[string]bool
	// Flags are what the command would find in the snapshot with other flags than its own.
	Flags []Trial
	// TestFlags are those of the command that are part of a test's result, such as -v and -run.
	TestFlags []string
	// Profile says that the command writes a coverage profile, which is looked up after results.
	Profile bool
}

// Changes is what happened in the repository since the snapshot was saved.
type Changes struct {
	Commit string   // from which it was saved; "" if it does not say
	Files  []string // that differ now: absolute
	// GoLines are the files go.mod with another go line than now: absolute.
	GoLines []string
	Same    bool // it is of that commit, and no file differs
	// Unknown says why that could not be found out; "" if it was. Shallow: because the checkout
	// does not have the commit.
	Unknown string
	Shallow bool
}

// A Trial is a flag, and how many packages fewer would be compiled if the command had it too.
type Trial struct {
	Flag  string
	Found int
}

// Ingredients that are none of package buildenv. They are stable, for scripts.
const (
	Source  = "source"
	Module  = "module"
	GoLine  = "go line of go.mod"
	Stamp   = "commit in the program"
	Flag    = "flags"
	Other   = "other flags or inputs"
	Absent  = "not in the snapshot"
	Lost    = "not restored"
	Results = "test results"

	ResultFiles   = Results + ": files"
	ResultTimes   = Results + ": file times"
	ResultInputs  = Results + ": other inputs"
	ResultUnknown = Results + ": not known"
)

// A Cause is why packages are compiled again, or tests run again.
type Cause struct {
	Ingredient string `json:"ingredient"`
	// Packages differ in the ingredient themselves. Behind are those that are compiled again
	// because of what they import; some of them the go command will find after all, if what they
	// import comes out as before.
	Packages int      `json:"packages"`
	Behind   int      `json:"behind"`
	Examples []string `json:"examples"` // of Packages
	Evidence string   `json:"evidence"`
	Remedy   string   `json:"remedy,omitempty"` // "" if there is nothing to mend
	// Inputs are files or variables that the tests of one of Packages look at.
	Inputs []string `json:"inputs,omitempty"`

	named bool // Evidence names inputs
}

// A Report is the answer. Packages are counted as often as they are compiled: for themselves, and
// for each test that adds files to them or to what they import.
type Report struct {
	Command  string `json:"command"`
	Packages int    `json:"packages"`
	Missing  int    `json:"missing"`
	Tests    int    `json:"tests"` // packages with tests
	Cached   int    `json:"cached"`
	// NoResults says why no test result comes from the cache; "" if some may.
	NoResults string  `json:"noResults,omitempty"`
	Causes    []Cause `json:"causes"` // the one that costs most first
	// Notes are errors of the go command, which asks about everything else nevertheless.
	Notes []string `json:"notes,omitempty"`

	unexplained []string
	stamped     bool
}

// Explain finds the causes.
func Explain(f Facts) Report {
	missing, behind := f.missing()
	r := Report{Packages: len(f.Graph.Builds), Missing: len(missing), NoResults: f.Tests.Disabled, Causes: []Cause{}}
	causes := tally{}
	of := map[int]*Cause{}
	for _, i := range missing {
		if root, ok := behind[i]; ok {
			of[root].Behind++
			continue
		}
		pkg := f.Graph.Builds[i].Package
		c := f.cause(f.Graph.Builds[i])
		if c.Ingredient == Stamp {
			r.stamped = true
		}
		if c.Ingredient == Absent || c.Ingredient == Other {
			r.unexplained = append(r.unexplained, pkg)
		}
		of[i] = causes.count(c, pkg)
	}
	for _, pkg := range slices.Sorted(maps.Keys(f.Tests.States)) {
		if !f.Packages[pkg].tested() { // it failed to build, which the go command calls a failed test
			continue
		}
		if r.Tests++; f.Tests.States[pkg] == TestCached {
			r.Cached++
		} else if f.Tests.Disabled != "" { // which is the cause
			continue
		} else if c, ok := f.testCause(pkg, missing); ok {
			causes.count(c, pkg)
		}
	}
	r.Causes = append(r.Causes, causes.sorted()...)
	return r
}

// missing lists the builds that are not here, in an order in which what is imported
// comes first. behind maps those that miss because of what they import to the build that began it.
func (f *Facts) missing() (missing []int, behind map[int]int) {
	behind = map[int]int{}
	state := make([]bool, len(f.Graph.Builds)) // seen
	lacks := map[int]bool{}
	var visit func(i int)
	visit = func(i int) {
		if state[i] {
			return
		}
		state[i] = true
		b := f.Graph.Builds[i]
		for _, d := range b.Deps {
			visit(d)
		}
		if f.Here(b.ID) {
			return
		}
		lacks[i] = true
		missing = append(missing, i)
		for _, d := range b.Deps {
			if !lacks[d] {
				continue
			}
			root, ok := behind[d]
			if !ok {
				root = d
			}
			behind[i] = root
			return
		}
	}
	for i := range f.Graph.Builds {
		visit(i)
	}
	return missing, behind
}

// cause says why a package misses of which everything that it imports is there.
func (f *Facts) cause(b Build) Cause {
	p := f.pkg(b.Package)
	if f.Stored(b.ID) {
		return Cause{
			Ingredient: Lost, Evidence: "the snapshot has them, but they are not in GOCACHE: the restore did not bring them, or they were removed since",
			Remedy: "see what gocache restore said of losses and warnings, and run gocache restore",
		}
	}
	if names := f.differing(p); len(names) > 0 {
		return Cause{
			Ingredient: strings.Join(names, ", "),
			Evidence:   "the snapshot was saved " + buildenv.Effect(names), Remedy: buildenv.Remedy(names),
		}
	}
	if v, ok := p.version(); ok && f.Modules != nil && !f.Modules[v] {
		return Cause{Ingredient: Module, Evidence: "the snapshot does not have these module versions" + f.otherVersion(v)}
	}
	if p.local() {
		if c, ok := f.Changes.cause(p, f.VCS); ok {
			if flag, tried := f.flagCause(); tried && c.Ingredient == Stamp {
				return flag // the program contains the flags, too
			}
			return c
		}
	}
	return f.unexplained(b.Package, p)
}

// cause says what of the changes concerns a package of the project.
func (c Changes) cause(p Package, vcs bool) (Cause, bool) {
	since := "since commit " + short(c.Commit) + ", from which the snapshot was saved"
	switch {
	case c.touch(p):
		return Cause{Ingredient: Source, Evidence: "their files changed " + since}, true
	case p.Module != nil && slices.ContainsFunc(c.GoLines, func(file string) bool { return clean(file) == clean(p.Module.GoMod) }):
		return Cause{Ingredient: GoLine, Evidence: "the language version changed " + since}, true
	case p.Name == "main" && vcs && c.Commit != "" && c.Unknown == "" && !c.Same:
		return Cause{
			Ingredient: Stamp, Evidence: "the go command writes the commit into programs, so each commit compiles their main packages again",
			Remedy: "build with -buildvcs=false where programs need not tell their commit",
		}, true
	}
	return Cause{}, false
}

// pkg is what go list says of a package. A test outside of its package lies in the same directory.
func (f *Facts) pkg(path string) Package {
	p, ok := f.Packages[path]
	if !ok {
		p = f.Packages[strings.TrimSuffix(path, "_test")]
	}
	return p
}

// Unexplained lists the packages of which nothing that is recorded differs.
func (r Report) Unexplained() []string { return r.unexplained }

// Stamped reports whether main packages miss that contain a commit: other flags of the command are
// in them as well, and may be the cause.
func (r Report) Stamped() bool { return r.stamped }

// flagCause is that the snapshot has what is missing, compiled with other flags.
func (f *Facts) flagCause() (Cause, bool) {
	for _, t := range f.Flags {
		if t.Found > 0 {
			return Cause{
				Ingredient: Flag, Evidence: fmt.Sprintf("with %s the snapshot has %s than without", t.Flag, quantity.Counted(t.Found, "more package")),
				Remedy: "build with the same flags in all jobs of a --name, and give the others another --name",
			}, true
		}
	}
	return Cause{}, false
}

// unexplained is the cause where nothing that is recorded differs.
func (f *Facts) unexplained(path string, p Package) Cause {
	if c, ok := f.flagCause(); ok {
		return c
	}
	switch {
	case p.local() && f.Changes.Unknown != "":
		c := Cause{Ingredient: Source, Evidence: "their files changed, or the snapshot never had them: " + f.Changes.Unknown}
		if f.Changes.Shallow {
			c.Remedy = "check out with the history (fetch-depth: 0) to see which"
		}
		return c
	case f.Elsewhere[path]:
		return Cause{
			Ingredient: Other, Evidence: "the snapshot has these packages, compiled with other flags of the command line, or of other files",
			Remedy: "compare the commands of the job that saved with this one; give jobs that differ another --name",
		}
	}
	return Cause{
		Ingredient: Absent, Evidence: "the job that saved the snapshot did not compile these packages, or nothing used them for so long that they were dropped",
		Remedy: "let the job that saves build and test the same packages (with ./... rather than some)",
	}
}

// differing lists the ingredients that differ and are part of a package.
func (f *Facts) differing(p Package) (names []string) {
	_, ofModule := p.version()
	for _, name := range f.Differs {
		switch reach := buildenv.ReachOf(name); {
		case reach == buildenv.All,
			reach == buildenv.Cgo && len(p.CgoFiles) > 0,
			reach == buildenv.Project && p.local(),
			reach == buildenv.Modules && ofModule:
			names = append(names, name)
		}
	}
	return names
}

// otherVersion names the version of a module that the snapshot has instead.
func (f *Facts) otherVersion(v module.Version) string {
	for _, have := range slices.SortedFunc(maps.Keys(f.Modules), func(a, b module.Version) int { return strings.Compare(b.Version, a.Version) }) {
		if have.Path == v.Path {
			return fmt.Sprintf(" (%s %s for example, but %s)", v.Path, v.Version, have.Version)
		}
	}
	return ""
}

// touch reports whether a package is made of a file that changed.
func (c Changes) touch(p Package) bool {
	return slices.ContainsFunc(c.Files, p.has)
}

// testCause says why the tests of a package run; false if that is because something is compiled.
func (f *Facts) testCause(pkg string, missing []int) (Cause, bool) {
	c := Cause{Ingredient: Results}
	switch state := f.Tests.States[pkg]; {
	case state == TestChanged && f.Expired:
		c.Ingredient += ": expired"
		c.Evidence = "go clean -testcache was run after the snapshot was saved"
	case state == TestChanged:
		return f.inputCause(pkg), true
	default:
		if slices.ContainsFunc(missing, func(i int) bool { return strings.TrimSuffix(f.Graph.Builds[i].Package, "_test") == pkg }) {
			return Cause{}, false
		}
		c.Ingredient += ": none"
		c.Evidence = "there is no result of these very test programs: they failed, or what they rest on was compiled differently"
		if len(f.TestFlags) > 0 {
			c.Evidence = "there is no result of these test programs with " + strings.Join(f.TestFlags, " ") + ": they were run with other flags, or failed, or what they rest on was compiled differently"
			c.Remedy = "run tests with the same flags in all jobs that share results"
		}
		if !f.StableTimes {
			c.Evidence += ", or they read files, whose times were not stable"
			c.Remedy = join(c.Remedy, "restore with --stable-mtimes in the job that saves, too")
		}
	}
	return c, true
}

func short(commit string) string { return commit[:min(len(commit), 12)] }

// join puts two pieces of advice after each other, of which the first may be "".
func join(a, b string) string { return strings.TrimPrefix(a+"; "+b, "; ") }
