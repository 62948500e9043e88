// Package moduleuse asks the go command which module versions a project uses: those that provide a
// package to a build, a test or a tool, and the toolchain that it switches to. Asking has no side
// effects: it downloads nothing, writes to no cache, and changes no go.mod.
package moduleuse

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/samedir"
)

// Limits of Ask. In a project with more modules, all versions in the go.sum files of the others
// count as used.
const (
	timeout        = time.Minute
	maxMainModules = 50
)

// usedModule is the template by which go list prints each module that provides a package, or its
// replacement.
const usedModule = `{{with .Module}}{{with .Replace}}{{.Path}} {{.Version}}{{else}}{{.Path}} {{.Version}}{{end}}{{end}}`

// Project is the project that Ask asks about.
type Project struct {
	Mains           []Main // first the one that the go command finds in the project directory
	ModDir          string // GOMODCACHE
	GOWORK, GODEBUG string // as "go env" tells them
	// Go runs a go command in dir, with more environment variables, and returns what it prints. Its
	// error contains the go command's own.
	Go func(ctx context.Context, dir string, env []string, args ...string) ([]byte, error)
}

// Ask returns the module versions that a project uses. It takes a minute at most. If the question
// fails for a main module, everything in its go.sum counts as used, and the error says so. The
// exception is a nested module that lacks something in the module cache: no job can have worked on
// it here.
func (p *Project) Ask(ctx context.Context) (map[module.Version]bool, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	// "go list -test" stores the main packages of the tests that it makes up in GOCACHE: entries of
	// no job, which the next save would upload.
	scratch, err := os.MkdirTemp("", "gocache-list-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	used := map[module.Version]bool{}
	var errs []error
	for i, m := range p.Mains {
		err := fmt.Errorf("%s: more than %d modules in the project", m.Dir, maxMainModules)
		if i < maxMainModules {
			err = p.ask(ctx, m.Dir, scratch, used)
		}
		if err == nil || i > 0 && strings.Contains(err.Error(), "GOPROXY=off") {
			continue
		}
		errs = append(errs, err)
		for _, v := range m.Sums {
			used[v] = true
		}
	}
	return used, errors.Join(errs...)
}

// ask adds what one main module uses. For a nested module that is not part of the workspace, the go
// command runs without the workspace.
func (p *Project) ask(ctx context.Context, dir, scratch string, used map[module.Version]bool) error {
	// goindex=0 keeps the go command from marking its index of the modules in GOCACHE as used.
	debug := strings.TrimPrefix(p.GODEBUG+",goindex=0", ",")
	// Without GONOPROXY=none, what matches GOPRIVATE would be fetched from its repository.
	env := []string{"GOPROXY=off", "GONOPROXY=none", "GOCACHE=" + scratch, "GODEBUG=" + debug}
	if err := p.listPackages(ctx, dir, env, used); err != nil {
		if p.GOWORK == "" || p.GOWORK == "off" {
			return err
		}
		if err := p.listPackages(ctx, dir, append(env, "GOWORK=off"), used); err != nil {
			return err
		}
	}
	if v, ok := p.toolchain(ctx, dir, env); ok {
		used[v] = true
	}
	return nil
}

// listPackages runs go list. Of the flags, -mod=readonly takes precedence over one in GOFLAGS, and
// -e tolerates packages that do not build.
func (p *Project) listPackages(ctx context.Context, dir string, env []string, used map[module.Version]bool) error {
	out, err := p.Go(ctx, dir, env, "list", "-mod=readonly", "-deps", "-test", "-e", "-f", usedModule, "./...", "tool")
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		path, version, ok := strings.Cut(lines.Text(), " ")
		if ok && version != "" {
			used[module.Version{Path: path, Version: version}] = true
		}
	}
	return nil
}

// toolchain returns the version of golang.org/toolchain that the go command switches to in dir, if
// any.
func (p *Project) toolchain(ctx context.Context, dir string, env []string) (module.Version, bool) {
	out, err := p.Go(ctx, dir, env, "env", "-json", "GOROOT")
	var e struct{ GOROOT string }
	if err != nil || json.Unmarshal(out, &e) != nil {
		return module.Version{}, false
	}
	rel, inside := samedir.Inside(e.GOROOT, filepath.Join(p.ModDir, "golang.org"))
	version, ok := strings.CutPrefix(rel, "toolchain@")
	return module.Version{Path: modcache.Toolchain, Version: version}, inside && ok && !strings.Contains(version, "/")
}
