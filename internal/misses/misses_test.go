package misses

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"
)

// id is the action ID of the build of a package.
func id(pkg string) (a ActionID) {
	copy(a[:], pkg)
	return a
}

// graph is one in which each package imports those after it.
func graph(packages ...string) *Graph {
	var list []action
	for i, pkg := range packages {
		a := id(pkg)
		var deps []int
		for d := i + 1; d < len(packages); d++ {
			deps = append(deps, d)
		}
		list = append(list, action{ID: i, Mode: "build", Package: pkg, Deps: deps, ActionID: base64.RawURLEncoding.EncodeToString(a[:])})
	}
	list = append(list, action{ID: 100, Mode: "link", Package: packages[0], Deps: []int{0}, ActionID: "x"})
	text, _ := json.Marshal(list)
	g, err := ParseGraph(text)
	if err != nil {
		panic(err)
	}
	return g
}

func pkg(path, version string) Package {
	p := Package{ImportPath: path, Dir: "/src/" + path}
	if version != "" {
		text := fmt.Sprintf(`{"Path":%q,"Version":%q}`, path, version)
		if err := json.Unmarshal([]byte(text), &p.Module); err != nil {
			panic(err)
		}
	}
	return p
}

func TestExplain(t *testing.T) {
	main, lib, std := pkg("m/main", ""), pkg("dep/lib", "v1.1.0"), pkg("runtime", "")
	main.Name, std.Standard = "main", true
	main.EmbedFiles = []string{"files/x"}
	cgo := pkg("m/cgo", "")
	cgo.CgoFiles = []string{"c.go"}
	if err := json.Unmarshal([]byte(`{"Path":"m","GoMod":"/src/m/go.mod"}`), &cgo.Module); err != nil {
		t.Fatal(err)
	}
	vendored := pkg("dep/lib", "v1.1.0")
	vendored.Dir = "/src/m/vendor/dep/lib"
	packages := map[string]Package{}
	for _, p := range []Package{main, lib, std, cgo} {
		packages[p.ImportPath] = p
	}
	all := []string{"m/main", "m/cgo", "dep/lib", "runtime"}
	have := map[module.Version]bool{{Path: "dep/lib", Version: "v1.1.0"}: true}
	for _, c := range []struct {
		name    string
		f       Facts
		missing []string
		want    string
		stored  bool
	}{
		{"nothing", Facts{}, nil, "", false},
		{"the deepest explains the others", Facts{Differs: []string{"GOAMD64"}}, all, "GOAMD64 1+3 runtime", false},
		{"of modules only", Facts{Differs: []string{"GOMODCACHE"}}, []string{"m/main", "m/cgo", "dep/lib"}, "GOMODCACHE 1+2 dep/lib", false},
		{"links are no packages", Facts{Differs: []string{"GOROOT"}}, []string{"runtime"}, "not in the snapshot 1+0 runtime", false},
		{"of the project only", Facts{Differs: []string{"directory"}}, []string{"m/main", "m/cgo"}, "directory 1+1 m/cgo", false},
		{"C compiler", Facts{Differs: []string{"C compiler"}}, []string{"m/cgo"}, "C compiler 1+0 m/cgo", false},
		{"not C", Facts{Differs: []string{"CC"}}, []string{"m/main"}, "not in the snapshot 1+0 m/main", false},
		{"version", Facts{Modules: map[module.Version]bool{{Path: "dep/lib", Version: "v1.0.0"}: true}}, []string{"dep/lib"}, "module 1+0 dep/lib", false},
		{"source", Facts{Changes: Changes{Commit: "c", Files: []string{"/src/m/main/a.go"}}}, []string{"m/main"}, "source 1+0 m/main", false},
		{"embedded", Facts{Changes: Changes{Commit: "c", Files: []string{"/src/m/main/files/x"}}}, []string{"m/main"}, "source 1+0 m/main", false},
		{"other files", Facts{Changes: Changes{Commit: "c", Files: []string{"/src/m/main/files/y"}}}, []string{"m/main"}, "not in the snapshot 1+0 m/main", false},
		{"commit", Facts{VCS: true, Changes: Changes{Commit: "c"}}, []string{"m/main"}, "commit in the program 1+0 m/main", false},
		{"flags beside the commit", Facts{VCS: true, Changes: Changes{Commit: "c"}, Flags: []Trial{{"no -tags x", 1}}}, []string{"m/main"}, "flags 1+0 m/main", false},
		{"the same commit", Facts{VCS: true, Changes: Changes{Commit: "c", Same: true}}, []string{"m/main"}, "not in the snapshot 1+0 m/main", false},
		{"commit of a library", Facts{VCS: true, Changes: Changes{Commit: "c"}}, []string{"m/cgo"}, "not in the snapshot 1+0 m/cgo", false},
		{"no history", Facts{Changes: Changes{Commit: "c", Unknown: "shallow"}}, []string{"m/cgo"}, "source 1+0 m/cgo", false},
		{"flags", Facts{Flags: []Trial{{"-race", 1}}}, []string{"runtime"}, "flags 1+0 runtime", false},
		{"otherwise", Facts{Elsewhere: map[string]bool{"runtime": true}}, []string{"runtime"}, "other flags or inputs 1+0 runtime", false},
		{"two", Facts{Differs: []string{"directory", "GOMODCACHE"}, Packages: map[string]Package{"dep/lib": lib, "m/cgo": cgo}},
			[]string{"dep/lib", "m/cgo"}, "GOMODCACHE 1+1 dep/lib", false},
		{"go line", Facts{Changes: Changes{Commit: "c", GoLines: []string{"/src/m/go.mod"}}}, []string{"m/cgo"}, "go line of go.mod 1+0 m/cgo", false},
		{"a text beside", Facts{Changes: Changes{Commit: "c", Files: []string{"/src/m/cgo/README.md"}}}, []string{"m/cgo"}, "not in the snapshot 1+0 m/cgo", false},
		{"vendored", Facts{Differs: []string{"directory"}, Packages: map[string]Package{"dep/lib": vendored}}, []string{"dep/lib"}, "directory 1+0 dep/lib", false},
		{"not restored", Facts{Differs: []string{"GOAMD64"}}, []string{"runtime"}, "not restored 1+0 runtime", true},
	} {
		f := c.f
		f.Graph = graph(all...)
		if f.Packages == nil {
			f.Packages = packages
		}
		if f.Modules == nil {
			f.Modules = have
		}
		lacks := map[ActionID]bool{}
		for _, path := range c.missing {
			lacks[id(path)] = true
		}
		f.Here = func(a ActionID) bool { return !lacks[a] }
		f.Stored = func(a ActionID) bool { return !lacks[a] || c.stored }
		r := Explain(f)
		var got []string
		for _, one := range r.Causes {
			got = append(got, fmt.Sprintf("%s %d+%d %s", one.Ingredient, one.Packages, one.Behind, strings.Join(one.Examples, " ")))
			if one.Evidence == "" {
				t.Errorf("%s: no evidence", c.name)
			}
		}
		if strings.Join(got, "; ") != c.want || r.Missing != len(c.missing) || r.Packages != len(all) {
			t.Errorf("%s: %q, missing %d of %d; want %q", c.name, got, r.Missing, r.Packages, c.want)
		}
	}
}

