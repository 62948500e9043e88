package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/keys"
)

// Limits of moduleUse. A project with more modules has the rest counted by their go.sum.
const (
	moduleUseTimeout = time.Minute
	maxMainModules   = 50
)

// usedModule is printed by go list for each module that provides a package; with a replacement, for that.
const usedModule = `{{with .Module}}{{with .Replace}}{{.Path}} {{.Version}}{{else}}{{.Path}} {{.Version}}{{end}}{{end}}`

// moduleUse asks the go command which module versions provide a package to a build, a test or a tool of the project, and which
// toolchain it uses. It downloads nothing, writes to no cache, changes no go.mod, and takes a minute at most. A main module for
// which that fails has everything used that its go.sum names, and the error says so; unless it is a nested one for which something
// is not in the module cache: then no job can have worked on it here.
func (p *project) moduleUse(ctx context.Context) (map[module.Version]bool, error) {
	ctx, cancel := context.WithTimeout(ctx, moduleUseTimeout)
	defer cancel()
	// "go list -test" stores the main packages of the tests that it makes up in GOCACHE: entries of no job, which the next save would upload.
	scratch, err := os.MkdirTemp("", "gocache-list-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	used := map[module.Version]bool{}
	var errs []error
	for i, m := range p.mainModules {
		err := fmt.Errorf("%s: more than %d modules in the project", m.dir, maxMainModules)
		if i < maxMainModules {
			err = p.listModule(ctx, m.dir, scratch, used)
		}
		if err == nil || i > 0 && strings.Contains(err.Error(), "GOPROXY=off") {
			continue
		}
		errs = append(errs, err)
		for _, v := range m.sums {
			used[v] = true
		}
	}
	return used, errors.Join(errs...)
}

// listModule adds what one main module uses. A nested one that is not part of the workspace is asked without it.
func (p *project) listModule(ctx context.Context, dir, scratch string, used map[module.Version]bool) error {
	env := []string{"GOPROXY=off", "GOCACHE=" + scratch, "GODEBUG=" + p.env.debugWith("goindex=0")}
	if err := listPackages(ctx, dir, env, used); err != nil {
		if p.env.GOWORK == "" || p.env.GOWORK == "off" {
			return err
		}
		if err := listPackages(ctx, dir, append(env, "GOWORK=off"), used); err != nil {
			return err
		}
	}
	if v, ok := p.toolchain(ctx, dir, env); ok {
		used[v] = true
	}
	return nil
}

// listPackages runs go list. Of the flags, -mod=readonly takes precedence over one in GOFLAGS, -e tolerates packages
// that do not build, and goindex=0 (in env) keeps the go command from marking its index of the modules in GOCACHE as used.
func listPackages(ctx context.Context, dir string, env []string, used map[module.Version]bool) error {
	out, err := goOutput(ctx, dir, env, "list", "-mod=readonly", "-deps", "-test", "-e", "-f", usedModule, "./...", "tool")
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

// toolchain tells which version of golang.org/toolchain the go command switches to in dir, if to any.
func (p *project) toolchain(ctx context.Context, dir string, env []string) (module.Version, bool) {
	out, err := goOutput(ctx, dir, env, "env", "-json", "GOROOT")
	var e struct{ GOROOT string }
	if err != nil || json.Unmarshal(out, &e) != nil {
		return module.Version{}, false
	}
	rel, err := filepath.Rel(filepath.Join(p.modDir, "golang.org"), e.GOROOT)
	version, ok := strings.CutPrefix(rel, "toolchain@")
	return module.Version{Path: modcache.Toolchain, Version: version}, err == nil && ok && !strings.ContainsRune(version, filepath.Separator)
}

// mainModule is a module of the project, with the versions that its go.sum names.
type mainModule struct {
	dir  string
	sums []module.Version
}

// mainModules lists the modules that are not vendored, first the one that the go command finds in the project directory.
func mainModules(project, gomod string, files []keys.File) []mainModule {
	byDir := map[string]*mainModule{}
	for _, f := range files {
		dir := filepath.Dir(filepath.Join(project, filepath.FromSlash(f.Path)))
		if base := path.Base(f.Path); f.Vendored || base != "go.mod" && base != "go.sum" {
			continue
		}
		if byDir[dir] == nil {
			byDir[dir] = &mainModule{dir: dir}
		}
		if path.Base(f.Path) == "go.sum" {
			byDir[dir].sums = sumVersions(f.Data)
		}
	}
	var list []mainModule
	for _, m := range byDir {
		list = append(list, *m)
	}
	first := filepath.Dir(gomod)
	slices.SortFunc(list, func(a, b mainModule) int {
		if (a.dir == first) != (b.dir == first) {
			if a.dir == first {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(len(a.dir), len(b.dir)), strings.Compare(a.dir, b.dir))
	})
	return list
}

// sumVersions lists the versions whose trees a go.sum names. The file was parsed before, so what is wrong with it is known.
func sumVersions(data []byte) (list []module.Version) {
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) == 3 && !strings.HasSuffix(f[1], "/go.mod") {
			list = append(list, module.Version{Path: f[0], Version: f[1]})
		}
	}
	return list
}
