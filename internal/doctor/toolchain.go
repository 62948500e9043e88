package doctor

import (
	"context"
	"errors"
	"fmt"
	"go/version"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/goproxy"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/redact"
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
		if !isDir(filepath.Join(goroot, "src", "runtime")) {
			return []finding.Finding{finding.Failf(f.unset("GOROOT"), "$GOROOT is %s, where no Go is: nothing of the standard library is found", goroot)}
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

// checkToolchain: the go command may use the toolchain that go.mod asks for, and can have it.
func checkToolchain(ctx context.Context, f *Facts) []finding.Finding {
	if f.EnvErr != nil {
		return nil
	}
	setting, running := f.Env["GOTOOLCHAIN"], f.Env["GOVERSION"]
	c := parseToolchain(setting)
	start, who := running, fmt.Sprintf("GOTOOLCHAIN=%s (%s)", setting, f.origin("GOTOOLCHAIN"))
	if c.name != "local" {
		if !version.IsValid(c.name) {
			return []finding.Finding{finding.Failf(f.unset("GOTOOLCHAIN"), "%s is no toolchain: want auto, local, or such as go1.26.3+auto", who)}
		}
		start = c.name
	}
	for _, w := range wishes(f) {
		want := w.least
		if version.Compare(w.preferred, want) > 0 && c.switches {
			want = w.preferred
		}
		switch {
		case want == "" || !version.IsValid(start) || version.Compare(start, want) >= 0:
		case !c.switches:
			return []finding.Finding{finding.Failf(finding.Run(f.set("GOTOOLCHAIN", "auto")), "%s asks for %s, and %s keeps the go command at %s", w.file, w.least, who, start)}
		default:
			// From go1.21 on the first release of a language has a number of its own.
			if want == version.Lang(want) && version.Compare(want, "go1.21") >= 0 {
				want += ".0"
			}
			remedy := finding.Advise("see on https://go.dev/dl/ which there are, then: go mod edit -go=VERSION")
			return []finding.Finding{obtain(f, ctx, w.file, want, c.download, remedy)}
		}
	}
	if start != running {
		return []finding.Finding{obtain(f, ctx, who, start, c.download, f.unset("GOTOOLCHAIN"))}
	}
	return []finding.Finding{finding.Okf("%s, %s", who, start)}
}

// obtain says where the go command has another toolchain from, which somebody asks for. remedy is
// for one that nobody has.
func obtain(f *Facts, ctx context.Context, who, want string, download bool, remedy finding.Remedy) finding.Finding {
	running := f.Env["GOVERSION"]
	_, err := exec.LookPath(want)
	switch {
	case hasToolchain(f, want):
		return finding.Okf("%s asks for %s, which is in the module cache; the go command itself is %s", who, want, running)
	case err == nil:
		return finding.Okf("%s asks for %s, which is in PATH; the go command itself is %s", who, want, running)
	case !download:
		return unknown("%s asks for %s, which GOTOOLCHAIN=%s looks for in PATH only", who, want, f.Env["GOTOOLCHAIN"])
	case strings.TrimSpace(f.Env["GOPROXY"]) == "off":
		return finding.Failf(f.unset("GOPROXY").With("gives the go command a proxy; or install "+want),
			"%s asks for %s, which is not in the module cache, and GOPROXY=off forbids to download it", who, want)
	}
	from, err := findToolchain(f, ctx, want)
	switch {
	case err != nil:
		return unknown("%s asks for %s, which is not here, and whether it can be downloaded nobody says: %v", who, want, err)
	case from == "":
		return finding.Failf(remedy, "%s asks for %s, which nobody has who is in GOPROXY: go commands fail", who, want)
	}
	return finding.Okf("%s asks for %s, which the next go command downloads from %s; the go command itself is %s", who, want, from, running)
}

// directToolchains is where the go command downloads toolchains without a proxy: what
// https://golang.org/toolchain?go-get=1 names.
const directToolchains = "https://go.dev/dl/mod"

// findToolchain asks the proxies in their order for a toolchain, as the go command does. from is
// "" if all that it would ask do not have it.
func findToolchain(f *Facts, ctx context.Context, name string) (from string, err error) {
	var failed error // of one that the go command passes over
	for _, e := range goproxy.Split(f.Env["GOPROXY"]) {
		base := e.Name
		switch base {
		case "off":
			return "", failed
		case "direct":
			base = directToolchains
		}
		u, err := url.Parse(base)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" {
			return "", fmt.Errorf("%s is not asked", redact.Text(base))
		}
		r := f.ask(ctx, http.MethodHead, u.JoinPath(modcache.Toolchain, "@v", toolchainVersion(f, name)+".zip"))
		switch absent := r.status == http.StatusNotFound || r.status == http.StatusGone; {
		case r.err == nil && r.status == http.StatusOK:
			return redact.URL(u), nil
		case r.err != nil:
			failed = fmt.Errorf("%s: %w", redact.URL(u), r.err)
		case !absent:
			failed = fmt.Errorf("%s answers %d", redact.URL(u), r.status)
		}
		if e.Name == "direct" || failed != nil && !e.FallBack {
			break
		}
	}
	return "", failed
}

// toolchainVersion is the version of a toolchain as a module, for this machine.
func toolchainVersion(f *Facts, name string) string {
	return fmt.Sprintf("v0.0.1-%s.%s-%s", name, hostOf(f.Env["GOHOSTOS"], runtime.GOOS), hostOf(f.Env["GOHOSTARCH"], runtime.GOARCH))
}

// hasToolchain reports whether a toolchain is in the module cache.
func hasToolchain(f *Facts, name string) bool {
	return isDir(filepath.Join(f.Env["GOMODCACHE"], filepath.FromSlash(modcache.Toolchain)+"@"+toolchainVersion(f, name)))
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