// TestTestCauses: why tests run, with the advice that helps.
func TestTestCauses(t *testing.T) {
	lib := pkg("m/lib", "")
	lib.TestGoFiles = []string{"lib_test.go"}
	for name, c := range map[string]struct {
		f              Facts
		state          TestState
		want, evidence string
		remedies       []string
	}{
		"cached":        {Facts{}, TestCached, "", "", nil},
		"no result":     {Facts{}, TestUnknown, "test results: none", "whose times", []string{"--stable-mtimes"}},
		"stable times":  {Facts{StableTimes: true}, TestUnknown, "test results: none", "they failed", nil},
		"other flags":   {Facts{TestFlags: []string{"-v"}}, TestUnknown, "test results: none", "with -v: they were run with other flags", []string{"same flags", "--stable-mtimes"}},
		"not cacheable": {Facts{Tests: Tests{Disabled: "-count=1"}}, TestUnknown, "", "", nil},
		"other inputs":  {Facts{}, TestChanged, "test results: other inputs", "variables", []string{"set the variables", "--stable-mtimes"}},
		"inputs, with stable times": {Facts{StableTimes: true}, TestChanged, "test results: other inputs", "variables",
			[]string{"set the variables", "gocache mtimes"}},
		"newer files":              {inputs(TestInputs{Newer: []string{"data", "more"}, Variables: []string{"HOME"}}), TestChanged, "test results: file times", "m/lib read data, more", []string{"--stable-mtimes"}},
		"newer, with stable times": {Facts{StableTimes: true, Inputs: inputs(TestInputs{Newer: []string{"data"}}).Inputs}, TestChanged, "test results: file times", "m/lib read data", []string{"gocache mtimes"}},
		"newer, without git":       {Facts{Changes: Changes{Unknown: "no git"}, Inputs: inputs(TestInputs{Newer: []string{"data"}}).Inputs}, TestChanged, "test results: file times", "changed is not known: no git", []string{"--stable-mtimes"}},
		"changed files":            {inputs(TestInputs{Newer: []string{"other"}, Changed: []string{"data"}}), TestChanged, "test results: files", "m/lib read data", nil},
		"variables":                {inputs(TestInputs{Variables: []string{"A", "B", "C", "D", "E", "F", "TMPDIR"}}), TestChanged, "test results: other inputs", "the variables are TMPDIR, A, B, C, D, E and 1 other", []string{"set the variables", "--stable-mtimes"}},
		"asked":                    {inputs(TestInputs{Variables: []string{"GOPROXY"}, Asked: []string{"GOPROXY"}}), TestChanged, "test results: not known", "m/lib read GOPROXY", nil},
		"profile":                  {Facts{Profile: true}, TestChanged, "test results: other inputs", "no coverage profile", []string{"set the variables"}},
		"expired":                  {Facts{Expired: true}, TestChanged, "test results: expired", "go clean", nil},
	} {
		f := c.f
		f.Graph, f.Packages = graph("m/lib"), map[string]Package{"m/lib": lib}
		f.Here = func(ActionID) bool { return true }
		f.Tests.States = map[string]TestState{"m/lib": c.state}
		r := Explain(f)
		var got Cause
		if len(r.Causes) > 0 {
			got = r.Causes[0]
		}
		if got.Ingredient != c.want || !strings.Contains(got.Evidence, c.evidence) || c.remedies == nil && got.Remedy != "" {
			t.Errorf("%s: %+v", name, got)
		}
		for _, remedy := range c.remedies {
			if !strings.Contains(got.Remedy, remedy) {
				t.Errorf("%s: %q has no %q", name, got.Remedy, remedy)
			}
		}
	}
}

