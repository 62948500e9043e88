package build

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/stdtest"
)

// TestForgetOthers: two projects build in one cache at the same time. What was compiled of the
// other one is left out; where anybody can read what is saved, so is all that is not known to be of
// this one.
func TestForgetOthers(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	if err := stdtest.Fill(cache); err != nil {
		t.Fatal(err)
	}
	goroot := make([]string, 0, 2)
	for _, m := range []string{"mine", "other"} {
		path := "example.com/" + m
		for name, text := range map[string]string{
			"go.mod":        "module " + path + "\n\ngo 1.21\n",
			"lib/a.go":      "package lib\n\nimport \"strings\"\n\n// Marked is for " + m + ".\nfunc Marked(s string) string { return strings.ToUpper(s) + \"" + m + "-code\" }\n",
			"lib/a_test.go": "package lib_test\n\nimport (\n\t\"testing\"\n\n\t\"" + path + "/lib\"\n)\n\nfunc Test(t *testing.T) { t.Log(lib.Marked(\"x\")) }\n",
			"main.go":       "package main\n\nimport \"" + path + "/lib\"\n\nfunc main() { println(lib.Marked(\"x\")) }\n",
		} {
			collecttest.Write(t, filepath.Join(dir, m, filepath.FromSlash(name)), text)
		}
		for _, args := range [][]string{{"test", "./..."}, {"env", "GOROOT"}} {
			cmd := exec.CommandContext(t.Context(), "go", args...)
			cmd.Dir = filepath.Join(dir, m)
			cmd.Env = append(os.Environ(), "GOCACHE="+cache, "GOFLAGS=", "GOPROXY=off", "GOWORK=off", "GOTOOLCHAIN=local")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			goroot = append(goroot, strings.TrimSpace(string(out)))
		}
	}
	o := ScanOptions{Dir: cache, GOROOT: goroot[1], StableTimes: true, Own: func(context.Context) (Own, error) {
		return Own{
			Modules: map[string]bool{"example.com/mine": true},
			Marks:   []string{"example.com/mine", filepath.ToSlash(filepath.Join(dir, "mine")) + "/"},
		}, nil
	}}
	for name, c := range map[string]struct {
		kept, public bool
		compiled     bool // the other's packages are saved
		any          bool // anything of the other is
	}{
		"a machine of its own": {compiled: true, any: true},
		"kept":                 {kept: true, any: true},
		"kept and public":      {kept: true, public: true},
	} {
		t.Run(name, func(t *testing.T) {
			o := o
			o.Public = c.public
			f := scanKept(t, o, c.kept)
			compiled, mine, others, std := tell(t, cache, f)
			if compiled != c.compiled || mine < 4 || others > 0 != c.any || std < 100 && !c.public || (f.Foreign > 0) != c.kept {
				t.Errorf("compiled %v, %d of mine, %d of the other, %d of std, %d left out", compiled, mine, others, std, f.Foreign)
			}
		})
	}
}

// scanKept scans a cache whose entries are as young as the job.
func scanKept(t *testing.T, o ScanOptions, kept bool) Found {
	t.Helper()
	var w collecttest.Warnings
	env := collect.Env{Stock: collect.NewStock(nil, nil), Start: time.Now(), Warn: w.Warn, State: &jobstate.State{Time: time.Now().Add(-time.Hour), Kept: kept}}
	f, err := Scan(t.Context(), env, o)
	if err != nil || len(w) > 0 {
		t.Fatal(err, w)
	}
	return f
}

// tell says what of two projects is in what a scan found.
func tell(t *testing.T, dir string, f Found) (compiled bool, mine, others, std int) {
	t.Helper()
	c := buildcache.Open(dir)
	inv, err := c.Scan(t.Context(), buildcache.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := &scanner{cache: c}
	uses := f.uses()
	for _, e := range inv.Entries {
		if _, found := uses[e.Action]; !found {
			continue
		}
		o, _ := inv.Output(e.Output)
		text := read(t, s, o)
		_, name := c.Describe(o)
		switch {
		case strings.Contains(text, "example.com/other") || strings.Contains(text, "other-code"):
			others++
			compiled = compiled || strings.HasPrefix(name, "example.com/other")
		case strings.Contains(text, "example.com/mine"):
			mine++
		case name != "":
			std++
		}
	}
	return compiled, mine, others, std
}

// TestOrigin: an import path tells whose a package is.
func TestOrigin(t *testing.T) {
	goroot := t.TempDir()
	for _, pkg := range []string{"net/http", "vendor/golang.org/x/net/idna", "cmd/internal/src"} {
		if err := os.MkdirAll(filepath.Join(goroot, "src", filepath.FromSlash(pkg)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mine := Own{Modules: map[string]bool{"example.com/mine": true, "shop": true, "gopkg.in/yaml.v3": true, "example.com/odd_test": true}}
	for pkg, want := range map[string]origin{
		"example.com/mine":             own,
		"example.com/mine/a/b":         own,
		"example.com/mine_test":        own, // the external tests of the root package
		"example.com/mine/a_test":      own,
		"example.com/odd_test":         own,
		"example.com/minefield":        foreign,
		"example.com":                  foreign,
		"gopkg.in/yaml.v3":             own,
		"gopkg.in/yaml.v2":             foreign,
		"shop/cart":                    own,
		"bank/account":                 foreign,
		"net/http":                     own,
		"net/http_test":                own,
		"net/smtp":                     foreign, // of a project that is called net
		"vendor/golang.org/x/net/idna": own,
		"cmd/internal/src":             own,
		"golang.org/x/net/idna":        foreign,
		"/abs/dir":                     foreign,
	} {
		if got := mine.of(pkg, goroot); got != want {
			t.Errorf("%s: %d, want %d", pkg, got, want)
		}
	}
	if got := mine.of("net/http", ""); got != unknown {
		t.Errorf("without a GOROOT: %d", got)
	}
}
