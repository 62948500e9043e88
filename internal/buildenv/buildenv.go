// Package buildenv explains why a go command would compile again what a snapshot has. It knows what
// action IDs depend on besides the sources, reduces each of these ingredients to a hash, and says
// in words which of them differ. The facts come from cmd/go/internal/work of go1.26, functions
// buildActionID and printLinkerConfig.
package buildenv

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/org/gocache-action/internal/goflags"
)

// An Env is the environment of a go command of the job.
type Env struct {
	// Directory is that of the main module, or of the workspace.
	Directory string
	// GOROOT is "" where another toolchain than the one that is installed will run
	GOROOT, GOMODCACHE string
	GOFLAGS            string
	// Vars are the variables listed by Variables and Settings.
	Vars map[string]string
	// Compiler is what the C compiler prints about its version; "" if that is unknown, or if cgo is
	// off.
	Compiler string
}

// Names of ingredients that are not variables of the go command.
const (
	directory = "directory"
	compiler  = "C compiler"
)

// always are variables on which every build depends; compilers and cgo are those on which only
// builds with cgo depend.
var (
	always = []string{"GOOS", "GOARCH", "GO386", "GOAMD64", "GOARM", "GOARM64", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64", "GOWASM",
		"GOEXPERIMENT", "GOFIPS140", "CGO_ENABLED", "GO_EXTLINK_ENABLED"}
	compilers = []string{"CC", "CXX"}
	cgo       = []string{"FC", "CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_FFLAGS", "CGO_LDFLAGS", "PKG_CONFIG"}
)

// Variables lists the variables to ask `go env` for.
func Variables() []string { return slices.Concat(always, compilers) }

// Settings lists variables that should not be read with `go env`: it would try out the C compiler
// first, and write the result into the build cache. Setting reads them.
func Settings() []string { return cgo }

// Setting is the value of a variable in the environment, or else in the file of `go env -w`, read
// as the go command does.
func Setting(name string, getenv func(string) string, file []byte) string {
	if v := getenv(name); v != "" {
		return v
	}
	return EnvFile(file)[name]
}

// EnvFile reads the file of `go env -w`, or another go.env, as the go command does: a line is
// NAME=value, and all else counts for nothing.
func EnvFile(file []byte) map[string]string {
	set := map[string]string{}
	for line := range strings.Lines(string(file)) {
		name, value, found := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if found && name != "" && name[0] >= 'A' && name[0] <= 'Z' {
			set[name] = value
		}
	}
	return set
}

// silent are flags that may be in GOFLAGS and do not change the action ID of a package. All others
// count, also those of later versions. -ldflags changes only action IDs of links, and may contain
// secrets that a hash would help others to guess: -X main.token=...
var silent = []string{"C", "a", "artifacts", "bench", "benchmem", "benchtime", "blockprofile", "buildvcs", "c", "count", "cpu", "cpuprofile",
	"exec", "failfast", "fullpath", "fuzz", "fuzzminimizetime", "fuzztime", "json", "ldflags", "list", "memprofile", "mod", "modcacherw", "modfile",
	"mutexprofile", "n", "o", "outputdir", "overlay", "p", "parallel", "run", "short", "shuffle", "skip", "test.v", "timeout", "trace",
	"v", "vet", "work", "x"}

// Hashes reduces the ingredients in env to hashes, by name. The hashes of two machines reveal only
// whether the ingredients are equal.
func Hashes(env Env) map[string]string {
	h := map[string]string{"GOFLAGS": hash(flags(env.GOFLAGS)...)}
	add := func(name, value string) {
		if value != "" {
			h[name] = hash(value)
		}
	}
	if !goflags.Bool(env.GOFLAGS, "trimpath") {
		add(directory, env.Directory)
		add("GOMODCACHE", env.GOMODCACHE)
		add("GOROOT", env.GOROOT)
	}
	names := always
	if env.Vars["CGO_ENABLED"] != "0" {
		names = slices.Concat(always, compilers, cgo)
		add(compiler, env.Compiler)
	}
	for _, name := range names {
		if v, ok := env.Vars[name]; ok { // an unset variable differs from an empty one
			h[name] = hash(v)
		}
	}
	return h
}