func inputs(in TestInputs) Facts { return Facts{Inputs: map[string]TestInputs{"m/lib": in}} }

// TestNamedInputs: of several packages with one cause, one is shown whose inputs are known; causes
// that need different advice are different ones.
func TestNamedInputs(t *testing.T) {
	f := Facts{Packages: map[string]Package{}, Here: func(ActionID) bool { return true }, Inputs: map[string]TestInputs{
		"m/b": {Variables: []string{"HOME", "GITHUB_RUN_ID"}}, "m/c": {Changed: []string{"c/data"}}, "m/d": {Newer: []string{"d/data"}}, "m/e": {Newer: []string{"e/data"}},
		"m/f": {Variables: []string{"GOPROXY"}, Asked: []string{"GOPROXY"}},
	}}
	f.Tests.States = map[string]TestState{}
	for _, path := range []string{"m/a", "m/b", "m/c", "m/d", "m/e", "m/f"} {
		p := pkg(path, "")
		p.TestGoFiles = []string{"x_test.go"}
		f.Packages[path], f.Tests.States[path] = p, TestChanged
	}
	f.Graph = graph("m/a")
	var got []string
	for _, c := range Explain(f).Causes {
		got = append(got, fmt.Sprintf("%s %d %s", c.Ingredient, c.Packages, strings.Join(c.Inputs, ",")))
	}
	want := []string{"test results: file times 2 d/data", "test results: other inputs 2 GITHUB_RUN_ID,HOME", "test results: files 1 c/data", "test results: not known 1 GOPROXY"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestParseTests(t *testing.T) {
	const printed = "ok  \tm/a\t(cached)\nFAIL\tm/b [build failed]\n?   \tm/c\t[no test files]\nFAIL\tm/d [build failed]\nFAIL\tm/e [build failed]\nFAIL\tm/f [build failed]\nFAIL\n"
	got := ParseTests(printed, `testcache: m/a: test ID 61 => 62
testcache: m/a: input list not found: cache entry not found
testcache: m/b: test ID 61 => 62
testcache: m/b: input list not found: cache entry not found
testcache: m/d: test ID 61 => input ID 62 => 63
testcache: m/d: test output not found: cache entry not found
testcache: m/f: test ID 61 => 62
testcache: m/f: input file /src/data: file used as input is too new
`)
	if got.Logs["m/d"] != "61" || got.Logs["m/f"] != "62" {
		t.Errorf("logs %q", got.Logs)
	}
	want := map[string]TestState{"m/a": TestCached, "m/b": TestUnknown, "m/d": TestChanged, "m/e": TestUnknown, "m/f": TestChanged}
	if len(got.States) != len(want) {
		t.Errorf("%v", got.States)
	}
	for name, state := range want {
		if got.States[name] != state {
			t.Errorf("%s: %v, want %v", name, got.States[name], state)
		}
	}
	if d := ParseTests("", "testcache: caching disabled for test argument: -test.count=1\n").Disabled; !strings.Contains(d, "-test.count=1") {
		t.Errorf("disabled: %q", d)
	}
}

func TestParseGraph(t *testing.T) {
	for _, text := range []string{"", "{}", `[{"Mode":"build","Package":"p","ActionID":"short"}]`, `[{"Mode":"build","Package":"p","ActionID":"!!!!!!!!!!!!!!!!!!!!"}]`} {
		if _, err := ParseGraph([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	g := graph("p_test", "p", "q_test")
	if got := g.ImportPaths(); !slices.Equal(got, []string{"p", "q_test"}) {
		t.Errorf("import paths %v", got)
	}
}
