package build

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/goentry"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/stdtest"
)

// TestForgetOthers: three projects build, test and run in one cache at the same time. What of the
// others can be told is left out; where anybody can read what is saved, all that is not known to be
// of this one. Its own results, programs and packages stay.
func TestForgetOthers(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	if err := stdtest.Fill(cache); err != nil {
		t.Fatal(err)
	}
	lib := func(name, uses string) string {
		return "package lib\n\nimport \"strings\"\n\n" + uses + "\nfunc Marked(s string) string { return strings.ToUpper(s) + \"" + name + "-code\" }\n"
	}
	const test = "package lib_test\n\nimport (\n\t\"testing\"\n\n\t\"PATH/lib\"\n)\n\nfunc Test(t *testing.T) { t.Log(lib.Marked(\"x\")) }\n"
	for name, text := range map[string]string{
		"mine/go.mod":        "module example.com/mine\n\ngo 1.21\n",
		"mine/lib/a.go":      lib("mine", ""),
		"mine/lib/a_test.go": strings.ReplaceAll(test, "PATH", "example.com/mine"),
		"mine/main.go":       "package main\n\nimport \"example.com/mine/lib\"\n\nfunc main() { println(lib.Marked(\"x\")) }\n",
		// a project that uses this one, as it has fetched it
		"used/go.mod":         "module example.com/mine\n\ngo 1.21\n",
		"used/lib/a.go":       lib("mine", ""),
		"other/go.mod":        "module example.com/other\n\ngo 1.21\n\nrequire example.com/mine v1.0.0\n\nreplace example.com/mine => ../used\n",
		"other/lib/a.go":      lib("other", "import _ \"example.com/mine/lib\"\n"),
		"other/lib/a_test.go": strings.ReplaceAll(test, "PATH", "example.com/other"),
		"other/main.go":       "package main\n\nimport \"example.com/other/lib\"\n\nfunc main() { println(lib.Marked(\"x\")) }\n",
		// a program that uses this project, and has no package of its own with a name
		"solo/go.mod":  "module solo\n\ngo 1.21\n\nrequire example.com/mine v1.0.0\n\nreplace example.com/mine => ../used\n",
		"solo/main.go": "package main\n\nimport \"example.com/mine/lib\"\n\nfunc main() { println(lib.Marked(\"solo-code\")) }\n",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		collecttest.Write(t, file, text)
		old := time.Now().Add(-time.Hour) // the go command makes no index of what is younger than 2 s
		if err := os.Chtimes(file, old, old); err != nil {
			t.Fatal(err)
		}
	}
	run := func(in string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = filepath.Join(dir, in)
		cmd.Env = append(os.Environ(), "GOCACHE="+cache, "GOFLAGS=", "GOPROXY=off", "GOWORK=off", "GOTOOLCHAIN=local")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	for _, m := range []string{"mine", "other", "solo"} {
		run(m, "test", "./...")
		run(m, "run", ".")
	}
	o := ScanOptions{Dir: cache, GoVersion: run("mine", "env", "GOVERSION"), GOROOT: run("mine", "env", "GOROOT"), StableTimes: true, Own: func(context.Context) (Own, error) {
		return Own{
			Modules: map[string]bool{"example.com/mine": true},
			Dirs:    []string{filepath.ToSlash(filepath.Join(dir, "mine")) + "/"},
		}, nil
	}}
	all := tell(t, cache, scanKept(t, o, false))
	for _, k := range []string{"mine package", "mine program", "mine test result", "mine test log", "mine package index", "other package", "other package index", "other program", "other test result", "solo package", "solo program"} {
		if all[k] == 0 {
			t.Errorf("no %s to tell from others: %v", k, all)
		}
	}
	for name, public := range map[string]bool{"kept": false, "kept and public": true} {
		t.Run(name, func(t *testing.T) {
			o := o
			o.Public = public
			f := scanKept(t, o, true)
			got := tell(t, cache, f)
			for _, k := range []string{"mine package", "mine program", "mine test result", "mine test log", " package", " vet facts"} {
				want := all[k]
				if public && k == "mine package" {
					want-- // the main of a test, which has no file in the project
				}
				if got[k] < want {
					t.Errorf("%d of %d of %q", got[k], all[k], k)
				}
			}
			if n := got["mine package index"]; n != 2 { // solo has one that looks alike
				t.Errorf("%d of 2 package indexes, of %d", n, all["mine package index"])
			}
			for k, n := range got {
				// What a program's own object file is of, nothing in it tells.
				if is := k == "solo package" && !public; strings.HasPrefix(k, "other") || strings.HasPrefix(k, "solo") && !is {
					t.Errorf("%d of %q would be saved", n, k)
				}
			}
			if f.Foreign == 0 || !slices.Equal(f.ForeignModules, []string{"example.com/other", "stdtest.invalid/std"}) {
				t.Errorf("%d left out, of %q", f.Foreign, f.ForeignModules)
			}
		})
	}
}

// scanKept scans a cache whose entries are as young as the job.
func scanKept(t *testing.T, o ScanOptions, kept bool) Found {
	t.Helper()
	var w collecttest.Warnings
	env := collect.Env{Stock: collect.NewStock(nil, nil), Start: time.Now(), Warn: w.Warn, State: &jobstate.State{Time: time.Now().Add(-time.Hour), KeptBuild: kept}}
	f, err := Scan(t.Context(), env, o)
	if err != nil || len(w) > 0 {
		t.Fatal(err, w)
	}
	return f
}

// tell counts the entries that a scan found by project and kind.
func tell(t *testing.T, dir string, f Found) map[string]int {
	t.Helper()
	c := buildcache.Open(dir)
	inv, err := c.Scan(t.Context(), buildcache.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := &scanner{cache: c}
	counts, uses := map[string]int{}, f.uses()
	for _, e := range inv.Entries {
		if _, found := uses[e.Action]; !found {
			continue
		}
		o, _ := inv.Output(e.Output)
		text, project := read(t, s, o), ""
		kind, _ := c.Describe(o)
		for _, p := range []string{"mine", "other", "solo"} { // the others use the first
			if strings.Contains(text, "example.com/"+p) || strings.Contains(text, p+"-code") || strings.Contains(text, "solo\t") && p == "solo" {
				project = p
			}
		}
		if strings.Contains(text, "stdtest.invalid") {
			project = "filler" // what filled the cache
		}
		if kind == goentry.KindTestLog && project == "" {
			project = "mine" // they have nothing but names of variables and files
		}
		counts[project+" "+string(kind)]++
	}
	return counts
}

// TestOrigin: an import path tells whose a package is.
func TestOrigin(t *testing.T) {
	goroot := t.TempDir()
	for _, pkg := range []string{"net", "vendor", "cmd", "crypto", "plugin"} {
		if err := os.MkdirAll(filepath.Join(goroot, "src", filepath.FromSlash(pkg)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mine := Own{Modules: map[string]bool{"example.com/mine": true, "shop": true, "gopkg.in/yaml.v3": true, "example.com/odd_test": true}}
	for pkg, want := range map[string]origin{
		"example.com/mine":        own,
		"example.com/mine/a/b":    own,
		"example.com/mine_test":   own, // the external tests of the root package
		"example.com/mine/a_test": own,
		"example.com/odd_test":    own,
		"example.com/minefield":   foreign,
		"example.com":             foreign,
		"gopkg.in/yaml.v3":        own,
		"gopkg.in/yaml.v2":        foreign,
		"shop/cart":               own,
		"bank/account":            foreign,
		"net/http":                own,
		"net/http_test":           own,
		"crypto/internal/fips140/v1.0.0-c2097c7c/sha256": own, // its directory is in GOMODCACHE
		"plugin/unnamed-4f3a":                            own,
		"example.com/dep_test/x":                         foreign,
		"vendor/golang.org/x/net/idna":                   own,
		"cmd/internal/src":                               own,
		"golang.org/x/net/idna":                          foreign,
		"/abs/dir":                                       foreign,
	} {
		if got := mine.of(pkg, goroot); got != want {
			t.Errorf("%s: %d, want %d", pkg, got, want)
		}
	}
	if got := mine.of("net/http", ""); got != unknown {
		t.Errorf("without a GOROOT: %d", got)
	}
}