// flags lists the flags that count, in an order that does not depend on how GOFLAGS is written. All
// values of one name count, in their order, since some flags apply to patterns of packages.
func flags(value string) (list []string) {
	parsed, _ := goflags.Parse(value)
	slices.SortStableFunc(parsed, func(a, b goflags.Flag) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range parsed {
		if slices.Contains(silent, f.Name) || f.Value == "false" {
			continue
		}
		if !f.HasValue {
			f.Value = "true"
		}
		list = append(list, f.Name+"="+f.Value)
	}
	return list
}

// hash returns 16 hex digits of a SHA-256, enough to distinguish values.
func hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// Differing compares the hashes of a job with those of jobs whose entries a snapshot has. It lists
// the names in which now differs from the most similar of them, or none if there is nothing to
// compare with. A name that only one of the two has, such as the directory if the other builds with
// -trimpath, makes them less similar, but is not listed.
func Differing(now map[string]string, stored []map[string]string) (names []string) {
	best := -1
	for _, old := range stored {
		list := differing(now, old)
		unlike := len(list) + onlyIn(now, old) + onlyIn(old, now)
		if best < 0 || unlike < best {
			best, names = unlike, list
		}
	}
	return names
}

func differing(a, b map[string]string) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if v, ok := b[name]; ok && v != a[name] {
			names = append(names, name)
		}
	}
	return names
}

// onlyIn counts the names that a has and b has not.
func onlyIn(a, b map[string]string) (n int) {
	for name := range a {
		if _, ok := b[name]; !ok {
			n++
		}
	}
	return n
}

// effects says, by ingredient, what a difference means and what to do about it. All other
// ingredients are variables or GOFLAGS.
var effects = map[string]struct{ effect, remedy string }{
	directory:    {"in another checkout directory, so that the packages of the project are compiled again", samePaths},
	"GOMODCACHE": {"with another GOMODCACHE, so that the packages of modules are compiled again", samePaths},
	"GOROOT":     {"with another GOROOT, so that programs and tests are linked again", samePaths},
	compiler: {"with another version of the C compiler, so that packages with cgo, and what imports them, are compiled again",
		"use the same image in every job"},
}

const (
	samePaths  = "use the same path in every job, or build with -trimpath"
	sameValues = "set the same in every job, or give jobs that differ another --name"
)

// Explain says in words what the names from Differing mean for the job, and what to do about it.
func Explain(names []string) string { return Effect(names) + ": " + Remedy(names) }

// Effect says in words how the job differs from one with other values, and what is compiled again
// therefore.
func Effect(names []string) string {
	var parts, vars []string
	for _, name := range names {
		if e, ok := effects[name]; ok {
			parts = append(parts, e.effect)
		} else {
			vars = append(vars, name)
		}
	}
	if len(vars) > 0 {
		parts = append(parts, fmt.Sprintf("with another value of %s, so that what depends on it is compiled again", strings.Join(vars, ", ")))
	}
	return strings.Join(parts, "; ")
}

// Remedy says what to do so that the names do not differ any more.
func Remedy(names []string) string {
	var remedies []string
	for _, name := range names {
		if e, ok := effects[name]; ok {
			remedies = append(remedies, e.remedy)
		} else {
			remedies = append(remedies, sameValues)
		}
	}
	slices.Sort(remedies)
	return strings.Join(slices.Compact(remedies), "; ")
}

// A Reach is which packages an ingredient is part of. What imports these is compiled again as well,
// if they come out differently.
type Reach int

const (
	All     Reach = iota
	Project       // those whose sources lie in the project
	Modules       // those of GOMODCACHE
	Cgo           // those with C sources
	Links         // no package, only programs
)

// OfPaths reports whether the ingredient of a name is a directory, which -trimpath leaves out.
func OfPaths(name string) bool { return name == directory || name == "GOMODCACHE" || name == "GOROOT" }

// ReachOf is which packages the ingredient of a name is part of.
func ReachOf(name string) Reach {
	switch {
	case name == directory:
		return Project
	case name == "GOMODCACHE":
		return Modules
	case name == "GOROOT" || name == "GO_EXTLINK_ENABLED":
		return Links
	case name == compiler || slices.Contains(compilers, name) || slices.Contains(cgo, name):
		return Cgo
	}
	return All
}

// CompilerVersion finds the line with the version in what a C compiler prints with -###, as the go
// command does; "" if there is none.
func CompilerVersion(printed string) string {
	for line := range strings.Lines(printed) {
		fields := strings.Fields(line)
		for i, f := range fields {
			if strings.HasSuffix(f, ":") {
				break // a line such as "Configured with:", which can contain anything
			}
			if f == "version" && i+1 < len(fields) && fields[i+1][0] >= '0' && fields[i+1][0] <= '9' {
				return strings.TrimSpace(line)
			}
		}
	}
	return ""
}
