package doctor

import (
	"context"
	"errors"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/modcache"
)

// checkGo: there is a go command, it works, and GOROOT is its own.
func checkGo(_ context.Context, f *Facts) []finding.Finding {
	switch {
	case errors.Is(f.EnvErr, exec.ErrNotFound):
		return []finding.Finding{finding.Failf(finding.Advise("install Go, see https://go.dev/doc/install, or put it into PATH"), "%v", f.EnvErr)}
	case f.EnvErr != nil:
		return []finding.Finding{finding.Failf(finding.Run("go env").With("shows what the go command itself says"), "%v", f.EnvErr)}
	}
	goroot, running := f.Env["GOROOT"], f.Env["GOVERSION"]
	if f.Getenv("GOROOT") != "" {
		if v := versionFile(goroot); v != "" && v != running {
			return []finding.Finding{finding.Failf(f.unset("GOROOT"),
				"the go command is %s, and $GOROOT is %s, which has %s: compilers and library of one do not go with the other", running, goroot, v)}
		}
	}
	return []finding.Finding{finding.Okf("%s for %s/%s in %s", running, f.Env["GOOS"], f.Env["GOARCH"], goroot)}
}

// versionFile is what the VERSION file of a toolchain says; "" if there is none, as in one built
// from a checkout.
func versionFile(goroot string) string {
	data, err := os.ReadFile(filepath.Join(goroot, "VERSION"))
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(first)
}

// A wish is what a go.mod or go.work asks of the toolchain.
type wish struct {
	file      string
	least     string // the go line: no older toolchain works
	preferred string // the toolchain line; "": none
}

// wishes are those of the files in play.
func wishes(f *Facts) (list []wish) {
	if f.Work != nil {
		w := wish{file: "go.work"}
		if f.Work.Go != nil {
			w.least = "go" + f.Work.Go.Version
		}
		if f.Work.Toolchain != nil {
			w.preferred = f.Work.Toolchain.Name
		}
		return append(list, w)
	}
	if f.Mod != nil {
		w := wish{file: "go.mod"}
		if f.Mod.Go != nil {
			w.least = "go" + f.Mod.Go.Version
		}
		if f.Mod.Toolchain != nil {
			w.preferred = f.Mod.Toolchain.Name
		}
		return append(list, w)
	}
	return nil
}

// choice is what GOTOOLCHAIN means: the toolchain to begin with, and whether the go command may
// switch to a newer one, and download it.
type choice struct {
	name               string // "local" or a version
	switches, download bool
}

// parseToolchain reads GOTOOLCHAIN as cmd/go/internal/toolchain does.
func parseToolchain(setting string) choice {
	switch setting {
	case "", "auto":
		return choice{"local", true, true}
	case "path":
		return choice{"local", true, false}
	}
	name, mode, found := strings.Cut(setting, "+")
	return choice{name, found && (mode == "auto" || mode == "path"), found && mode == "auto" || !found && setting != "local"}
}

// checkToolchain: the go command may use the toolchain that go.mod asks for.
func checkToolchain(_ context.Context, f *Facts) []finding.Finding {
	if f.EnvErr != nil {
		return nil
	}
	setting, running := f.Env["GOTOOLCHAIN"], f.Env["GOVERSION"]
	c := parseToolchain(setting)
	start := running
	if c.name != "local" {
		if !version.IsValid(c.name) {
			return []finding.Finding{finding.Failf(f.unset("GOTOOLCHAIN"), "GOTOOLCHAIN=%s (%s) is no toolchain: want auto, local, or such as go1.26.3+auto", setting, f.origin("GOTOOLCHAIN"))}
		}
		start = c.name
	}
	for _, w := range wishes(f) {
		if found, done := fulfil(f, w, c, start); done {
			return []finding.Finding{found}
		}
	}
	return []finding.Finding{finding.Okf("GOTOOLCHAIN=%s (%s), %s", setting, f.origin("GOTOOLCHAIN"), start)}
}

// fulfil says what becomes of a wish; done is false if there is nothing to say.
func fulfil(f *Facts, w wish, c choice, start string) (found finding.Finding, done bool) {
	setting := f.Env["GOTOOLCHAIN"]
	want := w.least
	if version.Compare(w.preferred, want) > 0 && c.switches {
		want = w.preferred
	}
	switch {
	case want == "" || !version.IsValid(start) || version.Compare(start, want) >= 0:
		return found, false
	case !c.switches:
		return finding.Failf(finding.Run(f.set("GOTOOLCHAIN", "auto")), "%s asks for %s, and GOTOOLCHAIN=%s (%s) keeps the go command at %s",
			w.file, w.least, setting, f.origin("GOTOOLCHAIN"), start), true
	case hasToolchain(f, want):
		return finding.Okf("%s asks for %s, which is in the module cache; the go command itself is %s", w.file, want, start), true
	case !c.download:
		return unknown("%s asks for %s, which GOTOOLCHAIN=%s looks for in PATH only", w.file, want, setting), true
	case strings.TrimSpace(f.Env["GOPROXY"]) == "off":
		return finding.Failf(f.unset("GOPROXY").With("gives the go command a proxy; or install "+want),
			"%s asks for %s, which is not in the module cache, and GOPROXY=off forbids to download it", w.file, want), true
	}
	return finding.Okf("%s asks for %s, which the next go command downloads; the go command itself is %s", w.file, want, start), true
}

// hasToolchain reports whether a toolchain is in the module cache.
func hasToolchain(f *Facts, name string) bool {
	tree := fmt.Sprintf("toolchain@v0.0.1-%s.%s-%s", name, hostOf(f.Env["GOHOSTOS"], runtime.GOOS), hostOf(f.Env["GOHOSTARCH"], runtime.GOARCH))
	parent := filepath.Join(f.Env["GOMODCACHE"], filepath.FromSlash(filepath.Dir(modcache.Toolchain)))
	info, err := os.Stat(filepath.Join(parent, tree))
	return err == nil && info.IsDir()
}

func hostOf(said, running string) string {
	if said == "" {
		return running
	}
	return said
}

// checkModuleMode: the go command reads go.mod.
func checkModuleMode(_ context.Context, f *Facts) []finding.Finding {
	if f.EnvErr != nil {
		return nil
	}
	mode := f.Env["GO111MODULE"]
	has := findUp(f.Dir, "go.mod")
	switch {
	case mode == "off" && has != "":
		return []finding.Finding{finding.Failf(f.unset("GO111MODULE"), "GO111MODULE=off (%s): the go command is in GOPATH mode and does not read %s", f.origin("GO111MODULE"), has)}
	case mode == "off":
		return []finding.Finding{finding.Warnf(f.unset("GO111MODULE"), "GO111MODULE=off (%s): the go command is in GOPATH mode and knows no modules", f.origin("GO111MODULE"))}
	case mode != "" && mode != "on" && mode != "auto":
		return []finding.Finding{finding.Failf(f.unset("GO111MODULE"), "GO111MODULE=%s (%s): want on, off or auto", mode, f.origin("GO111MODULE"))}
	case f.gomod() == "" && f.gowork() == "":
		return []finding.Finding{finding.Okf("no go.mod in %s or above it: the checks of a project have nothing to look at", f.Dir)}
	case f.gomod() == "":
		return []finding.Finding{finding.Okf("no go.mod in %s or above it, and the workspace of %s", f.Dir, f.gowork())}
	}
	return []finding.Finding{finding.Okf("modules, %s", f.gomod())}
}

// findUp is the next file of this name in dir or above it; "" if there is none.
func findUp(dir, name string) string {
	for {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			return file
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}
